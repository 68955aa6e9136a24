"""JSON as it was written: members in order, repeated ones too, numbers as digits.

The standard library's parser with what it forgets kept. Knows nothing of events.
"""

import json
import re
from typing import Any, NoReturn

import attrs


class MalformedError(Exception):
    """The text is not JSON."""


@attrs.frozen
class Number:
    """A JSON number as its digits; `whole` if it has neither point nor exponent."""

    text: str
    whole: bool

    @property
    def in_range(self) -> bool:
        """Whether a float can hold it, however coarsely."""
        return abs(float(self.text)) != float("inf")


@attrs.frozen(eq=False)
class Document:
    """A JSON object: its members in order, repeated keys included."""

    members: list[tuple[str, Any]]

    def last(self) -> dict[str, Any]:
        """Return the members by name; of repeated ones the last counts."""
        return dict(self.members)


def parse(value: bytes) -> Any:  # noqa: ANN401 — JSON is anything
    """Return what UTF-8 text holds; objects as `Document`, numbers as `Number`.

    Raises `MalformedError`, also for half a surrogate pair and for NaN and Infinity,
    which the standard library takes; `RecursionError` when nested beyond its limit.
    """
    text = value.decode()
    if _HALF_PAIR.search(text):
        raise MalformedError
    try:
        return _decoder.decode(text)
    except ValueError:
        raise MalformedError from None


# An escape is skipped whole, so that `\\ud800` (a backslash, then "ud800") is none;
# a pair is skipped as one, so that what is left over is a half. Possessive: a text that
# has no half must not be searched again from its middle.
_HALF_PAIR = re.compile(
    r"""
    \A(?: [^\\]
        | \\ [^u]
        | \\u [dD][89abAB][0-9a-fA-F]{2} \\u [dD][c-fC-F][0-9a-fA-F]{2}
        | \\u (?! [dD][89a-fA-F])
    )*+ \\u
    """,
    re.VERBOSE | re.DOTALL,
)


def _refuse(literal: str) -> NoReturn:
    raise MalformedError(literal)


def _whole(text: str) -> Number:
    # A whole number has one zero, whatever type its field is of.
    return Number("0" if text == "-0" else text, whole=True)


def _fraction(text: str) -> Number:
    return Number(text, whole=False)


_decoder = json.JSONDecoder(
    parse_int=_whole,
    parse_float=_fraction,
    parse_constant=_refuse,
    object_pairs_hook=Document,
)
