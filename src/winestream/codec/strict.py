"""Reads one event the long way: JSON by the standard library, objects by cattrs.

The second opinion. It shares no rule with the mirrors but what JSON text is, and a
property test holds both to the same verdicts. Two passes, in the fast path's order:
*check* takes the document as it stands and asks for types; *build* takes the classes'
fields in order, refuses money that is no number, and runs the classes' own code.
"""

from collections.abc import Callable, Mapping
from typing import Any, cast

import attrs
import cattrs

from winestream.codec.document import Document, parse
from winestream.codec.fields import (
    MAX_SCHEMA_VERSION,
    WireField,
    in_range,
    wire_fields,
)
from winestream.codec.hooks import Fault, install, json_type
from winestream.codec.origin import blame
from winestream.codec.text import text_failure
from winestream.codec.wire import body_of
from winestream.errors import DecodeError
from winestream.events import Event, UnknownEvent

_Hook = Callable[[Any, Any], Any]


class Reader:
    """Reads the events of a fixed set of classes. Any thread may use it."""

    def __init__(self, classes: Mapping[str, type[Event]]) -> None:
        self._classes = dict(classes)
        self._check = cattrs.Converter(detailed_validation=False)
        install(self._check)
        self._check.register_structure_hook_factory(
            attrs.has, lambda cls: _checker(self._check, cls)
        )
        self._build = cattrs.Converter(detailed_validation=False)
        install(self._build)
        self._build.register_structure_hook_factory(
            attrs.has, lambda cls: _builder(self._build, cls)
        )

    def decode(self, value: bytes | None) -> Event:
        """Return the event. Raises `DecodeError`."""
        failure = text_failure(value)
        if failure is not None or value is None:
            raise DecodeError(failure.reason if failure else "null-value")
        return self._guarded(lambda: self._read(value))

    def build(self, value: bytes) -> Event:
        """Return the event of a value whose types are known to be right."""
        return self._guarded(lambda: self._made(parse(value), value))
