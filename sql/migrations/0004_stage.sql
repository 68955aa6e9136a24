-- Purpose:    where the writer puts its Parquet files, and how they are read.
-- Layer:      RAW.
-- Owner role: DEPLOYER; LOADER reads and writes the stage and uses the format.
-- Undo:       DROP FILE FORMAT RAW.INGEST_PARQUET; DROP STAGE RAW.INGEST_STAGE;
--             files of slices that were not yet written go too and are made again.
-- Part:       core
--
-- Made here and never by the sink: DDL would commit its open transaction.
-- USE_LOGICAL_TYPE reads timestamps as what they are; BINARY_AS_TEXT is off, since keys
-- and dead letters are bytes, not text.

CREATE STAGE IF NOT EXISTS RAW.INGEST_STAGE;

CREATE FILE FORMAT IF NOT EXISTS RAW.INGEST_PARQUET
    TYPE = PARQUET
    USE_LOGICAL_TYPE = TRUE
    BINARY_AS_TEXT = FALSE;
