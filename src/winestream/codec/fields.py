"""What of an event class is on the wire, and whether the class checks for itself."""

from collections.abc import Iterator
from datetime import datetime
from enum import Enum
from types import NoneType
from typing import Annotated, Any, NewType, get_args, get_origin, get_type_hints

import attrs

from winestream.errors import ConfigurationError
from winestream.events import Event, UnknownEvent

HEAD = ("event_id", "event_type", "occurred_at", "schema_version")
"""Required on the wire of every event, whatever defaults the class has for them."""

MAX_SCHEMA_VERSION = 2**31 - 1
"""The warehouse keeps it in 32 bits; a larger one must not reach the writer."""

FIRST_SECOND, LAST_SECOND = -62_135_596_800.0, 253_402_300_799.0
"""Years 1 to 9999 in UTC. The last second is the last whole one: with a fraction it
would round, as a float, to a time in the year 10000."""


def in_range(second: float) -> bool:
    """Whether a time, in seconds since the epoch, can be stored."""
    return FIRST_SECOND <= second <= LAST_SECOND


_HEAD_TYPES = {
    "event_id": str,
    "event_type": str,
    "occurred_at": datetime,
    "schema_version": int,
}


@attrs.frozen
class WireField:
    """One field of a class as it stands in JSON. A field with a default may miss."""

    name: str
    type: Any
    required: bool


def wire_fields(cls: type) -> tuple[WireField, ...]:
    """Return the fields of an attrs class that are read from and written to JSON.

    Fields with `init=False` are the class's own business, but for `event_type`.
    """
    try:
        hints = get_type_hints(cls, include_extras=True)
    except NameError as error:
        raise ConfigurationError(
            f"{cls.__qualname__}: the annotation {error.name!r} does not resolve; "
            "define or import it at the module's top level"
        ) from None
    is_event = issubclass(cls, Event)
    fields = []
    for field in attrs.fields(cls):
        if not field.init and not (is_event and field.name == "event_type"):
            continue
        required = field.default is attrs.NOTHING or (is_event and field.name in HEAD)
        fields.append(WireField(field.name, hints.get(field.name, Any), required))
    return tuple(fields)


def check_event_class(cls: object) -> None:
    """Raise `ConfigurationError` unless `cls` is a frozen attrs subclass of `Event`."""
    name = getattr(cls, "__qualname__", repr(cls))
    if not (isinstance(cls, type) and issubclass(cls, Event)):
        raise ConfigurationError(
            f"{name} is not an event: subclass winestream.Event with "
            "@attrs.frozen(kw_only=True)"
        )
    if issubclass(cls, UnknownEvent):
        raise ConfigurationError(
            f"{name} has no table of its own: name the table for unknown types with "
            'unknown="RAW_EVENTS"'
        )
    check_frozen(cls)
    for field in wire_fields(cls):
        expected = _HEAD_TYPES.get(field.name)
        if expected is not None and plain(field.type) is not expected:
            raise ConfigurationError(
                f"{name}.{field.name} must stay {expected.__name__}: every event has "
                "the same head; give the field another name"
            )


def check_frozen(cls: type) -> None:
    """Raise `ConfigurationError` unless `cls` itself is decorated, and frozen."""
    if "__attrs_attrs__" not in vars(cls):
        raise ConfigurationError(
            f"{cls.__qualname__} is not an attrs class: decorate it with "
            "@attrs.frozen(kw_only=True)"
        )
    # attrs ≥ 26 says so itself; older ones show it only in the setter they install.
    properties = getattr(cls, "__attrs_props__", None)
    frozen = (
        properties.is_frozen
        if properties is not None
        else cls.__setattr__.__name__ == "_frozen_setattrs"
    )
    if not frozen:
        raise ConfigurationError(
            f"{cls.__qualname__} can be changed after it was made: decorate it with "
            "@attrs.frozen(kw_only=True)"
        )


def has_own_checks(cls: type) -> bool:
    """Whether making an instance runs code of the class: validators, converters, init.

    What the head does to itself in `Event` does not count: the codec does the same.
    """
    if any(
        hasattr(cls, name)
        for name in ("__attrs_post_init__", "__attrs_pre_init__", "__attrs_init__")
    ):
        return True
    head = attrs.fields_dict(Event) if issubclass(cls, Event) else {}
    for field in attrs.fields(cls):
        known = head.get(field.name)
        if field.validator is not None:
            return True
        if field.converter is not None and (
            known is None or field.converter is not known.converter
        ):
            return True
    return False


def plain(annotation: Any) -> Any:  # noqa: ANN401 — an annotation may be anything
    """Return the annotation without `Annotated` and `NewType` around it."""
    while True:
        if get_origin(annotation) is Annotated:
            annotation = get_args(annotation)[0]
        elif isinstance(annotation, NewType):
            annotation = annotation.__supertype__
        else:
            return annotation


def classes_in(annotation: Any) -> Iterator[type]:  # noqa: ANN401 — as above
    """Yield the attrs classes an annotation mentions, those inside them included."""
    annotation = plain(annotation)
    if isinstance(annotation, type) and attrs.has(annotation):
        yield annotation
        for field in wire_fields(annotation):
            yield from classes_in(field.type)
        return
    for argument in get_args(annotation):
        if isinstance(argument, (str, int, NoneType, Enum)):
            continue  # the values of a Literal
        yield from classes_in(argument)
