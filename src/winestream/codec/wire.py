"""From an event to its JSON."""

from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

import attrs
import msgspec

from winestream.codec.fields import HEAD, wire_fields
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
    return {
        field.name: _plain(getattr(instance, field.name))
        for field in wire_fields(type(instance))
    }


def _plain(value: Any) -> Any:  # noqa: ANN401 — any field's value
    if isinstance(value, datetime):
        return _zoned(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (Decimal, UUID)):
        return str(value)
    if isinstance(value, date):
        return value.isoformat()
    if attrs.has(type(value)):
        return _record(value)
    if isinstance(value, dict):
        return {_plain(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(item) for item in value]
    return value


def _zoned(value: datetime) -> str:
    if value.tzinfo is None:
        raise DecodeError("naive-time", detail="give every datetime a time zone")
    try:
        in_utc = value.astimezone(UTC)
    except OverflowError:
        raise DecodeError("invalid-value", detail="a time outside years 1–9999") from None
    return in_utc.isoformat().replace("+00:00", "Z")
