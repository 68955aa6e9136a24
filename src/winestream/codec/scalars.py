"""What single values take from JSON, strictly. A value not taken raises `Fault`.

Nothing is coerced: "1" is no int, 1 no str, true no int, 1.0 no int.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation
from enum import Enum
from types import NoneType
from typing import Any
from uuid import UUID

from winestream.codec.document import Number
from winestream.codec.fields import plain

Hook = Callable[[Any, Any], Any]

_MAX_DIGITS = 4300  # of an int: Python's own limit, a guard against quadratic time
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(
    r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]"
    r"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})"
    r"(?:\.(?P<fraction>[0-9]+))?"
    r"(?P<zone>[Zz]|[+-](?:[01][0-9]|2[0-3]):?[0-5][0-9])?"
)
_UUID = re.compile(r"[0-9a-fA-F]{8}(-?)(?:[0-9a-fA-F]{4}\1){3}[0-9a-fA-F]{12}")


class Fault(Exception):  # noqa: N818 — a finding on its way up, not an error of ours
    """A value that its field does not take: the reason and the way to it."""

    def __init__(self, reason: str, path: str = "", detail: str = "") -> None:
        self.reason, self.path, self.detail = reason, path, detail
        super().__init__(reason)


@contextmanager
def under(step: str) -> Iterator[None]:
    """Put `step` in front of the path of a fault from inside."""
    try:
        yield
    except Fault as fault:
        fault.path = step + fault.path
        raise


def wrong_type(value: Any) -> Fault:  # noqa: ANN401 — any JSON
    """Return the fault of a value of another JSON type than wanted.

    A number that no float holds is one of no type at all.
    """
    if isinstance(value, Number) and not value.in_range:
        return Fault("invalid-value")
    return Fault("wrong-type")


def text_of(value: Any, _: Any = str) -> str:  # noqa: ANN401 — any JSON
    """Take a JSON string."""
    if type(value) is not str:
        raise wrong_type(value)
    return value


def _bool(value: Any, _: Any) -> bool:  # noqa: ANN401 — any JSON
    if type(value) is not bool:
        raise wrong_type(value)
    return value


def _none(value: Any, _: Any) -> None:  # noqa: ANN401 — any JSON
    if value is not None:
        raise wrong_type(value)


def _int(value: Any, _: Any) -> int:  # noqa: ANN401 — any JSON
    if not isinstance(value, Number) or not value.whole:
        raise wrong_type(value)
    if len(value.text.lstrip("-")) > _MAX_DIGITS:
        raise Fault("invalid-value")
    return int(value.text)


def _float(value: Any, _: Any) -> float:  # noqa: ANN401 — any JSON
    if not isinstance(value, Number) or not value.in_range:
        raise wrong_type(value)
    return float(value.text)


def decimal_of(value: Any, _: Any = Decimal) -> Decimal:  # noqa: ANN401 — any JSON
    """Take a decimal as a JSON string or a number, digit by digit; NaN too."""
    if isinstance(value, Number):
        value = value.text
    try:
        return Decimal(text_of(value))
    except InvalidOperation:
        raise Fault("invalid-value") from None


def _date(value: Any, _: Any) -> date:  # noqa: ANN401 — any JSON
    if _DATE.fullmatch(text_of(value)) is None:
        raise Fault("invalid-value")
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise Fault("invalid-value") from None


def _datetime(value: Any, _: Any) -> datetime:  # noqa: ANN401 — any JSON
    parts = _TIME.fullmatch(text_of(value))
    if parts is None:
        raise Fault("invalid-value")
    micro, seventh = 0, "0"
    if parts["fraction"]:
        digits = parts["fraction"].ljust(7, "0")
        micro, seventh = int(digits[:6]), digits[6]
    try:
        found = datetime.fromisoformat(parts["day"]).replace(
            hour=int(parts["hour"]),
            minute=int(parts["minute"]),
            second=int(parts["second"]),
            microsecond=micro,
        ) + timedelta(microseconds=int(seventh >= "5"))
    except (ValueError, OverflowError):
        raise Fault("invalid-value") from None
    if parts["zone"] is None:
        raise Fault("naive-time")
    return found.replace(tzinfo=_zone(parts["zone"]))


def _zone(text: str) -> timezone:
    if text in "Zz":
        return UTC
    sign = -1 if text[0] == "-" else 1
    return timezone(sign * timedelta(hours=int(text[1:3]), minutes=int(text[-2:])))


def _uuid(value: Any, _: Any) -> UUID:  # noqa: ANN401 — any JSON
    if _UUID.fullmatch(text_of(value)) is None:
        raise Fault("invalid-value")
    return UUID(value)


def scalar_or_enum(value: Any, annotation: Any) -> Any:  # noqa: ANN401 — any JSON
    """Take what the annotation says, not what it inherits from."""
    hook: Hook = SCALARS.get(plain(annotation), enum_of)
    return hook(value, annotation)


def enum_of(value: Any, cls: type[Enum]) -> Enum:  # noqa: ANN401 — any JSON
    """Take the value of a member."""
    wanted: type[Enum] = plain(cls)
    found = choice_of(value, type(next(iter(wanted)).value))
    try:
        return wanted(found)
    except Exception:  # noqa: BLE001 — `_missing_` is the class's own code
        raise Fault("invalid-value") from None


def choice_of(value: Any, kind: type) -> Any:  # noqa: ANN401 — any JSON
    """Take what the values of an Enum or a Literal are compared with.

    Here, and not for an int, msgspec takes a number beyond 64 bits for a float.
    """
    if kind is int and isinstance(value, Number) and value.whole and value.in_range:
        bits = int(value.text)
        if not -(2**63) <= bits < 2**64:
            raise wrong_type(value)
    return SCALARS[kind](value, kind)


def is_enum(annotation: Any) -> bool:  # noqa: ANN401 — an annotation
    """Whether it is an Enum class."""
    return isinstance(annotation, type) and issubclass(annotation, Enum)


SCALARS: dict[Any, Hook] = {
    str: text_of,
    bool: _bool,
    int: _int,
    float: _float,
    Decimal: decimal_of,
    date: _date,
    datetime: _datetime,
    UUID: _uuid,
    None: _none,
    NoneType: _none,
}
