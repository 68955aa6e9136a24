"""What JSON an event class takes: kinds and fields, nothing of Python."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin
from uuid import UUID

import attrs

from winestream.codec.fields import (
    HEAD,
    check_event_class,
    classes_in,
    has_own_checks,
    plain,
    wire_fields,
)
from winestream.errors import ConfigurationError
from winestream.events import Event, event_type_of

Kind = Literal[
    "text",
    "integer",
    "float",
    "decimal",
    "boolean",
    "time",
    "date",
    "uuid",
    "choice",
    "array",
    "tuple",
    "map",
    "object",
    "union",
    "null",
]

_SCALARS: Final[Mapping[Any, Kind]] = {
    str: "text",
    int: "integer",
    float: "float",
    Decimal: "decimal",
    bool: "boolean",
    datetime: "time",
    date: "date",
    UUID: "uuid",
    None: "null",
    NoneType: "null",
}


@attrs.frozen
class Shape:
    """What one place in the JSON may hold.

    `choices` are a choice's values; `items` the one of an array or a map, each of a
    tuple, the arms of a union; `fields` an object's.
    """

    kind: Kind
    nullable: bool = False
    choices: tuple[str | int, ...] = ()
    items: "tuple[Shape, ...]" = ()
    fields: "Mapping[str, FieldShape]" = attrs.field(factory=dict)


@attrs.frozen
class FieldShape:
    """One field of an object; one that is not required has a default."""

    shape: Shape
    required: bool


@attrs.frozen
class EventShape:
    """An event class: `fields` without the head, which every event has.

    `name` is `module:Class`. `own_checks` are the classes in it whose validators or
    converters may refuse what the shape allows.
    """

    name: str
    event_type: str
    fields: Mapping[str, FieldShape]
    own_checks: tuple[str, ...] = ()


def describe(cls: type[Event]) -> EventShape:
    """Return the shape of an event class.

    Raises `ConfigurationError` for a class that could not be routed either.
    """
    check_event_class(cls)
    checking = dict.fromkeys(
        each.__qualname__ for each in classes_in(cls) if has_own_checks(each)
    )
    fields = {name: f for name, f in _fields(cls).items() if name not in HEAD}
    return EventShape(
        name=f"{cls.__module__}:{cls.__qualname__}",
        event_type=event_type_of(cls),
        fields=fields,
        own_checks=tuple(checking),
    )


def _fields(cls: type) -> dict[str, FieldShape]:
    found = {}
    for field in wire_fields(cls):
        try:
            found[field.name] = FieldShape(_shape(field.type), field.required)
        except TypeError:
            raise ConfigurationError(
                f"{cls.__qualname__}.{field.name}: {field.type!r} does not say what "
                "JSON it takes"
            ) from None
    return found


def _shape(annotation: Any) -> Shape:  # noqa: ANN401, PLR0911 — one return per kind
    annotation = plain(annotation)
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        return _union([_shape(argument) for argument in arguments])
    if origin is Literal:
        values = tuple(value for value in arguments if value is not None)
        return Shape("choice", nullable=None in arguments, choices=values)
    if origin in (list, set, frozenset):
        return Shape("array", items=(_shape(arguments[0]),))
    if origin is tuple and Ellipsis in arguments:
        return Shape("array", items=(_shape(arguments[0]),))
    if origin is tuple:
        return Shape("tuple", items=tuple(map(_shape, arguments)))
    if origin is dict:
        return Shape("map", items=(_shape(arguments[1]),))
    kind = _SCALARS.get(annotation)
    if kind is not None:
        return Shape(kind, nullable=kind == "null")
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return Shape("choice", choices=tuple(member.value for member in annotation))
    if isinstance(annotation, type) and attrs.has(annotation):
        return Shape("object", fields=_fields(annotation))
    raise TypeError(annotation)


def _union(arms: list[Shape]) -> Shape:
    nullable = any(arm.nullable for arm in arms)
    others = [arm for arm in arms if arm.kind != "null"]
    if len(others) == 1:
        return attrs.evolve(others[0], nullable=nullable)
    arms = [attrs.evolve(arm, nullable=False) for arm in others]
    return Shape("union", nullable=nullable, items=tuple(arms))
