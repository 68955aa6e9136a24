"""Values bound to `?`, as Snowflake's protocol writes them, turned into Python's."""

import datetime as dt
import decimal
from collections.abc import Callable, Mapping
from typing import Any

_EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - NTZ means "without a zone"


def _naive(nanoseconds: int) -> dt.datetime:
    # Whole numbers only: a float of seconds is off by a microsecond now and then.
    return _EPOCH + dt.timedelta(microseconds=nanoseconds // 1000)


def _number(text: str) -> int | decimal.Decimal:
    try:
        return int(text)
    except ValueError:
        return decimal.Decimal(text)


def _zoned(text: str) -> dt.datetime:
    # "<nanoseconds> <offset in minutes + 1440>"; connector 5 leaves the offset out.
    nanoseconds, _, offset = text.partition(" ")
    moment = _naive(int(nanoseconds)).replace(tzinfo=dt.UTC)
    if not offset:
        return moment
    zone = dt.timezone(dt.timedelta(minutes=int(offset) - 1440))
    return moment.astimezone(zone)


_READERS: Mapping[str, Callable[[str], Any]] = {
    "FIXED": _number,
    "REAL": float,
    "BINARY": bytes.fromhex,
    "BOOLEAN": lambda text: text.lower() in ("true", "1"),
    "DATE": lambda text: (_EPOCH + dt.timedelta(milliseconds=int(text))).date(),
    "TIME": lambda text: (_EPOCH + dt.timedelta(microseconds=int(text) // 1000)).time(),
    "TIMESTAMP_NTZ": lambda text: _naive(int(text)),
    "TIMESTAMP_LTZ": lambda text: _naive(int(text)).replace(tzinfo=dt.UTC),
    "TIMESTAMP_TZ": _zoned,
}


def _value(kind: str, text: str | None) -> Any:  # noqa: ANN401 - whatever was bound
    if text is None:
        return None
    reader = _READERS.get(kind)
    return text if reader is None else reader(text)


def decode(
    bindings: Mapping[str, Mapping[str, Any]] | None,
) -> tuple[list[Any] | dict[str, Any] | None, list[list[Any]] | None]:
    """One statement's values, or the rows of an array binding; at most one is set."""
    if not bindings:
        return None, None
    if not all(key.isdigit() for key in bindings):
        return {k: _value(b["type"], b["value"]) for k, b in bindings.items()}, None
    ordered = [bindings[str(i)] for i in range(1, len(bindings) + 1)]
    if any(isinstance(b["value"], list) for b in ordered):
        columns = [[_value(b["type"], v) for v in b["value"]] for b in ordered]
        return None, [list(row) for row in zip(*columns, strict=True)]
    return [_value(b["type"], b["value"]) for b in ordered], None
