"""Looks at a run: validates every message, keeps four columns, drops the objects."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from functools import reduce
from operator import or_
from typing import Any

import msgspec

from winestream.codec.bulk import Kind, Lens, Walk
from winestream.codec.doubt import Doubt
from winestream.codec.faults import failure_of, text_failure
from winestream.codec.fields import (
    classes_in,
    has_own_checks,
    in_range,
)
from winestream.codec.guard import guard_of, has_money
from winestream.codec.mirror import Mirrors, Nobody, Tag, UnknownHead
from winestream.codec.text import contradicts_itself
from winestream.errors import DecodeError
from winestream.events import Event, event_type_of
from winestream.records import Failure, Inspection


def _lens(classes: Iterable[type[Event]], *, quick: bool) -> Lens:
    money = str if quick else Decimal
    mirrors = Mirrors(money, closed=quick)
    kinds: dict[type, Kind] = {}
    for cls in classes:
        mirror = mirrors.of_event(cls)  # first: it refuses what has no end
        checks = any(has_own_checks(inner) for inner in classes_in(cls))
        guard = None if checks else guard_of(cls, money)
        kinds[mirror] = Kind(event_type_of(cls), guard, checks)
    union = reduce(or_, kinds, Nobody)
    return Lens(msgspec.json.Decoder(union).decode, kinds, quick)


class Inspector:
    """The fast path over a fixed set of event classes.

    `read` is the slow path, for values that a mirror has taken: for classes with checks
    of their own. `judge` is all of it, for money that no mirror takes. Both raise
    `DecodeError`.
    """

    def __init__(
        self,
        tables: Mapping[type[Event], str],
        unknown: str,
        *,
        read: Callable[[bytes], Event],
        judge: Callable[[bytes], Event],
    ) -> None:
        self._unknown, self._read, self._judge = unknown, read, judge
        self._tables = {event_type_of(cls): table for cls, table in tables.items()}
        self._quick = _lens(tables, quick=True)  # first: it refuses what has no end
        self._exact = _lens(tables, quick=False)
        self._rich = {event_type_of(cls) for cls in tables if has_money(cls)}
        self._doubt = Doubt(tables)
        self._decode_head = msgspec.json.Decoder(UnknownHead).decode
        self._decode_tag = msgspec.json.Decoder(Tag).decode

    def inspect(self, values: Sequence[bytes | None]) -> Inspection:
        """Return the heads and failures of a run. Never raises."""
        found = Walk(values, self._quick, self._exact, self._look).take()
        return Inspection(
            found.event_ids,
            found.event_types,
            found.occurred_at,
            found.schema_versions,
            self._route(found.event_types),
            found.failures,
        )

    def _look(self, value: bytes | None) -> Any:  # noqa: ANN401 — a mirror or a Failure
        """Return one message's mirror, its bare head, or what is wrong with it."""
        if value is None:
            return Failure("null-value")
        try:
            return text_failure(value) or self._read_head(value)
        except Exception as error:  # noqa: BLE001 — the caller may stand near the limit
            return failure_of(error)

    def _read_head(self, value: bytes) -> Any:  # noqa: ANN401 — as above
        try:
            head = self._exact.decode(value)
        except Exception as error:  # noqa: BLE001 — whatever the bytes, a reason
            head = self._look_again(value, error)
        if isinstance(head, Failure):
            return head
        if not in_range(head.occurred_at.timestamp()):
            return Failure("invalid-value", "$.occurred_at")
        kind = self._exact.kinds.get(type(head))
        if kind is None:
            return head
        if kind.checks_itself:
            return self._refusal(value) or head
        if kind.guard is None or kind.guard((head,)):
            return head
        return self._money_failure(value, None) or Failure("invalid-value")

    def _route(self, types: list[str]) -> str | list[str]:
        tables = {self._tables.get(name, self._unknown) for name in set(types)}
        if len(tables) > 1:
            return [self._tables.get(name, self._unknown) for name in types]
        return tables.pop() if tables else self._unknown

    def _look_again(self, value: bytes, error: Exception) -> Failure | UnknownHead:
        """Return what is wrong, or the head when only the type was unknown."""
        try:
            head = self._decode_head(value)
        except Exception as refused:  # noqa: BLE001 — as above
            return self._blame(value, error, refused)
        if self._open_to_doubt(head.event_type, error):
            return self._money_failure(value, error) or head
        if head.event_type in self._tables:
            return self._blame(value, error, error)
        return head

    def _blame(self, value: bytes, error: Exception, of_head: Exception) -> Failure:
        """Choose between what the class's mirror said and what the bare head said."""
        try:
            event_type = self._decode_tag(value).event_type
        except Exception as refused:  # noqa: BLE001 — as above
            return failure_of(refused)
        if event_type not in self._tables:
            return failure_of(of_head)
        if self._open_to_doubt(event_type, error):
            return self._money_failure(value, error) or failure_of(error)
        if contradicts_itself(value):
            return Failure("invalid-value", "$.event_type")
        return failure_of(error)

    def _open_to_doubt(self, event_type: str, error: Exception) -> bool:
        """Whether the mirror may have refused money that a repeated member replaces.

        It looks into all of them, and stops at the first that is none.
        """
        return event_type in self._rich and failure_of(error).reason == "invalid-value"

    def _money_failure(self, value: bytes, error: Exception | None) -> Failure | None:
        """Return what is wrong, if anything, where money is open to doubt."""
        return self._doubt.settle(value, error) or _failing(self._judge, value)

    def _refusal(self, value: bytes) -> Failure | None:
        """Ask the slow path for the checks that a class has of its own."""
        return _failing(self._read, value)


def _failing(read: Callable[[bytes], Event], value: bytes) -> Failure | None:
    try:
        read(value)
    except DecodeError as error:
        return Failure(error.reason, error.path)
    return None
