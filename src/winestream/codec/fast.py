"""Looks at a run: validates every message, keeps four columns, drops the objects."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Union

import attrs
import msgspec

from winestream.codec.faults import failure_of, text_failure
from winestream.codec.fields import (
    FIRST_SECOND,
    LAST_SECOND,
    classes_in,
    has_own_checks,
    in_range,
)
from winestream.codec.guard import Guard, guard_of
from winestream.codec.mirror import Mirrors, Tag, UnknownHead
from winestream.codec.text import SHORT, contradicts_itself, too_deep
from winestream.errors import DecodeError
from winestream.events import Event, event_type_of
from winestream.records import Failure, Inspection


@attrs.frozen
class _Kind:
    """What is done with a mirror once it is decoded."""

    event_type: str
    guard: Guard | None
    checks_itself: bool


class _RefusedError(Exception):
    """A message that its mirror took and another rule did not."""

    def __init__(self, failure: Failure) -> None:
        self.failure = failure
        super().__init__(failure.reason)


class Inspector:
    """The fast path over a fixed set of event classes.

    `read` is the slow path, for classes with checks of their own; it raises
    `DecodeError`. It takes values that the mirror has taken.
    """

    def __init__(
        self,
        tables: Mapping[type[Event], str],
        unknown: str,
        read: Callable[[bytes], Event],
    ) -> None:
        self._unknown, self._read = unknown, read
        self._tables = {event_type_of(cls): table for cls, table in tables.items()}
        mirrors = Mirrors()
        self._kinds: dict[type, _Kind] = {}
        for cls in tables:
            checks = any(has_own_checks(inner) for inner in classes_in(cls))
            self._kinds[mirrors.of_event(cls)] = _Kind(
                event_type_of(cls), None if checks else guard_of(cls), checks
            )
        union = Union[tuple(self._kinds)] if self._kinds else UnknownHead  # noqa: UP007 — made at run time
        self._decode: Callable[[bytes], Any] = msgspec.json.Decoder(union).decode
        self._decode_head = msgspec.json.Decoder(UnknownHead).decode
        self._decode_tag = msgspec.json.Decoder(Tag).decode

    def inspect(self, values: Sequence[bytes | None]) -> Inspection:
        """Return the heads and failures of a run. Never raises."""
        ids: list[str] = []
        types: list[str] = []
        times: list[float] = []
        versions: list[int] = []
        failures: dict[int, Failure] = {}
        add_id, add_type = ids.append, types.append
        add_time, add_version = times.append, versions.append
        decode, kinds = self._decode, self._kinds
        seen: type | None = None
        event_type, guard, checks = "", None, False
        for index, value in enumerate(values):
            try:
                head = decode(value)  # type: ignore[arg-type] — None raises as well
                if head.__class__ is not seen:
                    seen = head.__class__
                    kind = kinds[seen]
                    event_type, guard = kind.event_type, kind.guard
                    checks = kind.checks_itself
                if not value.isascii():
                    value.decode()  # raises: bytes in a field that was skipped
                if len(value) > SHORT and too_deep(value):
                    raise _RefusedError(Failure("too-deep"))
                second = head.occurred_at.timestamp()
                if not FIRST_SECOND <= second <= LAST_SECOND:
                    raise _RefusedError(Failure("invalid-value", "$.occurred_at"))
                if guard is not None and not guard(head):
                    raise _RefusedError(self._reread(value))
                if checks:
                    self._read(value)
            except Exception as error:  # noqa: BLE001 — whatever the bytes, a reason
                found = self._look_again(value, error)
                if isinstance(found, Failure):
                    failures[index] = found
                    continue
                head, second, seen = found, found.occurred_at.timestamp(), None
                event_type = found.event_type
            add_id(head.event_id)
            add_type(event_type)
            add_time(second)
            add_version(head.schema_version)
        return Inspection(ids, types, times, versions, self._route(types), failures)

    def _route(self, types: list[str]) -> str | list[str]:
        tables = {self._tables.get(name, self._unknown) for name in set(types)}
        if len(tables) > 1:
            return [self._tables.get(name, self._unknown) for name in types]
        return tables.pop() if tables else self._unknown

    def _look_again(self, value: bytes | None, error: Exception) -> Failure | UnknownHead:
        """Return what is wrong, or the head when only the type was unknown."""
        if isinstance(error, _RefusedError):
            return error.failure
        if isinstance(error, DecodeError):
            return Failure(error.reason, error.path)
        failure = text_failure(value)
        if failure is not None or value is None:
            return failure or Failure("null-value")
        try:
            head = self._decode_head(value)
        except Exception as refused:  # noqa: BLE001 — as above
            return self._blame(value, error, refused)
        if head.event_type in self._tables:
            return self._blame(value, error, error)
        if not in_range(head.occurred_at.timestamp()):
            return Failure("invalid-value", "$.occurred_at")
        return head

    def _blame(self, value: bytes, error: Exception, of_head: Exception) -> Failure:
        """Choose between what the class's mirror said and what the bare head said."""
        try:
            event_type = self._decode_tag(value).event_type
        except Exception as refused:  # noqa: BLE001 — as above
            return failure_of(refused)
        if event_type not in self._tables:
            return failure_of(of_head)
        if contradicts_itself(value):
            return Failure("invalid-value", "$.event_type")
        return failure_of(error)

    def _reread(self, value: bytes) -> Failure:
        """Ask the slow path where the money is that is no number."""
        try:
            self._read(value)
        except DecodeError as error:
            return Failure(error.reason, error.path)
        return Failure("invalid-value")
