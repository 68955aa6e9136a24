"""Money must be finite: the one rule a mirror cannot express.

`Decimal("NaN")` is a fine Decimal to msgspec. A guard looks at every Decimal of a
mirror; its source is generated because that is twice as fast as calling closures, and
it runs for every event.
"""

from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from itertools import count
from types import NoneType, UnionType
from typing import Any, Union, cast, get_args, get_origin

import attrs

from winestream.codec.fields import plain, wire_fields

Guard = Callable[[Iterable[Any]], bool]

_LOOPS = (list, set, frozenset, tuple)


def guard_of(cls: type) -> Guard | None:
    """Return what tells whether all money in mirrors of `cls` is finite.

    None when the class has no Decimal anywhere.
    """
    if not _has_money(cls):
        return None
    names = (f"x{number}" for number in count())
    body = _record("x", cls, names, " " * 8)
    lines = ["def guard(xs):", "    for x in xs:", *body, "    return True"]
    space: dict[str, Any] = {"Decimal": Decimal}
    exec("\n".join(lines), space)  # noqa: S102 — made of field names, which are Python's own
    return cast("Guard", space["guard"])


def _has_money(annotation: Any) -> bool:  # noqa: ANN401 — an annotation may be anything
    annotation = plain(annotation)
    if annotation is Decimal:
        return True
    if isinstance(annotation, type) and attrs.has(annotation):
        return any(_has_money(field.type) for field in wire_fields(annotation))
    return any(_has_money(argument) for argument in get_args(annotation))


def _record(at: str, cls: type, names: Iterator[str], pad: str) -> Iterator[str]:
    for field in wire_fields(cls):
        if not _has_money(field.type):
            continue
        if field.required and plain(field.type) is Decimal:
            yield from _check(f"{at}.{field.name}", field.type, names, pad)
            continue
        name = next(names)
        yield f"{pad}{name} = {at}.{field.name}"
        if field.required:
            yield from _check(name, field.type, names, pad)
        else:  # a mirror has None where the message had nothing
            yield f"{pad}if {name} is not None:"
            yield from _check(name, field.type, names, pad + "    ")


def _check(at: str, annotation: Any, names: Iterator[str], pad: str) -> Iterator[str]:  # noqa: ANN401 — an annotation
    annotation = plain(annotation)
    deeper = pad + "    "
    if annotation is Decimal:
        yield f"{pad}if not {at}.is_finite():"
        yield f"{deeper}return False"
        return
    if isinstance(annotation, type) and attrs.has(annotation):
        yield from _record(at, annotation, names, pad)
        return
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        yield from _union(at, arguments, names, pad)
    elif origin is tuple and arguments[-1] is not Ellipsis:
        for place, argument in enumerate(arguments):
            if _has_money(argument):
                yield from _check(f"{at}[{place}]", argument, names, pad)
    else:
        name = next(names)
        values = f"{at}.values()" if origin is dict else at
        yield f"{pad}for {name} in {values}:"
        yield from _check(name, arguments[-1 if origin is dict else 0], names, deeper)


def _union(
    at: str, arguments: tuple[Any, ...], names: Iterator[str], pad: str
) -> Iterator[str]:
    others = [a for a in arguments if a is not NoneType]
    if len(others) == 1:
        yield f"{pad}if {at} is not None:"
        yield from _check(at, others[0], names, pad + "    ")
        return
    for argument in filter(_has_money, others):
        kind = plain(argument)
        origin = get_origin(kind)
        if kind is Decimal:
            test = f"isinstance({at}, Decimal)"
        elif origin is dict:
            test = f"isinstance({at}, dict)"
        elif origin in _LOOPS:
            test = f"isinstance({at}, (list, tuple, set, frozenset))"
        else:  # a mirror: the only thing with fields in this union
            test = f"hasattr({at}, '__struct_fields__')"
        yield f"{pad}if {test}:"
        yield from _check(at, argument, names, pad + "    ")
