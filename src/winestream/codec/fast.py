"""Looks at a run: validates every message, keeps four columns, drops the objects."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from functools import cache, reduce
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
from winestream.codec.instances import Make, maker_of
from winestream.codec.mirror import Mirrors, Nobody, Tag, UnknownHead
from winestream.codec.text import contradicts_itself, is_utf8, too_deep
from winestream.errors import DecodeError
from winestream.events import Event, event_type_of
from winestream.records import Failure, Inspection


def _lens(
    classes: Iterable[type[Event]], maker_of: Callable[[type], Make], *, quick: bool
) -> Lens:
    exact = Mirrors(Decimal, closed=quick)
    cheap = Mirrors(str, closed=True) if quick else exact
    kinds: dict[type, Kind] = {}
    for cls in classes:
        cheap.of_event(cls)  # first: it refuses what has no end
        checks = any(has_own_checks(inner) for inner in classes_in(cls))
        mirrors = exact if checks else cheap  # what is made has its money as Decimal
        guard = guard_of(cls, mirrors.money)
        check = maker_of(cls) if checks else None
        kinds[mirrors.of_event(cls)] = Kind(event_type_of(cls), guard, check)
    decode = msgspec.json.Decoder(reduce(or_, kinds, Nobody)).decode
    asks = any(kind.check for kind in kinds.values())
    return Lens(decode, kinds, quick=quick, asks=asks)


class Inspector:
    """The fast path over a fixed set of event classes.

    `read` is the slow path, for values that a mirror has taken and the class's own
    code refused. `judge` is all of it, for money that no mirror takes. Both raise
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
        self._classes = {event_type_of(cls): cls for cls in tables}
        self._maker_of: Callable[[type], Make] = cache(maker_of)
        # The quick one first: it refuses what has no end.
        self._quick = _lens(tables, self._maker_of, quick=True)
        self._exact = _lens(tables, self._maker_of, quick=False)
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

    def event_of(self, value: bytes) -> Event | None:
        """Return the event of a message that is fine, else None. Never raises."""
        try:
            head = self._exact.decode(value)
            kind = self._exact.kinds[type(head)]
            if (
                not is_utf8(value)
                or too_deep(value)
                or not in_range(head.occurred_at.timestamp())
                or not (kind.guard is None or kind.guard((head,)))
            ):
                return None
            make = self._maker_of(self._classes[kind.event_type])
            made: Event = make(head)
        except Exception:  # noqa: BLE001 — whatever it is, the slow path tells
            return None
        return made

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
        if kind.guard is not None and not kind.guard((head,)):
            return self._money_failure(value, None) or Failure("invalid-value")
        if kind.check is not None:
            try:
                kind.check(head)
            except Exception:  # noqa: BLE001 — the class may raise anything
                return _failing(self._read, value) or head
        return head

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


def _failing(read: Callable[[bytes], Event], value: bytes) -> Failure | None:
    try:
        read(value)
    except DecodeError as error:
        return Failure(error.reason, error.path)
    return None
