"""Bytes that look like events and are not quite: seeded, structured, fast.

A valid event is cut into the places where its values, names and members stand; a
mutation writes something awkward to some of these places. No event is parsed or built
again, so a million of them take seconds.
"""

import re
from collections.abc import Callable, Sequence
from random import Random
from typing import Final

import attrs

_TOKEN: Final = re.compile(rb'"(?:[^"\\]|\\.)*"|[{}\[\]:,]|[^\s{}\[\]:,"]+')
_DEEP: Final = 2_000

FRAGMENTS: Final[Sequence[bytes]] = (
    *(b"null", b"true", b"false", b"0", b"1", b"-7", b"1.0", b"1.10", b"1e2", b"-0"),
    *(b"-0.0", b"1e400", b"-1e400", b"1e-400", b"NaN", b"Infinity", b"01", b"1.", b"-"),
    *(b"9" * 20, b"9223372036854775808", b"1" + b"0" * 400, b"0." + b"1" * 400),
    *(b"1" + b"0" * 4300, b'"' + b"9" * 4301 + b'"', b"tru", b"nul", b"'a'", b""),
    *(b'""', b'"1"', b'"1.10"', b'"x"', b'"full"', b'"merlot"', b'"SALE"', b'"web"'),
    *(b'"NaN"', b'"sNaN"', b'"Infinity"', b'"-inf"', b'"1e5"', b'" 1_0 "', b'"1,5"'),
    *(b'"\\u0000"', b'"a\\u0000b"', b'"\x00"', b'"\t"', b'"\\x"', b'"\\u12"', b'"\\'),
    *(b'"\\ud800"', b'"\\udc00"', b'"\\ud83d\\ude00"', b'"\\ude00\\ud83d"'),
    *(b'"\xed\xa0\x80"', b'"\xff"', b'"\xc0\x80"', b'"\xf5\x80\x80\x80"', b'"\xe2\x82'),
    *('"é"'.encode(), '"\u202e"'.encode(), '"\U0010ffff"'.encode(), b'"\\u00e9"'),
    *(b"[]", b"{}", b"[1]", b'[1,"2"]', b"[1,]", b"[,1]", b'{"a":1}', b'{"a":1,"a":2}'),
    *(b'{"litres":1,"price":"NaN"}', b'{"code":"abcde"}', b'{"code":1}', b"{1:2}"),
    *(b'"2026-11-23"', b'"2026-11-23T07:00:00"', b'"2026-11-23T07:00:00.5+02:00"'),
    *(b'"2026-11-23 07:00:00Z"', b'"2026-02-30T00:00:00Z"', b'"20261123T070000Z"'),
    *(b'"0001-01-01T00:00:00+01:00"', b'"9999-12-31T23:59:59.9999999Z"', b'"0"'),
    *(b'"2026-11-23T24:00:00Z"', b'"2026-11-23T07:00:60Z"', b'"-2026-11-23T07:00:00Z"'),
    *(b'"00000000-0000-0000-0000-000000000005"', b'"urn:uuid:5"', b"1e999999999"),
    *(b'"INVENTORY_ADJUSTED"', b'"ORDER_CREATED"', b'"CELLAR_COUNTED"'),
    *(b'"CORK_RETURNED"', b'"BOTTLE_SOLD"', b'"' + b"T" * 2000 + b'"'),
)
_BOMBS: Final[Sequence[bytes]] = (
    b"[" * _DEEP + b"]" * _DEEP,
    b'{"a":' * _DEEP + b"1" + b"}" * _DEEP,
    b"[" * _DEEP,
    b'[{"a":' * (_DEEP // 2),
)
_INSERTED: Final[Sequence[bytes]] = (
    *(b"\x00", b"\xff", b"\xef\xbb\xbf", b"\xc0", b"\xed\xa0\x80", b"\\", b'"', b","),
    *(b"{", b"}", b"[", b"]", b" ", b"\n", b"\r", b"\x0b", b"//", b"\xf4\x90\x80\x80"),
)


@attrs.frozen
class Template:
    """A valid event's bytes, and where its values, names and members stand."""

    text: bytes
    values: tuple[tuple[int, int], ...]
    names: tuple[tuple[int, int], ...]
    members: tuple[tuple[int, int], ...]
    """From a name's beginning to its value's end."""

    @classmethod
    def of(cls, text: bytes) -> "Template":
        """Take valid JSON apart."""
        tokens = [(m.group(), m.start(), m.end()) for m in _TOKEN.finditer(text)]
        values: list[tuple[int, int]] = []
        names: list[tuple[int, int]] = []
        members: list[tuple[int, int]] = []

        def value(at: int) -> int:
            """Note the value at this token; return the token after it."""
            token, start, _ = tokens[at]
            after = at + 1
            if token in b"{[":
                while tokens[after][0] not in b"}]":
                    if tokens[after][0] == b",":
                        after += 1
                    if token == b"{":
                        name = tokens[after]
                        after = value(after + 2)
                        names.append(name[1:])
                        members.append((name[1], tokens[after - 1][2]))
                    else:
                        after = value(after)
                after += 1
            values.append((start, tokens[after - 1][2]))
            return after

        value(0)
        return cls(text, tuple(values), tuple(names), tuple(members))


def mutated(chance: Random, templates: Sequence[Template]) -> bytes | None:
    """Return a value for a message: an event, or something that hopes to pass for one.

    A tenth of them stay as they are. The same `chance` gives the same bytes.
    """
    template = chance.choice(templates)
    kind = chance.random()
    if kind < 0.1:
        return template.text
    for share, change in _CHANGES:
        if kind < share:
            return change(chance, template)
    return _of_nothing(chance)


def _values(chance: Random, template: Template) -> bytes:
    """Write other values, one to three of them."""
    spans = chance.sample(template.values, min(chance.randint(1, 3), 3))
    return _written(
        template.text, [(*span, chance.choice(FRAGMENTS)) for span in spans]
    )


def _members(chance: Random, template: Template) -> bytes:
    """Take a member away, or write it twice, with other values or not."""
    start, stop = chance.choice(template.members)
    member = template.text[start:stop]
    name = member.partition(b":")[0]
    other = name + b":" + chance.choice(FRAGMENTS)
    new = chance.choice(
        (
            b'"zzz":' + chance.choice(FRAGMENTS),
            member + b"," + member,
            member + b"," + other,
            other + b"," + member,
            chance.choice(FRAGMENTS) + b":1",
        )
    )
    return _written(template.text, [(start, stop, new)])


def _names(chance: Random, template: Template) -> bytes:
    """Give a member another name, or none."""
    start, stop = chance.choice(template.names)
    name = chance.choice(
        (b'"event_type"', b'"event_id"', b'"zzz"', b'""', b'"\\ud800"')
    )
    return _written(template.text, [(start, stop, name)])


def _bytes(chance: Random, template: Template) -> bytes:
    """Cut bytes out, put others in, one to four times."""
    value = template.text
    for _ in range(chance.randint(1, 4)):
        start = chance.randrange(len(value) + 1)
        stop = min(len(value), start + chance.choice((0, 0, 1, 2, 30)))
        new = chance.choice((b"", chance.choice(_INSERTED), chance.randbytes(1)))
        value = value[:start] + new + value[stop:]
    return value


def _cut(chance: Random, template: Template) -> bytes:
    """End too early, or go on with something else."""
    at = chance.randrange(len(template.text) + 1)
    tail = chance.choice((b"", b"", b"\x00", template.text, b" {}", b"}", b"]"))
    return template.text[:at] + tail if tail else template.text[:at]


def _bomb(chance: Random, template: Template) -> bytes:
    """Nest far beyond any stack, somewhere or everywhere."""
    bomb = chance.choice(_BOMBS)
    if chance.random() < 0.3:
        return bomb
    return _written(template.text, [(*chance.choice(template.values), bomb)])


def _encoding(chance: Random, template: Template) -> bytes:
    """Choose another encoding, or put a mark before it."""
    text = template.text.decode()
    codec = chance.choice(("utf-16", "utf-16-le", "utf-32", "utf-8-sig", "latin-1"))
    return text.encode(codec, "replace")


def _of_nothing(chance: Random) -> bytes | None:
    """Make no event at all."""
    kind = chance.randrange(4)
    if kind == 0:
        return None
    if kind == 1:
        return chance.choice(FRAGMENTS)
    return chance.randbytes(chance.randrange(64))


_CHANGES: Final[Sequence[tuple[float, Callable[[Random, Template], bytes]]]] = (
    (0.50, _values),
    (0.65, _members),
    (0.70, _names),
    (0.86, _bytes),
    (0.94, _cut),
    (0.943, _bomb),
    (0.96, _encoding),
)


def _written(text: bytes, changes: Sequence[tuple[int, int, bytes]]) -> bytes:
    """Write from the end; what lies inside of what was written already is left out."""
    limit = len(text)
    for start, stop, new in sorted(changes, reverse=True):
        if stop <= limit:
            text, limit = text[:start] + new + text[stop:], start
    return text
