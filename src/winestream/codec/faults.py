"""From what msgspec raised to a `Failure`.

msgspec tells kind and place of a fault in its message only, so messages are parsed
here and nowhere else; `tests/unit/codec/test_faults.py` pins every form.
"""

import re

import msgspec

from winestream.codec.text import is_utf8, too_deep
from winestream.records import Failure

_PLACE = re.compile(
    r"(?s)(?P<what>.*?)(?: - at (?P<key>`key` in )?`(?P<path>\$[^`]*)`)?"
)
_MISSING = re.compile(r"Object missing required field `(?P<name>.+)`")
_WRONG_TYPE = re.compile(r"Expected `[^`]+`(?:, got `[^`]+`)?")
_NAIVE = "Expected `datetime` with a timezone component"

_check_syntax = msgspec.json.Decoder(msgspec.Raw).decode


def text_failure(value: bytes) -> Failure | None:
    """Return what keeps a value from being JSON text, or None if it is JSON."""
    if not is_utf8(value):
        return Failure("invalid-utf8")
    if too_deep(value):
        return Failure("too-deep")
    try:
        _check_syntax(value)
    except RecursionError:
        return Failure("too-deep")
    except msgspec.DecodeError:
        return Failure("malformed-json")
    return None


def failure_of(error: Exception) -> Failure:
    """Return what msgspec found wrong in a value that is JSON."""
    if isinstance(error, RecursionError):
        return Failure("too-deep")
    if not isinstance(error, msgspec.ValidationError):
        return Failure("invalid-value")
    place = _PLACE.fullmatch(str(error))
    assert place is not None, "the pattern takes any text"
    what, path = place["what"], place["path"] or "$"
    if missing := _MISSING.fullmatch(what):
        return Failure("missing-field", f"{path}.{missing['name']}")
    if path == "$":
        return Failure("not-an-object")
    if what == _NAIVE:
        return Failure("naive-time", path)
    wrong_type = _WRONG_TYPE.fullmatch(what) is not None
    return Failure("wrong-type" if wrong_type else "invalid-value", path)
