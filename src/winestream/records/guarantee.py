"""What a sink promises."""

from enum import StrEnum


class Guarantee(StrEnum):
    """What a sink promises, derived from its writer."""

    EXACTLY_ONCE = "exactly-once"
    AT_LEAST_ONCE = "at-least-once"
