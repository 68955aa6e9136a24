"""Entries of all sources against the schema: one value each, and where it came from.

Every problem is found in one go, each with the place where it stands. No message and
no listing holds a secret.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final, Generic, TypeVar, get_args, get_type_hints

import attrs

from winestream.errors import ConfigurationError
from winestream.operations.settings.convert import (
    convert,
    is_mapping,
    nearest,
    pairs,
    scalar,
    shown,
    without_none,
)
from winestream.operations.settings.sources import Entry, variable_of
from winestream.snowflake.settings import read_secret

_T = TypeVar("_T")
_STRENGTH: Final = {"file": 0, "environment": 1, "flag": 2}
_FILE: Final = "_file"
_HIDDEN: Final = "***"


@attrs.frozen
class Shown:
    """One effective setting, ready to be printed: secrets are `***`."""

    key: str
    value: str
    origin: str


@attrs.frozen
class Resolution(Generic[_T]):
    """What came of all sources. `settings` is None while there are problems.

    `parsed` has the top settings that are right by themselves, given or defaults, for
    whoever looks closer at one of them although another is wrong.
    """

    settings: _T | None
    shown: tuple[Shown, ...]
    problems: tuple[str, ...]
    parsed: Mapping[str, Any] = attrs.field(factory=dict, repr=False)

    def require(self) -> _T:
        """Return the settings. Raises `ConfigurationError` with every problem."""
        if self.settings is None:
            raise ConfigurationError("\n  ".join(self.problems))
        return self.settings


def resolve(
    cls: type[_T], entries: Iterable[Entry], *, under: tuple[str, ...] = ()
) -> Resolution[_T]:
    """Fill the attrs class `cls`; flags beat the environment, which beats the file.

    With `under` only the entries of that section count. Raises nothing for wrong
    settings: they are in `problems`.
    """
    ordered = sorted(entries, key=lambda entry: _STRENGTH[entry.kind])
    work = _Resolver(tuple(e for e in ordered if e.path[: len(under)] == under))
    made = work.section(cls, under)
    work.refuse_unknown()
    settings = None if work.problems else made
    parsed = work.parsed[under]
    return Resolution(settings, tuple(work.shown), tuple(work.problems), parsed)


class _Resolver:
    def __init__(self, entries: tuple[Entry, ...]) -> None:
        self._entries = entries
        self._known: list[tuple[str, ...]] = []
        self._fields: dict[tuple[str, ...], set[tuple[str, ...]]] = {}
        self._used: set[int] = set()
        self._origins: dict[tuple[str, ...], str] = {}
        self.shown: list[Shown] = []
        self.problems: list[str] = []
        self.parsed: dict[tuple[str, ...], dict[str, Any]] = {}
        """Of each section the settings without a problem."""

    def section(self, cls: type[_T], above: tuple[str, ...]) -> _T | None:
        """Make one section, its own sections first; None where something is wrong."""
        before = len(self.problems)
        values: dict[str, Any] = {}
        hints = get_type_hints(cls)
        self._fields[above] = {(*above, name) for name in hints}
        parsed = self.parsed[above] = {}
        for field in attrs.fields(cls):  # type: ignore[arg-type] # sections are attrs
            so_far = len(self.problems)
            path, hint = (*above, field.name), without_none(hints[field.name])
            self._known.append(path)
            if attrs.has(hint):
                made = self.section(hint, path)
                if made is not None:
                    values[field.name] = made
            elif is_mapping(hint):
                self._mapping(field, hint, path, values)
            else:
                self._leaf(field, hint, path, values)
            if len(self.problems) == so_far:
                parsed[field.name] = values.get(field.name, _default_of(field))
        if len(self.problems) > before:
            return None
        try:
            return cls(**values)
        except ConfigurationError as error:
            self.problems.append(self._located(above, str(error)))
            return None

    def refuse_unknown(self) -> None:
        """Find what no setting is called, and what it was likely meant to be."""
        known = {".".join(path): path for path in self._known}
        for number, entry in enumerate(self._entries):
            if number in self._used or (
                entry.value == {} and entry.path in self._known
            ):
                continue
            meant = nearest(".".join(entry.path), known)
            hint = ""
            if meant is not None:
                named = variable_of(known[meant])
                hint = (
                    f": did you mean {named if entry.kind == 'environment' else meant}?"
                )
            self.problems.append(f"{entry.origin} is no setting{hint}")

    # ------------------------------------------------------------------ one setting

    def _leaf(
        self,
        field: "attrs.Attribute[Any]",
        hint: Any,  # noqa: ANN401 — an annotation
        path: tuple[str, ...],
        values: dict[str, Any],
    ) -> None:
        entry = self._strongest(path)
        secret = field.metadata.get("secret", False)
        if secret:
            entry = self._secret(path, entry)
        if entry is None:
            self._default(field, path)
            return
        self._origins[path] = entry.origin
        own: Callable[[Any], Any] | None = field.metadata.get("convert")
        try:
            value = (
                own(entry.value)
                if own is not None
                else convert(hint, field.name, entry.value, entry.base)
            )
        except ValueError as error:
            said = "is not what it takes" if secret else str(error)
            self.problems.append(f"{entry.origin}: {said}")
            return
        values[field.name] = value
        self._show(path, _HIDDEN if secret else shown(value), entry.origin)

    def _default(self, field: "attrs.Attribute[Any]", path: tuple[str, ...]) -> None:
        if field.default is attrs.NOTHING:
            key = ".".join(path)
            self.problems.append(
                f"{key} is missing: set it in the file, as {variable_of(path)} or "
                f"with --set {key}=…"
            )
        elif field.default is not None and not isinstance(field.default, attrs.Factory):  # type: ignore[arg-type] # a class at run time
            self._show(path, shown(field.default), "default")

    def _secret(self, path: tuple[str, ...], entry: Entry | None) -> Entry | None:
        """Take a secret from the environment, or from the file that `…_file` names."""
        if entry is not None and entry.kind != "environment":
            self.problems.append(_refusal(entry, path))
            return None
        beside = (*path[:-1], path[-1] + _FILE)
        if beside in self._fields[path[:-1]]:
            return entry  # the section reads that file itself
        self._known.append(beside)
        file = self._strongest(beside)
        if file is None:
            return entry
        if entry is not None:
            self.problems.append(f"{entry.origin} and {file.origin}: give one of them")
            return None
        return self._read(file)

    def _read(self, entry: Entry) -> Entry | None:
        try:
            where = (entry.base or Path()) / Path(str(entry.value)).expanduser()
            return attrs.evolve(entry, value=read_secret(where, entry.origin))
        except ConfigurationError as error:
            self.problems.append(str(error))
            return None

    # ------------------------------------------------------------- settings with keys

    def _mapping(
        self,
        field: "attrs.Attribute[Any]",
        hint: Any,  # noqa: ANN401 — an annotation
        path: tuple[str, ...],
        values: dict[str, Any],
    ) -> None:
        as_text = get_args(hint)[1] is str
        secret_key: Callable[[str], bool] = field.metadata.get("secret_key", _never)
        found: dict[str, Entry] = {}
        for number, entry in enumerate(self._entries):
            if entry.path[: len(path)] != path:
                continue
            if entry.path == path and isinstance(entry.value, str) and as_text:
                self._used.add(number)
                found = self._whole(entry)
            elif len(entry.path) > len(path):
                self._used.add(number)
                found[".".join(entry.path[len(path) :])] = entry
        chosen: dict[str, Any] = {}
        for key, entry in sorted(found.items()):
            self._keyed(key, entry, path, secret_key, chosen)
        if chosen or field.default is not attrs.NOTHING:
            values[field.name] = chosen
        elif not found:
            self._default(field, path)

    def _whole(self, entry: Entry) -> dict[str, Entry]:
        """Take all keys from one text, which replaces weaker sources."""
        try:
            found = pairs(entry.value)
        except ValueError as error:
            self.problems.append(f"{entry.origin}: {error}")
            return {}
        return {key: attrs.evolve(entry, value=value) for key, value in found.items()}

    def _keyed(
        self,
        key: str,
        entry: Entry,
        path: tuple[str, ...],
        secret_key: Callable[[str], bool],
        chosen: dict[str, Any],
    ) -> None:
        bare = key.removesuffix(_FILE)
        secret = secret_key(bare)
        taken: Entry | None = entry
        if secret and key.endswith(_FILE):
            key, taken = bare, self._read(entry)
        elif secret and entry.kind != "environment":
            self.problems.append(_refusal(entry, (*path, key)))
            return
        if taken is None:
            return
        try:
            chosen[key] = scalar(taken.value)
        except ValueError as error:
            self.problems.append(f"{entry.origin}: {error}")
            return
        self._origins[(*path, key)] = entry.origin
        text = _HIDDEN if secret else shown(chosen[key])
        self._show((*path, key), text, entry.origin)

    # -------------------------------------------------------------------- privately

    def _strongest(self, path: tuple[str, ...]) -> Entry | None:
        chosen = None
        for number, entry in enumerate(self._entries):
            if entry.path == path:
                self._used.add(number)
                chosen = entry
        return chosen

    def _show(self, path: tuple[str, ...], value: str, origin: str) -> None:
        self.shown.append(Shown(".".join(path), value, origin))

    def _located(self, above: tuple[str, ...], message: str) -> str:
        """Put in front of a section's own error where the settings it names stand."""
        words = set(re.findall(r"[a-z_]+(?:\.[a-z_]+)*", message))
        places = [
            origin
            for path, origin in self._origins.items()
            if path[: len(above)] == above
            and words & {path[-1], ".".join(path[len(above) :])}
        ]
        named = " and ".join(dict.fromkeys(places)) or ".".join(above)
        return f"{named}: {message}" if named else message


def _default_of(field: "attrs.Attribute[Any]") -> Any:  # noqa: ANN401 — a setting
    default: Any = field.default
    return default.factory() if isinstance(default, attrs.Factory) else default  # type: ignore[arg-type] # as above


def _refusal(entry: Entry, path: tuple[str, ...]) -> str:
    key = ".".join(path)
    why = (
        "a settings file ends up in a repository"
        if entry.kind == "file"
        else "flags show in process lists and shell histories"
    )
    return (
        f"{entry.origin} is a secret and {why}: set {variable_of(_spelled(path))}, or "
        f"give a file of its own as {key}{_FILE}"
    )


def _spelled(path: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(part.replace(".", "__") for part in path)


def _never(_key: str) -> bool:
    return False
