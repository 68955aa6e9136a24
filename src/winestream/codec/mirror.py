"""From an attrs class to the `msgspec.Struct` that checks its JSON at full speed.

A mirror has the fields and none of the behaviour: its instances are looked at once and
dropped. `gc=False` keeps them out of the collector's sight.
"""

from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin
from uuid import UUID

import attrs
import msgspec

from winestream.codec.fields import (
    MAX_SCHEMA_VERSION,
    WireField,
    check_frozen,
    plain,
    wire_fields,
)
from winestream.errors import ConfigurationError
from winestream.events import Event, event_type_of

_ZONED = Annotated[datetime, msgspec.Meta(tz=True)]
_HEAD_TYPES: dict[str, Any] = {
    "event_id": Annotated[str, msgspec.Meta(min_length=1)],
    "occurred_at": _ZONED,
    "schema_version": Annotated[int, msgspec.Meta(ge=0, le=MAX_SCHEMA_VERSION)],
}
_SCALARS = frozenset({bool, int, float, str, NoneType, date, UUID})


class UnknownHead(msgspec.Struct, gc=False):
    """The head alone: what an event of a type that no route names must have."""

    event_id: Annotated[str, msgspec.Meta(min_length=1)]
    event_type: str
    occurred_at: Annotated[datetime, msgspec.Meta(tz=True)]
    schema_version: Annotated[int, msgspec.Meta(ge=0, le=MAX_SCHEMA_VERSION)]


class Tag(msgspec.Struct, gc=False):
    """Nothing but the type."""

    event_type: str


class Nobody(msgspec.Struct, tag="", tag_field="event_type"):
    """The second of a union of one: no message has this type and these fields.

    msgspec asks for the tag only where it has to choose; a struct alone is taken
    without.
    """

    impossible: Annotated[int, msgspec.Meta(gt=0, lt=1)]


class _NoMirrorError(Exception):
    """This annotation has no mirror; the argument says why."""


@attrs.define
class Mirrors:
    """Builds mirrors, one for each class, nested classes included.

    They have UNSET where the message had nothing. With `str` for money they take it
    only in a string, into which they do not look.
    Closed ones take no field that their class does not have.
    """

    money: type[Decimal] | type[str] = Decimal
    closed: bool = False
    _made: dict[type, type[msgspec.Struct]] = attrs.field(factory=dict)
    _open: list[type] = attrs.field(factory=list)

    def of_event(self, cls: type[Event]) -> type[msgspec.Struct]:
        """Return the tagged mirror of an event class. Raises `ConfigurationError`."""
        return self._struct(cls, event_type_of(cls))

    def _struct(self, cls: type, tag: str | None = None) -> type[msgspec.Struct]:
        if cls in self._made:
            return self._made[cls]
        if cls in self._open:
            raise _NoMirrorError(f"{cls.__qualname__} contains itself")
        check_frozen(cls)
        self._open.append(cls)
        fields: list[Any] = []
        for field in wire_fields(cls):
            if tag is not None and field.name == "event_type":
                continue  # the tag
            mirrored = self._field(cls, field, is_event=tag is not None)
            fields.append(
                (field.name, mirrored)
                if field.required
                else (field.name, mirrored, msgspec.UNSET)
            )
        self._open.pop()
        made = msgspec.defstruct(
            cls.__name__,
            fields,
            kw_only=True,
            gc=False,
            tag=tag,
            tag_field=None if tag is None else "event_type",
            forbid_unknown_fields=self.closed,
        )
        self._made[cls] = made
        return made

    def _field(self, cls: type, field: WireField, *, is_event: bool) -> Any:  # noqa: ANN401 — an annotation
        if is_event and field.name in _HEAD_TYPES:
            return _HEAD_TYPES[field.name]
        try:
            mirrored = self._type(field.type)
            msgspec.json.Decoder(mirrored)  # refuses what it could not tell apart
        except (_NoMirrorError, TypeError, ValueError) as error:
            raise ConfigurationError(
                f"{cls.__qualname__}.{field.name} cannot be read from JSON: {error}. "
                "Use str, int, float, bool, Decimal, datetime, date, UUID, Enum, "
                "Literal, frozen attrs classes, or lists, tuples, sets and dicts of "
                "them"
            ) from None
        return mirrored

    def _type(self, annotation: Any) -> Any:  # noqa: ANN401 — an annotation may be anything
        annotation = plain(annotation)
        origin = get_origin(annotation)
        if origin is not None:
            return self._generic(annotation, origin, get_args(annotation))
        if annotation is None or annotation in _SCALARS:
            return annotation
        if annotation is Decimal:
            return self.money
        if annotation is datetime:
            return _ZONED
        if isinstance(annotation, type):
            if issubclass(annotation, Event):
                raise _NoMirrorError("an event cannot hold another")
            if attrs.has(annotation):
                return self._struct(annotation)
            if issubclass(annotation, Enum):
                return _enum(annotation)
        name = getattr(annotation, "__qualname__", repr(annotation))
        raise _NoMirrorError(f"{name} does not say what JSON it takes")

    def _generic(self, annotation: Any, origin: Any, arguments: tuple[Any, ...]) -> Any:  # noqa: ANN401 — annotations
        if origin in (Union, UnionType):
            return Union[tuple(self._type(argument) for argument in arguments)]  # noqa: UP007 — made at run time
        if origin is Literal:
            if not all(type(value) in (str, int, NoneType) for value in arguments):
                raise _NoMirrorError(f"{annotation} holds more than str, int and None")
            return annotation
        if origin is list:
            return list[self._type(arguments[0])]  # type: ignore[misc] # made at run time
        if origin in (set, frozenset):
            return origin[_hashable(self._type(arguments[0]))]
        if origin is tuple:
            inner = (a if a is Ellipsis else self._type(a) for a in arguments)
            return tuple[tuple(inner)]  # type: ignore[misc] # made at run time
        if origin is dict:
            return dict[_key(arguments[0]), self._type(arguments[1])]  # type: ignore[misc] # made at run time
        raise _NoMirrorError(f"{annotation} is not a container JSON has")


def mirrored_as(arm: Any, money: type = Decimal) -> type | tuple[type, ...]:  # noqa: ANN401 — an annotation
    """Return what a mirror has for an arm of a union that is money or holds something.

    No other arm has it, for msgspec must tell them apart.
    """
    arm = plain(arm)
    if arm is Decimal:
        return money
    if get_origin(arm) is dict:
        return dict
    return (list, tuple, set, frozenset) if get_origin(arm) else msgspec.Struct


def _enum(cls: type[Enum]) -> type[Enum]:
    kinds = {type(member.value) for member in cls}
    if kinds not in ({str}, {int}):
        raise _NoMirrorError(f"the values of {cls.__qualname__} are not all str or int")
    return cls


def _key(annotation: Any) -> Any:  # noqa: ANN401 — an annotation may be anything
    key = plain(annotation)
    if key is str:
        return key
    is_enum = isinstance(key, type) and issubclass(key, Enum)
    if is_enum and all(type(member.value) is str for member in key):
        return key
    raise _NoMirrorError("the keys of a dict must be str or a str Enum")


def _hashable(mirrored: Any) -> Any:  # noqa: ANN401 — an annotation
    if isinstance(mirrored, type) and not issubclass(mirrored, msgspec.Struct):
        return mirrored
    if mirrored == _ZONED:
        return mirrored
    raise _NoMirrorError("a set holds single values only; use a tuple")
