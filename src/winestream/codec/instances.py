"""From a mirror to the object it stands for, without reading the message again.

What the slow path would build from a message that both take: the same values, by the
same call of the class, which runs its converters, too, as msgspec's own conversion
would not. It is generated, like the collecting of money and for the same reason.
"""

from collections.abc import Callable, Iterator
from itertools import count
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

import attrs
from msgspec import UNSET

from winestream.codec.fields import classes_in, plain, wire_fields
from winestream.codec.mirror import mirrored_as
from winestream.events import Event

Make = Callable[[Any], Any]
"""Makes an instance of a mirror. Raises whatever the class's own code raises."""


def maker_of(cls: type) -> Make:
    """Return what makes instances of `cls` from mirrors that have money as Decimal."""
    source = _Source()
    name = source.function_of(cls)
    exec("\n".join(source.lines), source.space)  # noqa: S102 — made of field names, which are Python's own
    made: Make = source.space[name]
    return made


@attrs.define
class _Source:
    """Functions that call each other, one a class."""

    lines: list[str] = attrs.field(factory=list)
    space: dict[str, Any] = attrs.field(factory=lambda: {"UNSET": UNSET})
    _names: dict[type, str] = attrs.field(factory=dict)
    _numbers: Iterator[int] = attrs.field(factory=count)

    def function_of(self, cls: type) -> str:
        """Write the function of a class, unless it is written; return its name."""
        if cls in self._names:
            return self._names[cls]
        number = next(self._numbers)
        name = self._names[cls] = f"make{number}"
        self.space[f"cls{number}"] = cls
        given: list[str] = []
        found: list[str] = []
        for field in wire_fields(cls):
            if issubclass(cls, Event) and field.name == "event_type":
                continue  # the class's own, and the mirror's tag
            at, alias = f"x.{field.name}", attrs.fields_dict(cls)[field.name].alias
            value = self._value(at, field.type)
            if field.required:
                given.append(f"{alias}={value}")
            else:
                found.append(f"    if {at} is not UNSET: found['{alias}'] = {value}")
        if found:
            found.insert(0, "    found = {}")
            given.append("**found")
        call = f"    return cls{number}({', '.join(given)})"
        # Now, when all that it calls is written.
        self.lines += [f"def {name}(x):", *found, call]
        return name

    def _value(self, at: str, annotation: Any) -> str:  # noqa: ANN401 — an annotation
        """Return the expression of what stands `at` an expression."""
        annotation = plain(annotation)
        if not any(classes_in(annotation)):
            return at
        if isinstance(annotation, type) and attrs.has(annotation):
            return f"{self.function_of(annotation)}({at})"
        origin, arguments = get_origin(annotation), get_args(annotation)
        if origin in (Union, UnionType):
            return self._union(at, arguments)
        if origin is tuple and arguments[-1] is not Ellipsis:
            places = [self._value(f"{at}[{n}]", a) for n, a in enumerate(arguments)]
            return f"({', '.join(places)},)"
        item = f"x{next(self._numbers)}"
        if origin is dict:
            value = self._value(item, arguments[1])
            return f"{{k: {value} for k, {item} in {at}.items()}}"
        items = f"[{self._value(item, arguments[0])} for {item} in {at}]"
        return f"tuple({items})" if origin is tuple else items

    def _union(self, at: str, arguments: tuple[Any, ...]) -> str:
        made = at
        for argument in arguments:
            if argument is not NoneType and any(classes_in(argument)):
                value, kind = self._value(at, argument), f"kind{next(self._numbers)}"
                self.space[kind] = mirrored_as(argument)
                made = f"({value} if isinstance({at}, {kind}) else {made})"
        return made
