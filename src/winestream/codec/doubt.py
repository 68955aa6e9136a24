"""What is wrong with a message whose money may be, without the slow path's 100 µs.

An exact mirror stops at the first amount that is none, in the order of the document. It
cannot know whether a repeated member replaces the amount, or whether a value of another
type than its field's comes later, which goes first. So the message is decoded once more
with all money as text, and the amounts that are left are looked at in the slow path's
order: fields as their class has them, items as they stand.
"""

from collections.abc import Callable, Iterable
from decimal import Decimal, InvalidOperation
from functools import reduce
from operator import or_
from types import UnionType
from typing import Any, Union, get_args, get_origin

import attrs
import msgspec

from winestream.codec.faults import failure_of
from winestream.codec.fields import (
    classes_in,
    has_own_checks,
    in_range,
    plain,
    wire_fields,
)
from winestream.codec.guard import has_money
from winestream.codec.mirror import Mirrors, Nobody, mirrored_as
from winestream.codec.text import contradicts_itself
from winestream.events import Event
from winestream.records import Failure

Find = Callable[[Any], str | None]
"""Gives the path, from here, of the first amount that is no finite number, or None."""


class Doubt:
    """Settles most doubts about money in events of a fixed set of classes."""

    def __init__(self, classes: Iterable[type[Event]]) -> None:
        mirrors = Mirrors(money=str)
        self._finds = {mirrors.of_event(cls): finder_of(cls) for cls in classes}
        union: Any = reduce(or_, self._finds, Nobody)
        self._decode = msgspec.json.Decoder(union).decode

    def settle(self, value: bytes, error: Exception | None) -> Failure | None:
        """Return what is wrong with JSON text, or None if only the slow path can tell.

        `error` is what the exact mirror raised, an invalid value somewhere; None if it
        took the message, as it takes a NaN.
        """
        try:
            mirror: Any = self._decode(value)
        except Exception as refused:  # noqa: BLE001 — whatever the bytes, a reason
            if str(refused) != str(error):
                return None  # it stopped elsewhere, at money in a number perhaps
            if contradicts_itself(value):
                return Failure("invalid-value", "$.event_type")
            return failure_of(refused)
        find = self._finds.get(type(mirror))
        if find is None:
            return None
        if not in_range(mirror.occurred_at.timestamp()):
            return Failure("invalid-value", "$.occurred_at")
        path = find(mirror)
        return None if path is None else Failure("invalid-value", "$" + path)


class _NoOrderError(Exception):
    """A set of money: the mirror has forgotten which came first."""


def finder_of(cls: type[Event]) -> Find | None:
    """Return what finds faulty money in mirrors of `cls` that have it as text.

    None when the class's own code may refuse something first, when it has no money, or
    has some in a set, which keeps no order.
    """
    if not has_money(cls) or any(map(has_own_checks, classes_in(cls))):
        return None
    try:
        return _find(cls)
    except _NoOrderError:
        return None


def _find(annotation: Any) -> Find:  # noqa: ANN401 — an annotation with money in it
    annotation = plain(annotation)
    if annotation is Decimal:
        return _amount
    if isinstance(annotation, type) and attrs.has(annotation):
        return _record(annotation)
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        return _union(arguments)
    if origin in (set, frozenset):
        raise _NoOrderError
    if origin is tuple and arguments[-1] is not Ellipsis:
        return _fixed(arguments)
    find = _find(arguments[-1 if origin is dict else 0])
    if origin is dict:
        return lambda found: _first(("[...]", find, item) for item in found.values())
    return lambda found: _first((f"[{n}]", find, item) for n, item in enumerate(found))


def _first(steps: Iterable[tuple[str, Find, Any]]) -> str | None:
    for step, find, value in steps:
        nothing = value is None or value is msgspec.UNSET
        path = None if nothing else find(value)
        if path is not None:
            return step + path
    return None


def _amount(text: str) -> str | None:
    try:
        return None if Decimal(text).is_finite() else ""
    except InvalidOperation:
        return ""


def _record(cls: type) -> Find:
    rich = [
        (field.name, _find(field.type))
        for field in wire_fields(cls)
        if has_money(field.type)
    ]
    return lambda mirror: _first(
        (f".{name}", find, getattr(mirror, name)) for name, find in rich
    )


def _fixed(arguments: tuple[Any, ...]) -> Find:
    rich = [(n, _find(a)) for n, a in enumerate(arguments) if has_money(a)]
    return lambda items: _first((f"[{n}]", find, items[n]) for n, find in rich)


def _union(arguments: tuple[Any, ...]) -> Find:
    arms = [(mirrored_as(a, str), _find(a)) for a in arguments if has_money(a)]
    return lambda value: _first(
        ("", find, value) for kinds, find in arms if isinstance(value, kinds)
    )
