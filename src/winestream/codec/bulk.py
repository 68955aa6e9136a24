"""The way through a run: most messages many at a time, the odd one alone.

A lens takes a chunk until a message stops it; what it decoded so far counts, so that
no message is decoded twice for its neighbour's fault.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import compress, pairwise
from typing import Any

import attrs

from winestream.codec.fields import in_range
from winestream.codec.guard import Guard
from winestream.codec.instances import Make
from winestream.codec.text import SHORT, is_utf8, too_deep
from winestream.records import Failure

# Messages decoded at a time: enough to make the bookkeeping cheap, few enough that a
# refused amount is soon found among them and that hardly any objects are alive at once.
# An event takes 1.61 µs with 32, 1.55 with 64, 1.49 with 128, 1.50 with 256.
_CHUNK = 128

# Two messages as close as this that only the exact lens takes: the rest is for it. It
# pays where one in 25 is such (a look and its bookkeeping cost 13 µs, the exact lens
# 0.5 µs more a message); closer than that, so that two rare ones seldom decide it.
_NEAR = 8

# Faults in a row cost an attempt each at taking many. After so many looks at one alone
# there is another.
_MOST_ALONE = 16


@attrs.frozen
class Kind:
    """What is done with a mirror once it is decoded."""

    event_type: str
    guard: Guard | None
    check: Make | None
    """Runs the class's own code, where it has any."""


@attrs.frozen
class Lens:
    """A union of mirrors: how a value is decoded, and what its mirrors stand for.

    A quick one takes less than an exact one, and all it takes the exact one takes too.
    """

    decode: Callable[[bytes], Any]
    kinds: Mapping[type, Kind]
    quick: bool
    asks: bool
    """Whether any of its classes has code of its own to be asked."""


@attrs.define
class Columns:
    """What is kept of the messages: of the valid ones their heads, in order."""

    event_ids: list[str] = attrs.field(factory=list)
    event_types: list[str] = attrs.field(factory=list)
    occurred_at: list[float] = attrs.field(factory=list)
    schema_versions: list[int] = attrs.field(factory=list)
    failures: dict[int, Failure] = attrs.field(factory=dict)

    def add(self, head: Any, event_type: str) -> None:  # noqa: ANN401 — a mirror
        """Keep one valid head."""
        self.event_ids.append(head.event_id)
        self.event_types.append(event_type)
        self.occurred_at.append(head.occurred_at.timestamp())
        self.schema_versions.append(head.schema_version)

    def add_many(
        self, heads: Sequence[Any], types: Sequence[str], seconds: Sequence[float]
    ) -> None:
        """Keep valid heads, whose types and times are known."""
        self.event_ids.extend([head.event_id for head in heads])
        self.event_types.extend(types)
        self.occurred_at.extend(seconds)
        self.schema_versions.extend([head.schema_version for head in heads])


