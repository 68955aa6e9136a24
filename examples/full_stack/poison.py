"""Broken messages, to show that nothing stops and nothing is lost."""

import json
from collections.abc import Callable, Iterator
from typing import Final

MARKER: Final = "only-the-warehouse-refuses-this"
"""In an event id: the embedded warehouse is told to refuse such rows."""

RARELY: Final = 250
"""At most one message in so many is refused by the warehouse: 0.4 %."""

Breaker = Callable[[bytes], bytes | None]


def _changed(value: bytes, name: str, content: object) -> bytes:
    return json.dumps(json.loads(value) | {name: content}).encode()


def _without_head(value: bytes) -> bytes:
    fields = json.loads(value)
    del fields["event_id"]
    return json.dumps(fields).encode()


def _naive(value: bytes) -> bytes:
    return _changed(value, "occurred_at", "2026-01-31T18:30:00")


_IN_TURN: Final[tuple[tuple[str, Breaker], ...]] = (
    ("invalid-utf8", lambda value: value[:-1] + b"\xff}"),
    ("malformed-json", lambda value: value[: len(value) // 2]),
    ("missing-field", _without_head),
    ("wrong-type", lambda value: _changed(value, "schema_version", "one")),
    ("null-value", lambda _value: None),
    ("naive-time", _naive),
)
"""The reason each gets in RAW.DEAD_LETTERS, and how it is made."""


def _refused(value: bytes) -> bytes:
    fields = json.loads(value)
    return _changed(value, "event_id", f"{MARKER}-{fields['event_id']}")


def breakers(share: float) -> Iterator[tuple[str, Breaker] | None]:
    """Yield for each message in turn how it is broken, or None for a sound one.

    A `share` of all is broken, evenly spread, by each kind in turn.
    """
    broken = last_refused = index = 0
    turn = 0
    while True:
        index += 1
        if int(index * share) <= broken:
            yield None
            continue
        broken += 1
        if index - last_refused >= RARELY:
            last_refused = index
            yield "rejected", _refused
        else:
            yield _IN_TURN[turn % len(_IN_TURN)]
            turn += 1
