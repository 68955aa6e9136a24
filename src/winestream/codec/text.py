"""What makes bytes JSON text, before anyone asks what it says.

Both ways of reading an event go through here, so that they cannot disagree on it.
"""

import json
import re

MAX_DEPTH = 500
"""Levels of nesting an event may have. Well inside the recursion limit (1000) that the
parsers below have, so that the answer does not depend on how deep the caller stands."""

SHORT = 2 * MAX_DEPTH
"""A level takes two bytes at least, so up to here nothing can be too deep."""

_LEVEL_OBJECT = 5  # `{"":` and `}`: what one level of objects takes, in bytes
_OUTSIDE_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*"?|[^\[\]{}"]+', re.DOTALL)


def is_utf8(value: bytes) -> bool:
    """Whether all of it is UTF-8, skipped fields included: it is stored as text."""
    if value.isascii():
        return True
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def too_deep(value: bytes) -> bool:
    """Whether brackets outside of strings nest deeper than `MAX_DEPTH`."""
    size = len(value)
    if size <= SHORT:
        return False
    # Counting one byte costs a tenth of decoding; it settles all but the odd message.
    arrays = value.count(b"[")
    objects = (size - 2 * arrays) // _LEVEL_OBJECT
    if arrays + objects <= MAX_DEPTH:
        return False
    if arrays + value.count(b"{") <= MAX_DEPTH:
        return False
    depth = 0
    for byte in _OUTSIDE_STRINGS.sub(b"", value):
        depth += 1 if byte in b"[{" else -1
        if depth > MAX_DEPTH:
            return True
    return False


def contradicts_itself(value: bytes) -> bool:
    """Whether a JSON object gives several values for its `event_type`."""
    if value.count(b"event_type") < 2 and b"\\" not in value:  # noqa: PLR2004 — several
        return False  # nor is there a name written with escapes
    tags: list[object] = []

    def keep(pairs: list[tuple[str, object]]) -> None:
        tags[:] = [given for key, given in pairs if key == "event_type"]

    # Numbers stay text: an int of 5,000 digits would raise. The outermost object is
    # handed over last.
    json.loads(value, object_pairs_hook=keep, parse_int=str, parse_float=str)
    return any(tag != tags[-1] for tag in tags)