@attrs.define
class Walk:
    """Goes through values once, from left to right, and fills the columns.

    It starts with the quick lens. `look` tells of one message what is right, whatever
    the lens: its mirror by the exact one, its bare head, or its failure.
    """

    values: Sequence[bytes | None]
    lens: Lens
    exact: Lens
    look: Callable[[bytes | None], Any]
    found: Columns = attrs.field(factory=Columns)
    _at: int = 0
    _last_odd: int = 1 - _NEAR  # so that the first message of all is near already

    def take(self) -> Columns:
        """Take all messages. Never raises."""
        alone = 1
        while self._at < len(self.values):
            chunk = self.values[self._at : self._at + _CHUNK]
            lens = self.lens
            heads = decoded(lens.decode, chunk)
            if heads:
                self._take_decoded(lens, heads, chunk)
                alone = 1
            else:
                alone = min(2 * alone, _MOST_ALONE)
            left = len(chunk) - len(heads)
            if left and self.lens is lens:
                self._take_one()
            if left and self.lens is lens:
                for _ in range(min(alone, left) - 1):
                    self._look_at_one()
        return self.found

    def _take_decoded(
        self, lens: Lens, heads: list[Any], values: Sequence[Any]
    ) -> None:
        """Take messages that have heads, halving until the refused ones stand alone.

        Stops early when the lens turns out to be the wrong one. No Python runs per
        message but the comprehensions and a class's own code: this is where the time
        goes.
        """
        seconds = [head.occurred_at.timestamp() for head in heads]
        refused = _refused(lens, heads) if lens.asks else ()
        pieces = _pieces(refused, len(heads))
        while pieces and self.lens is lens:
            start, stop = pieces.pop()
            if start in refused:
                self._take_one()
                continue
            piece = slice(start, stop)
            try:
                types = _types(lens, heads[piece], values[piece], seconds[piece])
            except Exception:  # noqa: BLE001 — whatever it is, one look tells
                types = []
            if types:
                self.found.add_many(heads[piece], types, seconds[piece])
                self._at += stop - start
            elif stop - start == 1:
                self._take_one()
            else:
                middle = (start + stop) // 2
                pieces += ((middle, stop), (start, middle))

    def _take_one(self) -> None:
        """Take the next message, which the lens refused. Another lens may be better."""
        kind = self._look_at_one()
        if kind is None or self.lens is self.exact:
            return
        if self._at - self._last_odd <= _NEAR:
            self.lens = self.exact
        self._last_odd = self._at

    def _look_at_one(self) -> Kind | None:
        """Take the next message, whatever it is. Returns its kind, if it has one."""
        head, kind = self.look(self.values[self._at]), None
        if isinstance(head, Failure):
            self.found.failures[self._at] = head
        else:
            kind = self.exact.kinds.get(type(head))
            self.found.add(head, kind.event_type if kind else head.event_type)
        self._at += 1
        return kind


def decoded(
    decode: Callable[[bytes], Any], values: Sequence[bytes | None]
) -> list[Any]:
    """Return the mirrors of the values up to the first that has none."""
    heads: list[Any] = []
    try:
        heads.extend(map(decode, values))  # type: ignore[arg-type] # None raises, too
    except Exception:  # noqa: BLE001 — None and broken bytes raise all sorts
        return heads  # what came before the fault is in it
    return heads


def _pieces(refused: Collection[int], stop: int) -> list[tuple[int, int]]:
    """Cut so many messages into pieces, the last first; each refused one is alone."""
    borders = sorted((0, *refused, *(at + 1 for at in refused), stop))
    return [piece for piece in pairwise(borders) if piece[0] < piece[1]][::-1]


def _refused(lens: Lens, heads: Sequence[Any]) -> Collection[int]:
    """Return which messages their class's own code refuses. Each is asked once."""
    checks = {cls: lens.kinds[cls].check for cls in set(map(type, heads))}
    found = set()
    for at, head in enumerate(heads):
        check = checks[type(head)]
        if check is not None:
            try:
                check(head)
            except Exception:  # noqa: BLE001 — the class may raise anything
                found.add(at)
    return found


def _types(
    lens: Lens, heads: list[Any], values: Sequence[Any], seconds: list[float]
) -> list[str]:
    """Return the types of messages that are all fine, else nothing."""
    if not (in_range(min(seconds)) and in_range(max(seconds))):
        return []
    # A quick lens has read every text, and knows every field and so the depth. Not to
    # look again saves 0.1 of 1.7 µs with small events, 0.5 of 4.4 with large.
    if not lens.quick and not _is_text(values):
        return []
    kinds, classes = lens.kinds, set(map(type, heads))
    if len(classes) == 1:
        kind = kinds[classes.pop()]
        return [kind.event_type] * len(heads) if _accepts(kind, heads) else []
    for cls in classes:
        its = [head.__class__ is cls for head in heads]
        if not _accepts(kinds[cls], list(compress(heads, its))):
            return []
    return [kinds[head.__class__].event_type for head in heads]


def _accepts(kind: Kind, heads: Sequence[Any]) -> bool:
    """Whether the money in messages of one kind is certainly fine."""
    return kind.guard is None or kind.guard(heads)


def _is_text(values: Sequence[bytes]) -> bool:
    """Whether all of the values, which decoded, is UTF-8 and not too deep."""
    # Joined, because that is three times as fast. A character cut between two values
    # would pass, but then the first of them had not decoded.
    if not is_utf8(b"".join(values)):
        return False
    return max(map(len, values)) <= SHORT or not any(map(too_deep, values))
