"""Writes docs/reference.md from the public docstrings: python docs/make_reference.py.

A public name is one in a public module's `__all__`. Output is the same on every Python.
"""

import importlib
import inspect
import re
import sys
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from types import ModuleType
from typing import Any

import attrs

MODULES = (
    "winestream",
    "winestream.kafka",
    "winestream.snowflake",
    "winestream.files",
    "winestream.instrumentation.prometheus",
    "winestream.instrumentation.server",
    "winestream.instrumentation.structlog",
    "winestream.telemetry",
    "winestream.records",
    "winestream.local",
    "winestream.testing",
    "winestream.testing.contract",
    "winestream.testing.service",
    "winestream.operations.settings",
    "winestream.operations.schema",
    "winestream.operations.rewind",
)
TARGET = Path(__file__).with_name("reference.md")
_HEAD = """\
# Reference

Made from the docstrings by `python docs/make_reference.py`; a test keeps it up to date.
Durations are `timedelta`, positions are the next offset to read, ranges are half-open.
"""
_WIDTH = 88


def reference() -> str:
    """Return the whole page."""
    parts = [_HEAD]
    seen: set[int] = set()
    for name in MODULES:
        parts += _module(importlib.import_module(name), seen)
    return "\n".join(parts)


def _module(module: ModuleType, seen: set[int]) -> Iterator[str]:
    yield f"## `{module.__name__}`\n\n{_doc(module)}\n"
    for name in _public(module):
        found = getattr(module, name)
        if id(found) in seen or _is_foreign(found):
            continue
        seen.add(id(found))
        if isinstance(found, type):
            yield from _class(name, found)
        elif callable(found):
            yield f"### `{name}`\n\n{_code(name, found)}\n\n{_doc(found)}\n"


def _public(module: ModuleType) -> list[str]:
    listed = getattr(module, "__all__", None)
    if listed is not None:
        return sorted(listed)
    return sorted(
        name
        for name, found in vars(module).items()
        if not name.startswith("_")
        and getattr(found, "__module__", None) == module.__name__
    )


def _is_foreign(found: Any) -> bool:
    return not str(getattr(found, "__module__", "")).startswith("winestream")


def _class(name: str, cls: type) -> Iterator[str]:
    yield f"### `{name}`\n\n{_kind(cls)}\n\n{_doc(cls)}\n"
    if attrs.has(cls):
        fields = [
            f"- `{_short(inspect.formatannotation(field.type))}` **{field.name}**"
            + _default(field)
            for field in attrs.fields(cls)
            if not field.name.startswith("_")
        ]
        if fields:
            yield "\n".join(fields) + "\n"
    for member, found in _members(cls):
        if isinstance(found, property):
            yield f"#### `{name}.{member}`\n\n{_doc(found)}\n"
        else:
            yield f"#### `{name}.{member}`\n\n{_code(member, found)}\n\n{_doc(found)}\n"


def _kind(cls: type) -> str:
    bases = [base.__name__ for base in cls.__bases__ if base is not object]
    if issubclass(cls, Enum):
        members = ", ".join(f"`{member.name}`" for member in cls)
        return f"Enum: {members}."
    if attrs.has(cls):
        return "Values, frozen." if not bases else f"Values, a `{bases[0]}`."
    if issubclass(cls, BaseException):
        return f"Raised; a `{bases[0]}`."
    if getattr(cls, "_is_protocol", False):
        return "A seam (Protocol)."
    return _code(cls.__name__, cls)


def _members(cls: type) -> Iterator[tuple[str, Any]]:
    # A base that has no entry of its own is a matter of construction, not of use.
    homes = [cls, *(b for b in cls.__bases__ if _is_plain(b) and not _is_foreign(b))]
    for name, found in ((n, f) for home in homes for n, f in vars(home).items()):
        if name.startswith("_") or not getattr(found, "__doc__", None):
            continue
        if isinstance(found, (classmethod, staticmethod)):
            yield name, found.__func__
        elif isinstance(found, property) or inspect.isfunction(found):
            yield name, found


def _is_plain(base: type) -> bool:
    special = attrs.has(base) or getattr(base, "_is_protocol", False)
    return not special and not issubclass(base, (BaseException, Enum))


def _code(name: str, found: Any) -> str:
    try:
        signature = inspect.signature(found)
    except (TypeError, ValueError):
        return f"```python\n{name}\n```"
    text = f"{name}{_short(str(signature))}"
    if len(text) > _WIDTH:
        inside = "".join(f"    {argument},\n" for argument in _arguments(signature))
        answer = _short(str(signature).rpartition(")")[2])
        text = f"{name}(\n{inside}){answer}"
    return f"```python\n{text}\n```"


def _arguments(signature: inspect.Signature) -> Iterator[str]:
    keyword_only = False
    for each in signature.parameters.values():
        if each.kind is each.KEYWORD_ONLY and not keyword_only:
            keyword_only = True
            yield "*"
        keyword_only = keyword_only or each.kind is each.VAR_POSITIONAL
        yield _short(str(each))


def _default(field: "attrs.Attribute[Any]") -> str:
    if field.default is attrs.NOTHING:
        return ""
    if isinstance(field.default, attrs.Factory):  # type: ignore[arg-type]
        return ", made where missing"
    return f" = `{_short(repr(field.default))}`"


def _short(text: str) -> str:
    """Drop module names, addresses and quotes: none of them helps a reader."""
    text = re.sub(r"\b(?:[a-z_]\w*\.)+(?=[A-Z])", "", text)
    text = re.sub(r"<(?:built-in )?(?:function|class) '?([\w.]+)[^>]*>", r"\1", text)
    text = re.sub(r"Callable\[\[SinkOpened \| [^\]]*\], None\]", "Hook", text)
    text = re.sub(r"SinkOpened \| [\w |]*SinkStopped", "Telemetry", text)
    text = re.sub(r" at 0x[0-9a-f]+", "", text)
    text = re.sub(r"datetime\.timedelta", "timedelta", text)
    return text.replace("NOTHING", "…").replace("'", "")


def _doc(found: Any) -> str:
    text = inspect.cleandoc(getattr(found, "__doc__", None) or "")
    return "" if text.startswith("Method generated by attrs") else text


def main() -> None:
    """Write the page."""
    TARGET.write_text(reference(), encoding="utf-8")
    sys.stdout.write(f"{TARGET}\n")


if __name__ == "__main__":
    main()
