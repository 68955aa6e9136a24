"""The core against a model of the log, the warehouse and Kafka, whatever goes wrong."""

from core_rules import AtLeastOnceRules, CursorRules
from hypothesis import settings

STEPS = settings(stateful_step_count=50)


class TestExactlyOnce(CursorRules.TestCase):
    """Each message lands once, in order, and Kafka is never told too early."""

    settings = STEPS


class TestAtLeastOnce(AtLeastOnceRules.TestCase):
    """Without cursors each message lands, and Kafka is never ahead of the writes."""

    settings = STEPS
