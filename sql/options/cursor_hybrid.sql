-- Purpose:    the cursor as a hybrid table, for more than some tens of processes.
-- Layer:      OPS.
-- Owner role: DEPLOYER; LOADER reads and writes, AUDITOR reads.
-- Undo:       DROP TABLE OPS.INGEST_CURSOR; see 0002_ops.sql for what that means.
-- When:       cursor_table = hybrid
-- Part:       core
--
-- Applied before the migrations: 0002 then finds its table there and leaves it. Rows
-- are locked one by one here, a whole standard table at each UPDATE. A database that
-- has a standard cursor already keeps it; sql/README.md tells how to move it. Not on
-- trial accounts and not in every region.

CREATE SCHEMA IF NOT EXISTS OPS;

CREATE HYBRID TABLE IF NOT EXISTS OPS.INGEST_CURSOR (
    PIPELINE VARCHAR NOT NULL,
    CLUSTER_ID VARCHAR NOT NULL,
    TOPIC_ID VARCHAR NOT NULL,
    TOPIC VARCHAR NOT NULL,
    KAFKA_PARTITION NUMBER(10, 0) NOT NULL,
    FIRST_OFFSET NUMBER(19, 0) NOT NULL,
    NEXT_OFFSET NUMBER(19, 0) NOT NULL,
    EPOCH NUMBER(19, 0) NOT NULL,
    OWNER VARCHAR NOT NULL,
    UPDATED_AT TIMESTAMP_NTZ(6) NOT NULL DEFAULT SYSDATE(),
    PRIMARY KEY (PIPELINE, CLUSTER_ID, TOPIC_ID, TOPIC, KAFKA_PARTITION)
);
