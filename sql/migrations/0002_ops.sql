-- Purpose:    where each pipeline stands, and the proof of how it got there.
-- Layer:      OPS.
-- Owner role: DEPLOYER; LOADER reads and writes, AUDITOR reads.
-- Undo:       DROP TABLE OPS.INGEST_TABLES, OPS.INGEST_GAPS, OPS.INGEST_LEDGER,
--             OPS.INGEST_CURSOR, one statement each. Without its cursor a pipeline
--             starts at its start policy again: truncate RAW as well, or rows double.
-- Part:       core
--
-- A log partition is four columns: CLUSTER_ID, TOPIC_ID, TOPIC, KAFKA_PARTITION.
-- Ranges are half-open: TO_OFFSET and NEXT_OFFSET are the next offset to read.
-- Times are TIMESTAMP_NTZ and always UTC: SYSDATE() is UTC whatever the session says.
-- No PRIMARY KEY and no UNIQUE anywhere: Snowflake does not enforce them on standard
-- tables, and a warehouse that did would hide what the protocol has to guard itself.
-- NUMBER(19, 0) holds any 64-bit integer.

-- The truth about positions. One row per pipeline and log partition.
CREATE TABLE IF NOT EXISTS OPS.INGEST_CURSOR (
    PIPELINE VARCHAR NOT NULL,
    CLUSTER_ID VARCHAR NOT NULL,
    TOPIC_ID VARCHAR NOT NULL,
    TOPIC VARCHAR NOT NULL,
    KAFKA_PARTITION NUMBER(10, 0) NOT NULL,
    FIRST_OFFSET NUMBER(19, 0) NOT NULL,
    NEXT_OFFSET NUMBER(19, 0) NOT NULL,
    EPOCH NUMBER(19, 0) NOT NULL,
    OWNER VARCHAR NOT NULL,
    UPDATED_AT TIMESTAMP_NTZ(6) NOT NULL DEFAULT SYSDATE()
);

-- Append-only: one row per slice and log partition. A rewind is a row whose FROM_OFFSET
-- is greater than its TO_OFFSET. PAYLOAD_FINGERPRINT is NULL where it is switched off;
-- a sum of 64-bit numbers, 30 digits hold that of 10 billion rows.
CREATE TABLE IF NOT EXISTS OPS.INGEST_LEDGER (
    SLICE_ID VARCHAR NOT NULL,
    PIPELINE VARCHAR NOT NULL,
    CLUSTER_ID VARCHAR NOT NULL,
    TOPIC_ID VARCHAR NOT NULL,
    TOPIC VARCHAR NOT NULL,
    KAFKA_PARTITION NUMBER(10, 0) NOT NULL,
    FROM_OFFSET NUMBER(19, 0) NOT NULL,
    TO_OFFSET NUMBER(19, 0) NOT NULL,
    ROW_COUNT NUMBER(19, 0) NOT NULL,
    DEAD_COUNT NUMBER(19, 0) NOT NULL,
    PAYLOAD_BYTES NUMBER(19, 0) NOT NULL,
    PAYLOAD_FINGERPRINT NUMBER(30, 0),
    EPOCH NUMBER(19, 0) NOT NULL,
    COMMITTED_AT TIMESTAMP_NTZ(6) NOT NULL DEFAULT SYSDATE()
);

-- Append-only: offsets that hold no message. REASON is jump, trailing or retention.
CREATE TABLE IF NOT EXISTS OPS.INGEST_GAPS (
    SLICE_ID VARCHAR NOT NULL,
    CLUSTER_ID VARCHAR NOT NULL,
    TOPIC_ID VARCHAR NOT NULL,
    TOPIC VARCHAR NOT NULL,
    KAFKA_PARTITION NUMBER(10, 0) NOT NULL,
    FROM_OFFSET NUMBER(19, 0) NOT NULL,
    TO_OFFSET NUMBER(19, 0) NOT NULL,
    REASON VARCHAR NOT NULL
);

-- The tables of RAW that a pipeline writes: what the audit counts. Filled by deploy.
CREATE TABLE IF NOT EXISTS OPS.INGEST_TABLES (
    PIPELINE VARCHAR NOT NULL,
    TABLE_NAME VARCHAR NOT NULL
);
