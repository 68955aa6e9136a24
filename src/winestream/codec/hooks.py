"""The strict rules as hooks of a cattrs converter: containers, unions, dispatch.

Hooks of containers put the way to a fault in front of it.
"""

from collections.abc import Callable
from decimal import Decimal
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

import attrs
import cattrs

from winestream.codec.document import Document, Number
from winestream.codec.fields import plain
from winestream.codec.scalars import (
    SCALARS,
    Fault,
    Hook,
    choice_of,
    enum_of,
    is_enum,
    scalar_or_enum,
    under,
    wrong_type,
)


def install(converter: cattrs.Converter) -> None:
    """Register the strict hooks of every type but attrs classes."""
    for kind, hook in SCALARS.items():
        converter.register_structure_hook_func(_is(kind), hook)
    # cattrs looks these up by inheritance and before it asks any predicate, so that a
    # StrEnum or a bool comes here, too.
    for kind in (str, int, float):
        converter.register_structure_hook(kind, scalar_or_enum)
    for accepts, factory in _FACTORIES:
        converter.register_structure_hook_factory(
            accepts, lambda annotation, make=factory: make(converter, annotation)
        )


def _is(kind: Any) -> Callable[[Any], bool]:  # noqa: ANN401 — a type or None
    return lambda annotation: annotation is kind


def _literal(_: cattrs.Converter, annotation: Any) -> Hook:  # noqa: ANN401 — an annotation
    wanted = get_args(annotation)
    kinds = {type(value) for value in wanted}

    def hook(value: Any, _: Any) -> Any:  # noqa: ANN401 — any JSON
        kind = _python_type(value)
        if kind not in kinds:
            raise wrong_type(value)
        found = choice_of(value, kind)
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
    if is_enum(arm):
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


def mapping_of_last(converter: cattrs.Converter, annotation: Any) -> Hook:  # noqa: ANN401 — an annotation
    """Make a dict's hook for building: of a repeated key only the last value counts."""
    take = _mapping(converter, annotation)

    def hook(value: Document, _: Any) -> Any:  # noqa: ANN401 — an annotation
        return take(Document(list(value.last().items())), annotation)

    return hook


def is_mapping(annotation: Any) -> bool:  # noqa: ANN401 — an annotation
    """Whether it is a dict of something."""
    return get_origin(annotation) is dict


def _has_origin(*origins: Any) -> Callable[[Any], bool]:  # noqa: ANN401 — types
    return lambda annotation: get_origin(annotation) in origins


def _is_fixed(annotation: Any) -> bool:  # noqa: ANN401 — an annotation
    return get_origin(annotation) is tuple and Ellipsis not in get_args(annotation)


# The last one that accepts a type makes its hook.
_FACTORIES: tuple[tuple[Callable[[Any], bool], Callable[..., Hook]], ...] = (
    (is_enum, lambda _, __: enum_of),
    (_has_origin(Literal), _literal),
    (_has_origin(Union, UnionType), _union),
    (_has_origin(list, set, frozenset, tuple), _array),
    (_is_fixed, _fixed),
    (is_mapping, _mapping),
    (
        lambda annotation: plain(annotation) is not annotation,
        lambda converter, annotation: converter.get_structure_hook(plain(annotation)),
    ),
)
