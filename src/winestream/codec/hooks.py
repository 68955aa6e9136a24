"""What each type takes from JSON, strictly, as hooks of a cattrs converter.

Nothing is coerced: "1" is no int, 1 no str, true no int, 1.0 no int. A hook raises
`Fault`; hooks of containers put the way to it in front.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin
from uuid import UUID

import attrs
import cattrs

from winestream.codec.document import Document, Number
from winestream.codec.fields import plain

Hook = Callable[[Any, Any], Any]

_MAX_DIGITS = 4300  # of an int: Python's own limit, a guard against quadratic time
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(
    r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]"
    r"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})"
    r"(?:\.(?P<fraction>[0-9]+))?"
    r"(?P<zone>[Zz]|[+-](?:[01][0-9]|2[0-3]):?[0-5][0-9])?"
)
_UUID = re.compile(r"[0-9a-fA-F]{8}(-?)(?:[0-9a-fA-F]{4}\1){3}[0-9a-fA-F]{12}")


class Fault(Exception):  # noqa: N818 — a finding on its way up, not an error of ours
    """A value that its field does not take: the reason and the way to it."""

    def __init__(self, reason: str, path: str = "", detail: str = "") -> None:
        self.reason, self.path, self.detail = reason, path, detail
        super().__init__(reason)


@contextmanager
def under(step: str) -> Iterator[None]:
    """Put `step` in front of the path of a fault from inside."""
    try:
        yield
    except Fault as fault:
        fault.path = step + fault.path
        raise


def wrong_type(value: Any) -> Fault:  # noqa: ANN401 — any JSON
    """Return the fault of a value of another JSON type than wanted.

    A number that no float holds is one of no type at all.
    """
    if isinstance(value, Number) and not value.in_range:
        return Fault("invalid-value")
    return Fault("wrong-type")


def install(converter: cattrs.Converter) -> None:
    """Register the strict hooks of every type but attrs classes."""
    for kind, hook in _SCALARS.items():
        converter.register_structure_hook_func(_is(kind), hook)
    # cattrs looks these up by inheritance and before it asks any predicate, so that a
    # StrEnum or a bool comes here, too.
    for kind in (str, int, float):
        converter.register_structure_hook(kind, _scalar_or_enum)
    for accepts, factory in _FACTORIES:
        converter.register_structure_hook_factory(
            accepts, lambda annotation, make=factory: make(converter, annotation)
        )


def _is(kind: Any) -> Callable[[Any], bool]:  # noqa: ANN401 — a type or None
    return lambda annotation: annotation is kind


def text_of(value: Any, _: Any = str) -> str:  # noqa: ANN401 — any JSON
    """Take a JSON string."""
    if type(value) is not str:
        raise wrong_type(value)
    return value


def _bool(value: Any, _: Any) -> bool:  # noqa: ANN401 — any JSON
    if type(value) is not bool:
        raise wrong_type(value)
    return value


def _none(value: Any, _: Any) -> None:  # noqa: ANN401 — any JSON
    if value is not None:
        raise wrong_type(value)


def _int(value: Any, _: Any) -> int:  # noqa: ANN401 — any JSON
    if not isinstance(value, Number) or not value.whole:
        raise wrong_type(value)
    if len(value.text.lstrip("-")) > _MAX_DIGITS:
        raise Fault("invalid-value")
    return int(value.text)


def _float(value: Any, _: Any) -> float:  # noqa: ANN401 — any JSON
    if not isinstance(value, Number) or not value.in_range:
        raise wrong_type(value)
    return float(value.text)


def decimal_of(value: Any, _: Any = Decimal) -> Decimal:  # noqa: ANN401 — any JSON
    """Take a decimal as a JSON string or a number, digit by digit; NaN too."""
    if isinstance(value, Number):
        value = value.text
    try:
        return Decimal(text_of(value))
    except InvalidOperation:
        raise Fault("invalid-value") from None


def _date(value: Any, _: Any) -> date:  # noqa: ANN401 — any JSON
    if _DATE.fullmatch(text_of(value)) is None:
        raise Fault("invalid-value")
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise Fault("invalid-value") from None


def _datetime(value: Any, _: Any) -> datetime:  # noqa: ANN401 — any JSON
    parts = _TIME.fullmatch(text_of(value))
    if parts is None:
        raise Fault("invalid-value")
    micro, seventh = 0, "0"
    if parts["fraction"]:
        digits = parts["fraction"].ljust(7, "0")
        micro, seventh = int(digits[:6]), digits[6]
    try:
        found = datetime.fromisoformat(parts["day"]).replace(
            hour=int(parts["hour"]),
            minute=int(parts["minute"]),
            second=int(parts["second"]),
            microsecond=micro,
        ) + timedelta(microseconds=int(seventh >= "5"))
    except (ValueError, OverflowError):
        raise Fault("invalid-value") from None
    if parts["zone"] is None:
        raise Fault("naive-time")
    return found.replace(tzinfo=_zone(parts["zone"]))


def _zone(text: str) -> timezone:
    if text in "Zz":
        return UTC
    sign = -1 if text[0] == "-" else 1
    return timezone(sign * timedelta(hours=int(text[1:3]), minutes=int(text[-2:])))


def _uuid(value: Any, _: Any) -> UUID:  # noqa: ANN401 — any JSON
    if _UUID.fullmatch(text_of(value)) is None:
        raise Fault("invalid-value")
    return UUID(value)


def _scalar_or_enum(value: Any, annotation: Any) -> Any:  # noqa: ANN401 — any JSON
    return _SCALARS.get(annotation, _enum)(value, annotation)


def _enum(value: Any, cls: type[Enum]) -> Enum:  # noqa: ANN401 — any JSON
    kind = type(next(iter(cls)).value)
    found = _SCALARS[kind](value, kind)
    try:
        return cls(found)
    except ValueError:
        raise Fault("invalid-value") from None


def _is_enum(annotation: Any) -> bool:  # noqa: ANN401 — an annotation
    return isinstance(annotation, type) and issubclass(annotation, Enum)


def _literal(_: cattrs.Converter, annotation: Any) -> Hook:  # noqa: ANN401 — an annotation
    wanted = get_args(annotation)
    takes: dict[type, Hook] = {str: text_of, int: _int, NoneType: _none}
    kinds = {type(value) for value in wanted}

    def hook(value: Any, _: Any) -> Any:  # noqa: ANN401 — any JSON
        kind = _python_type(value)
        if kind not in kinds:
            raise wrong_type(value)
        found = takes[kind](value, None)
        if not any(type(one) is kind and one == found for one in wanted):
            raise Fault("invalid-value")
        return found

    return hook


def _python_type(value: Any) -> type:  # noqa: ANN401 — any JSON
    if isinstance(value, Number):
        return int if value.whole else float
    return type(value)


def _union(converter: cattrs.Converter, annotation: Any) -> Hook:  # noqa: ANN401 — an annotation
    arms = [
        (_taken_by(arm), converter.get_structure_hook(arm), arm)
        for arm in get_args(annotation)
    ]

    def hook(value: Any, _: Any) -> Any:  # noqa: ANN401 — any JSON
        kind = _python_type(value)
        fits = [(taken[kind], take, arm) for taken, take, arm in arms if kind in taken]
        if not fits:
            raise wrong_type(value)
        best = min(rank for rank, _, _ in fits)
        *others, (take, arm) = [(t, a) for rank, t, a in fits if rank == best]
        for other, its in others:  # a Literal beside its own type
            try:
                return other(value, its)
            except Fault:
                continue
        return take(value, arm)

    return hook


def _taken_by(annotation: Any) -> dict[type, int]:  # noqa: ANN401 — an annotation
    """Which JSON an arm of a union takes; the lowest rank goes first."""
    arm = plain(annotation)
    origin = get_origin(arm)
    values = get_args(arm) if origin is Literal else ()
    if _is_enum(arm):
        values = tuple(member.value for member in arm)
    if values:
        return dict.fromkeys(map(type, values), 0)
    if origin is dict or (isinstance(arm, type) and attrs.has(arm)):
        return {Document: 0}
    if origin is not None:
        return {list: 0}
    return _TAKEN.get(arm, {str: 0})


_TAKEN: dict[Any, dict[type, int]] = {
    None: {NoneType: 0},
    NoneType: {NoneType: 0},
    bool: {bool: 0},
    int: {int: 0},
    float: {int: 1, float: 1},
    Decimal: {int: 2, float: 2, str: 0},
}


def _array(converter: cattrs.Converter, annotation: Any) -> Hook:  # noqa: ANN401 — an annotation
    make, arguments = get_origin(annotation), get_args(annotation)
    take = converter.get_structure_hook(arguments[0])

    def hook(value: Any, _: Any) -> Any:  # noqa: ANN401 — any JSON
        if type(value) is not list:
            raise wrong_type(value)
        found = []
        for index, item in enumerate(value):
            with under(f"[{index}]"):
                found.append(take(item, arguments[0]))
        return make(found)

    return hook


def _fixed(converter: cattrs.Converter, annotation: Any) -> Hook:  # noqa: ANN401 — an annotation
    arguments = get_args(annotation)
    takes = [converter.get_structure_hook(argument) for argument in arguments]

    def hook(value: Any, _: Any) -> Any:  # noqa: ANN401 — any JSON
        if type(value) is not list:
            raise wrong_type(value)
        found = []
        for index, (item, take) in enumerate(zip(value, takes, strict=False)):
            with under(f"[{index}]"):
                found.append(take(item, arguments[index]))
        if len(value) != len(takes):
            raise Fault("invalid-value")
        return tuple(found)

    return hook


def _mapping(converter: cattrs.Converter, annotation: Any) -> Hook:  # noqa: ANN401 — an annotation
    key_type, item_type = get_args(annotation)
    key_of = converter.get_structure_hook(key_type)
    take = converter.get_structure_hook(item_type)

    def hook(value: Any, _: Any) -> Any:  # noqa: ANN401 — any JSON
        if type(value) is not Document:
            raise wrong_type(value)
        found = {}
        for name, item in value.members:
            key = key_of(name, key_type)
            with under("[...]"):  # a key is data: it stays out of paths and logs
                found[key] = take(item, item_type)
        return found

    return hook


def _has_origin(*origins: Any) -> Callable[[Any], bool]:  # noqa: ANN401 — types
    return lambda annotation: get_origin(annotation) in origins


def _is_fixed(annotation: Any) -> bool:  # noqa: ANN401 — an annotation
    return get_origin(annotation) is tuple and Ellipsis not in get_args(annotation)


_SCALARS: dict[Any, Hook] = {
    str: text_of,
    bool: _bool,
    int: _int,
    float: _float,
    Decimal: decimal_of,
    date: _date,
    datetime: _datetime,
    UUID: _uuid,
    None: _none,
    NoneType: _none,
}
# The last one that accepts a type makes its hook.
_FACTORIES: tuple[tuple[Callable[[Any], bool], Callable[..., Hook]], ...] = (
    (_is_enum, lambda _, __: _enum),
    (_has_origin(Literal), _literal),
    (_has_origin(Union, UnionType), _union),
    (_has_origin(list, set, frozenset, tuple), _array),
    (_is_fixed, _fixed),
    (_has_origin(dict), _mapping),
    (
        lambda annotation: plain(annotation) is not annotation,
        lambda converter, annotation: converter.get_structure_hook(plain(annotation)),
    ),
)
