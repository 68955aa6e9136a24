"""The columns the writer fills, as Arrow schemas: `sql/` is held against them.

One shape for every RAW table. Times are UTC without a zone (TIMESTAMP_NTZ).
"""

import pyarrow as pa

_COORDINATES = [
    pa.field("CLUSTER_ID", pa.string(), nullable=False),
    pa.field("TOPIC_ID", pa.string(), nullable=False),
    pa.field("TOPIC", pa.string(), nullable=False),
    pa.field("KAFKA_PARTITION", pa.int32(), nullable=False),
]
_MESSAGE = [
    *_COORDINATES,
    pa.field("KAFKA_OFFSET", pa.int64(), nullable=False),
    pa.field("MESSAGE_KEY", pa.binary()),
    pa.field("MESSAGE_TIMESTAMP", pa.timestamp("ms")),
    pa.field("SLICE_ID", pa.string(), nullable=False),
    pa.field("LOADED_AT", pa.timestamp("us")),
]

RAW_SCHEMA = pa.schema(
    [
        pa.field("EVENT_ID", pa.string(), nullable=False),
        pa.field("EVENT_TYPE", pa.string(), nullable=False),
        pa.field("OCCURRED_AT", pa.timestamp("us"), nullable=False),
        pa.field("SCHEMA_VERSION", pa.int64(), nullable=False),
        *_MESSAGE,
        pa.field("PAYLOAD", pa.string(), nullable=False),
    ]
)
"""A row of a RAW table. LOADED_AT is when the writer staged it, by its own clock."""

DEAD_LETTER_SCHEMA = pa.schema(
    [
        pa.field("VALUE", pa.binary()),
        pa.field("HEADERS", pa.binary()),
        pa.field("REASON", pa.string(), nullable=False),
        pa.field("ERROR_PATH", pa.string(), nullable=False),
        *_MESSAGE,
    ]
)
"""A row of RAW.DEAD_LETTERS. HEADERS is a JSON list of [name, base64 value or null]."""

GAP_SCHEMA = pa.schema(
    [
        pa.field("SLICE_ID", pa.string(), nullable=False),
        *_COORDINATES,
        pa.field("FROM_OFFSET", pa.int64(), nullable=False),
        pa.field("TO_OFFSET", pa.int64(), nullable=False),
        pa.field("REASON", pa.string(), nullable=False),
    ]
)
"""A row of OPS.INGEST_GAPS."""

LEDGER_COLUMNS = (
    "SLICE_ID",
    "PIPELINE",
    "CLUSTER_ID",
    "TOPIC_ID",
    "TOPIC",
    "KAFKA_PARTITION",
    "FROM_OFFSET",
    "TO_OFFSET",
    "ROW_COUNT",
    "DEAD_COUNT",
    "PAYLOAD_BYTES",
    "PAYLOAD_FINGERPRINT",
    "EPOCH",
)
"""OPS.INGEST_LEDGER, less COMMITTED_AT, which is the server's default."""

CURSOR_COLUMNS = (
    "PIPELINE",
    "CLUSTER_ID",
    "TOPIC_ID",
    "TOPIC",
    "KAFKA_PARTITION",
    "FIRST_OFFSET",
    "NEXT_OFFSET",
    "EPOCH",
    "OWNER",
)
"""OPS.INGEST_CURSOR, less UPDATED_AT."""
