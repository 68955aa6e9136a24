"""Typed events from Kafka or Redpanda into Snowflake, exactly once."""
