"""Reads one event the long way: JSON by the standard library, objects by cattrs.

The second opinion. It shares no rule with the mirrors but what UTF-8 and nesting are,
and a property test holds both to the same verdicts. Two passes, in the order in which
the fast path asks: *check* takes the document as it stands and asks for types; *build*
takes the classes' fields in order, refuses money that is no number, and runs the
classes' own code.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import attrs
import cattrs

from winestream.codec.construct import construct
from winestream.codec.document import Document, MalformedError, Number, parse
from winestream.codec.fields import HEAD, MAX_SCHEMA_VERSION, in_range, wire_fields
from winestream.codec.hooks import install, is_mapping, mapping_of_last
from winestream.codec.scalars import (
    Fault,
    Hook,
    decimal_of,
    text_of,
    under,
    wrong_type,
)
from winestream.codec.text import is_utf8, too_deep
from winestream.codec.wire import body_of
from winestream.errors import DecodeError
from winestream.events import Event, UnknownEvent


class Reader:
    """Reads the events of a fixed set of classes. Any thread may use it."""

    def __init__(self, classes: Mapping[str, type[Event]]) -> None:
        self._classes = dict(classes)
        self._check = cattrs.Converter(detailed_validation=False)
        install(self._check)
        self._check.register_structure_hook_func(lambda t: t is Decimal, _amount)
        self._check.register_structure_hook_factory(
            attrs.has, lambda cls: _checker(self._check, cls)
        )
        self._build = cattrs.Converter(detailed_validation=False)
        install(self._build)
        self._build.register_structure_hook_func(lambda t: t is Decimal, _money)
        self._build.register_structure_hook_factory(
            is_mapping, lambda annotation: mapping_of_last(self._build, annotation)
        )
        self._build.register_structure_hook_factory(
            attrs.has, lambda cls: _builder(self._build, cls)
        )

    def decode(self, value: bytes | None) -> Event:
        """Return the event. Raises `DecodeError`."""
        if value is None:
            raise DecodeError("null-value")
        if not is_utf8(value):
            raise DecodeError("invalid-utf8")
        if too_deep(value):
            raise DecodeError("too-deep")
        return _decoding(lambda: self._made(value, self._checked(value)))

    def build(self, value: bytes) -> Event:
        """Return the event of a value that its mirror has taken."""
        return _decoding(lambda: self._made(value, parse(value)))

    def _checked(self, value: bytes) -> Document:
        document = parse(value)
        if not isinstance(document, Document):
            raise Fault("not-an-object")
        cls = self._class_of(document)
        self._check.structure(document, cls or Event)
        return document

    def _class_of(self, document: Document) -> type[Event] | None:
        """Return the class, None for an unknown type; the last `event_type` counts."""
        tags = [given for name, given in document.members if name == "event_type"]
        if not tags:
            raise Fault("missing-field", ".event_type")
        with under(".event_type"):
            types = [text_of(tag) for tag in tags]
            cls = self._classes.get(types[-1])
            if cls is not None and len(set(types)) > 1:
                raise Fault("invalid-value")
        return cls

    def _made(self, value: bytes, document: Document) -> Event:
        members = document.last()
        cls = self._classes.get(members["event_type"])
        head = self._build.structure(Document(_head_of(members)), Event)
        if cls is not None:
            return self._build.structure(document, cls)
        return UnknownEvent(
            event_id=head.event_id,
            event_type=members["event_type"],
            occurred_at=head.occurred_at,
            schema_version=head.schema_version,
            body=body_of(value),
        )


def _decoding(read: Callable[[], Event]) -> Event:
    try:
        return read()
    except Fault as fault:
        raise DecodeError(fault.reason, "$" + fault.path, fault.detail) from None
    except MalformedError:
        raise DecodeError("malformed-json") from None
    except RecursionError:
        raise DecodeError("too-deep") from None


def _head_of(members: dict[str, Any]) -> list[tuple[str, Any]]:
    return [(name, members[name]) for name in HEAD]


def _amount(value: Any, _: Any) -> None:  # noqa: ANN401 — any JSON
    """Ask for what may be money. What of a repeated member counts is looked into."""
    if not isinstance(value, Number):
        text_of(value)


def _money(value: Any, _: Any) -> Decimal:  # noqa: ANN401 — any JSON
    found = decimal_of(value)
    if not found.is_finite():
        raise Fault("invalid-value")
    return found


def _hooks(converter: cattrs.Converter, cls: type) -> dict[str, tuple[Hook, Any]]:
    hooks = {
        field.name: (converter.get_structure_hook(field.type), field.type)
        for field in wire_fields(cls)
    }
    if issubclass(cls, Event):
        hooks["event_id"] = (_event_id, str)
        hooks["schema_version"] = (_version_by(hooks["schema_version"][0]), int)
    return hooks


def _event_id(value: Any, _: Any) -> str:  # noqa: ANN401 — any JSON
    if not text_of(value):
        raise Fault("invalid-value")
    return text_of(value)


def _version_by(integer: Hook) -> Hook:
    def hook(value: Any, _: Any) -> int:  # noqa: ANN401 — any JSON
        version: int = integer(value, int)
        if not 0 <= version <= MAX_SCHEMA_VERSION:
            raise Fault("invalid-value")
        return version

    return hook


def _checker(converter: cattrs.Converter, cls: type) -> Hook:
    """Ask for types in the order of the document; build nothing."""
    hooks = _hooks(converter, cls)
    required = [field.name for field in wire_fields(cls) if field.required]

    def hook(value: Any, _: Any) -> None:  # noqa: ANN401 — any JSON
        if not isinstance(value, Document):
            raise wrong_type(value)
        for name, given in value.members:
            if name in hooks:
                take, annotation = hooks[name]
                with under(f".{name}"):
                    take(given, annotation)
        present = value.last()
        for name in required:
            if name not in present:
                raise Fault("missing-field", f".{name}")

    return hook


def _builder(converter: cattrs.Converter, cls: type) -> Hook:
    """Build in the order of the class; the types are known to be right."""
    hooks = _hooks(converter, cls)
    hooks.pop("event_type" if issubclass(cls, Event) else "", None)

    def hook(value: Any, _: Any) -> Any:  # noqa: ANN401 — any JSON
        members, given = value.last(), {}
        for name, (take, annotation) in hooks.items():
            if name in members:
                with under(f".{name}"):
                    given[name] = take(members[name], annotation)
        if cls is Event and not in_range(given["occurred_at"].timestamp()):
            raise Fault("invalid-value", ".occurred_at")
        return construct(cls, given)

    return hook
