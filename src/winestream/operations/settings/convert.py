"""From a value as written to the type a setting has. Raises `ValueError`, in words."""

import difflib
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin

from winestream.operations.settings.units import duration, shown_duration, size

_TRUE: Final = ("true", "yes", "on", "1")
_FALSE: Final = ("false", "no", "off", "0")


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that `name` was most likely meant to be."""
    found = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return found[0] if found else None


def without_none(annotation: Any) -> Any:  # noqa: ANN401 — an annotation
    """Return `X` for `X | None`, anything else as it is."""
    if get_origin(annotation) in (Union, UnionType):
        arms = [arm for arm in get_args(annotation) if arm is not NoneType]
        return arms[0] if len(arms) == 1 else annotation
    return annotation


def is_mapping(annotation: Any) -> bool:  # noqa: ANN401 — an annotation
    """Whether the setting takes any keys."""
    return get_origin(annotation) is Mapping


def convert(annotation: Any, name: str, raw: Any, base: Path | None) -> Any:  # noqa: ANN401 — any type
    """Return `raw` as the annotation wants it. `name` decides what an int counts."""
    if get_origin(annotation) is Literal:
        return _choice(get_args(annotation), raw)
    if get_origin(annotation) is tuple:
        return _texts(raw)
    if annotation is Path:
        return (base or Path()) / Path(_text(raw)).expanduser()
    if annotation is int and name.endswith("_bytes") and isinstance(raw, str):
        return size(raw)
    reader = _READERS.get(annotation)
    if reader is None:
        raise TypeError(f"the schema has a type nobody reads: {annotation!r}")
    return reader(raw)


def shown(value: Any) -> str:  # noqa: ANN401 — any type
    """Return the value as it could be written again."""
    if isinstance(value, timedelta):
        return shown_duration(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return str(value)


def pairs(text: str) -> dict[str, str]:
    """Read `a=b, c=d`."""
    found = {}
    for part in filter(None, map(str.strip, text.split(","))):
        key, equals, value = part.partition("=")
        if not equals:
            raise ValueError(f"{part!r}: write KEY=VALUE, several with commas")
        found[key.strip()] = value.strip()
    return found


def scalar(raw: Any) -> Any:  # noqa: ANN401 — a client's property
    """Take text, a number or a boolean as it is."""
    if not isinstance(raw, (str, int, float)):
        raise ValueError("takes text, a number, true or false")  # noqa: TRY004 — caught as such
    return raw


def _text(raw: Any) -> str:  # noqa: ANN401 — any TOML
    if not isinstance(raw, str):
        raise ValueError(f"{raw!r} is no text: put it in quotes")  # noqa: TRY004 — as above
    return raw


def _texts(raw: Any) -> tuple[str, ...]:  # noqa: ANN401 — any TOML
    if isinstance(raw, str):
        raw = [part.strip() for part in raw.split(",") if part.strip()]
    if not isinstance(raw, (list, tuple)):
        raise ValueError(f'{raw!r} is no list: write ["a", "b"]')  # noqa: TRY004 — as above
    return tuple(_text(part) for part in raw)


def _whole(raw: Any) -> int:  # noqa: ANN401 — any TOML
    if isinstance(raw, str):
        try:
            return int(raw)
        except ValueError:
            raise ValueError(f"{raw!r} is no whole number") from None
    if type(raw) is not int:
        raise ValueError(f"{raw!r} is no whole number")
    return raw


def _number(raw: Any) -> float:  # noqa: ANN401 — any TOML
    try:
        return float("true" if isinstance(raw, bool) else raw)
    except (ValueError, TypeError):
        raise ValueError(f"{raw!r} is no number") from None


def _flag(raw: Any) -> bool:  # noqa: ANN401 — any TOML
    if isinstance(raw, bool):
        return raw
    if isinstance(raw, str) and raw.lower() in (*_TRUE, *_FALSE):
        return raw.lower() in _TRUE
    raise ValueError(f"{raw!r}: write true or false")


def _span(raw: Any) -> timedelta:  # noqa: ANN401 — any TOML
    if not isinstance(raw, str):
        raise ValueError(f'{raw!r} has no unit: write e.g. "5s" or "3 min"')  # noqa: TRY004 — as above
    return duration(raw)


def _choice(allowed: tuple[Any, ...], raw: Any) -> Any:  # noqa: ANN401 — any TOML
    for value in allowed:
        if str(value).lower() == str(raw).lower():
            return value
    meant = nearest(str(raw), map(str, allowed))
    hint = f"; did you mean {meant}?" if meant else ""
    names = ", ".join(map(str, allowed))
    raise ValueError(f"{raw!r} is none of {names}{hint}")


_READERS: Final[Mapping[Any, Callable[[Any], Any]]] = {
    str: _text,
    int: _whole,
    float: _number,
    bool: _flag,
    timedelta: _span,
}
