"""Kafka and Redpanda: a `Source` over a consumer group, and a producer of events."""

from winestream.kafka.dead_letters import ForwardDeadLetters
from winestream.kafka.errors import DeliveryError
from winestream.kafka.producer import EventProducer
from winestream.kafka.source import KafkaSource
from winestream.kafka.window import ConsumedWindow

__all__ = [
    "ConsumedWindow",
    "DeliveryError",
    "EventProducer",
    "ForwardDeadLetters",
    "KafkaSource",
]
