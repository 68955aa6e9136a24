-- Purpose:    what was delivered, exactly as it came, and what could not become a row.
-- Layer:      RAW.
-- Owner role: DEPLOYER; LOADER inserts, TRANSFORMER and AUDITOR read.
-- Undo:       DROP TABLE RAW.DEAD_LETTERS, RAW.RAW_EVENTS, RAW.RAW_INVENTORY,
--             RAW.RAW_ORDERS, one statement each; then rewind the pipeline's cursors.
-- Part:       core
--
-- One shape for every RAW table: the event's head, the log coordinates, the message's
-- key and time, the slice that brought it, and PAYLOAD, the exact text. It is VARCHAR:
-- VARIANT keeps no bytes to check, and a JSON string copied into it stays a string.
-- Sizes: VARCHAR holds 16 MB and BINARY 8 MB by default, as here. A larger message
-- needs a topic with a larger max.message.bytes (1 MB by default) and a new migration.
-- Times are UTC. MESSAGE_TIMESTAMP is Kafka's, NULL where the message has none.
-- LOADED_AT is a help to people: the writer fills it, since COPY with
-- MATCH_BY_COLUMN_NAME writes NULL, not the default, where a file lacks the column.
-- When a slice was committed stands in the ledger.

CREATE TABLE IF NOT EXISTS RAW.RAW_ORDERS (
    EVENT_ID VARCHAR NOT NULL,
    EVENT_TYPE VARCHAR NOT NULL,
    OCCURRED_AT TIMESTAMP_NTZ(6) NOT NULL,
    SCHEMA_VERSION NUMBER(19, 0) NOT NULL,
    CLUSTER_ID VARCHAR NOT NULL,
    TOPIC_ID VARCHAR NOT NULL,
    TOPIC VARCHAR NOT NULL,
    KAFKA_PARTITION NUMBER(10, 0) NOT NULL,
    KAFKA_OFFSET NUMBER(19, 0) NOT NULL,
    MESSAGE_KEY BINARY,
    MESSAGE_TIMESTAMP TIMESTAMP_NTZ(3),
    SLICE_ID VARCHAR NOT NULL,
    LOADED_AT TIMESTAMP_NTZ(6) DEFAULT SYSDATE(),
    PAYLOAD VARCHAR NOT NULL
);

CREATE TABLE IF NOT EXISTS RAW.RAW_INVENTORY (
    EVENT_ID VARCHAR NOT NULL,
    EVENT_TYPE VARCHAR NOT NULL,
    OCCURRED_AT TIMESTAMP_NTZ(6) NOT NULL,
    SCHEMA_VERSION NUMBER(19, 0) NOT NULL,
    CLUSTER_ID VARCHAR NOT NULL,
    TOPIC_ID VARCHAR NOT NULL,
    TOPIC VARCHAR NOT NULL,
    KAFKA_PARTITION NUMBER(10, 0) NOT NULL,
    KAFKA_OFFSET NUMBER(19, 0) NOT NULL,
    MESSAGE_KEY BINARY,
    MESSAGE_TIMESTAMP TIMESTAMP_NTZ(3),
    SLICE_ID VARCHAR NOT NULL,
    LOADED_AT TIMESTAMP_NTZ(6) DEFAULT SYSDATE(),
    PAYLOAD VARCHAR NOT NULL
);

-- Every type that no route names.
CREATE TABLE IF NOT EXISTS RAW.RAW_EVENTS (
    EVENT_ID VARCHAR NOT NULL,
    EVENT_TYPE VARCHAR NOT NULL,
    OCCURRED_AT TIMESTAMP_NTZ(6) NOT NULL,
    SCHEMA_VERSION NUMBER(19, 0) NOT NULL,
    CLUSTER_ID VARCHAR NOT NULL,
    TOPIC_ID VARCHAR NOT NULL,
    TOPIC VARCHAR NOT NULL,
    KAFKA_PARTITION NUMBER(10, 0) NOT NULL,
    KAFKA_OFFSET NUMBER(19, 0) NOT NULL,
    MESSAGE_KEY BINARY,
    MESSAGE_TIMESTAMP TIMESTAMP_NTZ(3),
    SLICE_ID VARCHAR NOT NULL,
    LOADED_AT TIMESTAMP_NTZ(6) DEFAULT SYSDATE(),
    PAYLOAD VARCHAR NOT NULL
);

-- Messages that cannot become a row, whole. HEADERS is the list of names and values as
-- the writer encodes it, REASON a short code, ERROR_PATH a JSON path or an error code.
CREATE TABLE IF NOT EXISTS RAW.DEAD_LETTERS (
    VALUE BINARY,
    MESSAGE_KEY BINARY,
    HEADERS BINARY,
    REASON VARCHAR NOT NULL,
    ERROR_PATH VARCHAR NOT NULL,
    CLUSTER_ID VARCHAR NOT NULL,
    TOPIC_ID VARCHAR NOT NULL,
    TOPIC VARCHAR NOT NULL,
    KAFKA_PARTITION NUMBER(10, 0) NOT NULL,
    KAFKA_OFFSET NUMBER(19, 0) NOT NULL,
    MESSAGE_TIMESTAMP TIMESTAMP_NTZ(3),
    SLICE_ID VARCHAR NOT NULL,
    LOADED_AT TIMESTAMP_NTZ(6) DEFAULT SYSDATE()
);
