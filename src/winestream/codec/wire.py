"""From an event to its JSON."""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from typing import Any, Literal, get_args, get_origin
from uuid import UUID

import attrs
import msgspec

from winestream.codec.fields import HEAD, plain, wire_fields
from winestream.errors import DecodeError
from winestream.events import Event, UnknownEvent

_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_dump = msgspec.json.Encoder().encode


def to_json(event: Event) -> bytes:
    """Return the event as a flat JSON object, nothing omitted.

    Raises `DecodeError` when a value has no JSON.
    """
    fields = _record(event)
    if isinstance(event, UnknownEvent):
        fields = {name: fields[name] for name in HEAD} | _members_of(event.body)
    try:
        return _dump(fields)
    except (TypeError, ValueError, OverflowError, RecursionError):
        raise DecodeError("invalid-value", detail="a field has no JSON") from None


def body_of(value: bytes) -> str:
    """Return the members of a JSON object that are not the head's, as they stand."""
    members = _members(value)
    inner = (
        _dump(name) + b":" + bytes(raw)
        for name, raw in members.items()
        if name not in HEAD
    )
    return (b"{" + b",".join(inner) + b"}").decode()


def _members_of(body: str) -> dict[str, msgspec.Raw]:
    try:
        members = _members(body)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        raise DecodeError(
            "invalid-value", "$.body", "the body of an UnknownEvent is a JSON object"
        ) from None
    for name in HEAD:
        if name in members:
            raise DecodeError(
                "invalid-value", f"$.{name}", "the body repeats a field of the head"
            )
    return members


def _record(instance: Any) -> dict[str, Any]:  # noqa: ANN401 — any attrs instance
    written = {}
    cls = type(instance)
    for name, money in _members_written(cls):  # type: ignore[arg-type] # has a hash
        value = getattr(instance, name)
        try:
            if money:
                _refuse_floats(value)
            written[name] = _plain(value)
        except DecodeError as error:
            path = f"$.{name}{error.path[1:]}"
            raise DecodeError(error.reason, path, error.detail) from None
    return written


@lru_cache
def _members_written(cls: type) -> tuple[tuple[str, bool], ...]:
    """Return each field's name and whether money is in it, and no float may be."""
    found = []
    for field in wire_fields(cls):
        single = list(_single_types(field.type))  # some have no hash
        found.append((field.name, Decimal in single and float not in single))
    return tuple(found)


def _single_types(annotation: Any) -> Iterator[Any]:  # noqa: ANN401 — an annotation
    annotation = plain(annotation)
    arguments = get_args(annotation)
    if not arguments or get_origin(annotation) is Literal:
        yield annotation
        return
    for argument in arguments:
        yield from _single_types(argument)


def _refuse_floats(value: Any) -> None:  # noqa: ANN401 — any field's value
    """Raise for a float among money: its digits are not the ones that were meant."""
    if isinstance(value, float):
        raise DecodeError(
            "wrong-type", detail="money is a Decimal, not a float: Decimal('0.30')"
        )
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, (list, tuple, set, frozenset)):
        return
    for item in value:
        _refuse_floats(item)


def _plain(value: Any) -> Any:  # noqa: ANN401 — any field's value
    for kind, write in _WRITERS:
        if isinstance(value, kind):
            return write(value)
    return _record(value) if attrs.has(type(value)) else value


def _zoned(value: datetime) -> str:
    if value.tzinfo is None:
        raise DecodeError("naive-time", detail="give every datetime a time zone")
    try:
        in_utc = value.astimezone(UTC)
    except OverflowError:
        raise DecodeError(
            "invalid-value", detail="a time outside years 1 to 9999"
        ) from None
    return in_utc.isoformat().replace("+00:00", "Z")


def _mapping(value: dict[Any, Any]) -> dict[Any, Any]:
    return {_plain(key): _plain(item) for key, item in value.items()}


def _array(value: Iterable[Any]) -> list[Any]:
    return [_plain(item) for item in value]


# A datetime is a date, a StrEnum a str: the first that fits writes.
_WRITERS: tuple[tuple[type | tuple[type, ...], Callable[[Any], Any]], ...] = (
    (Enum, lambda member: member.value),
    (str, str),
    (datetime, _zoned),
    (date, date.isoformat),
    ((Decimal, UUID), str),
    (dict, _mapping),
    ((list, tuple, set, frozenset), _array),
)
