"""Which event goes to which table: the codec registry and the routing in one."""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from winestream.codec.fields import check_event_class
from winestream.errors import ConfigurationError, DecodeError
from winestream.events import Event, event_type_of
from winestream.records import Inspection

if TYPE_CHECKING:
    from winestream.codec.strict import Reader

_TABLE = re.compile(r"[A-Z_][A-Z0-9_]*")
_RESERVED = "DEAD_LETTERS"
"""What is no event goes there, and lies beside the tables of events."""


class Routes:
    """Event classes and the tables their events go to; fulfils `ports.Codec`.

    Routes({OrderCreated: "RAW_ORDERS"}, unknown="RAW_EVENTS")

    A valid head with a type that no class here has goes to `unknown`. Raises
    `ConfigurationError` at construction for a class or table that cannot work, so that
    nothing is found out at the first message. Immutable; any thread may use it.
    """

    def __init__(
        self, tables: Mapping[type[Event], str], *, unknown: str = "RAW_EVENTS"
    ) -> None:
        self._by_type: dict[str, str] = {}
        classes: dict[str, type[Event]] = {}
        for cls, table in tables.items():
            check_event_class(cls)
            _check_table(table, cls.__qualname__)
            event_type = event_type_of(cls)
            if event_type in classes:
                raise ConfigurationError(
                    f"{cls.__qualname__} and {classes[event_type].__qualname__} both "
                    f"have the event type {event_type!r}: set EVENT_TYPE on one of them"
                )
            classes[event_type] = cls
            self._by_type[event_type] = table
        _check_table(unknown, "unknown")
        self._unknown = unknown
        self._classes = classes
        self._reader: Reader | None = None
        # Not at the top: `import winestream` must not load msgspec.
        from winestream.codec.fast import Inspector  # noqa: PLC0415

        self._inspector = Inspector(tables, unknown, read=self._read, judge=self.decode)

    @property
    def tables(self) -> tuple[str, ...]:
        """The distinct tables in the order given, the one for unknown types last."""
        known = dict.fromkeys(self._by_type.values())
        known.pop(self._unknown, None)
        return (*known, self._unknown)

    def table_for(self, event_type: str) -> str:
        """Return the table of an event type, known or not."""
        return self._by_type.get(event_type, self._unknown)

    def inspect(self, values: Sequence[bytes | None]) -> Inspection:
        """Validate a run's values and route them. Never raises; keeps no objects."""
        return self._inspector.inspect(values)

    def decode(self, value: bytes | None) -> Event:
        """Return the event. Raises `DecodeError` with the reason and the JSON path.

        Accepts and refuses exactly what `inspect` does.
        """
        event = None if value is None else self._inspector.event_of(value)
        return self._strict.decode(value) if event is None else event

    def encode(self, event: Event) -> bytes:
        """Return the event's JSON: money as decimal strings, times in UTC with a `Z`.

        An int where money belongs is written as the whole number it is. Raises
        `DecodeError`, with the field, for a float there, whose digits are not the ones
        meant, and for an event that could not be read back (a wrong type, a NaN, a
        time without zone): such a message is never put on the wire. An event of
        a class without a route is encoded all the same; it reads back as unknown.
        """
        from winestream.codec.wire import to_json  # noqa: PLC0415 — loads msgspec

        value = to_json(event)
        for failure in self._inspector.inspect((value,)).failures.values():
            raise DecodeError(
                failure.reason,
                failure.path,
                f"this {type(event).__qualname__} could not be read back",
            )
        return value

    def _read(self, value: bytes) -> Event:
        """Build the event of a value that its mirror has taken."""
        return self._strict.build(value)

    @property
    def _strict(self) -> "Reader":
        if self._reader is None:
            # Loads cattrs, which takes long: only who needs objects pays for it. Two
            # threads may both build one; either will do.
            from winestream.codec.strict import Reader  # noqa: PLC0415

            self._reader = Reader(self._classes)
        return self._reader


def _check_table(table: object, where: str) -> None:
    if not (isinstance(table, str) and _TABLE.fullmatch(table)):
        raise ConfigurationError(
            f"{where}: {table!r} is no table name; use capitals, digits and "
            "underscores, e.g. RAW_ORDERS"
        )
    if table == _RESERVED:
        raise ConfigurationError(
            f"{where}: {table} is the table of what is no event; use another name"
        )
