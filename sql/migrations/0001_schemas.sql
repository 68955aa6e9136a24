-- Purpose:    the schemas the library itself needs, in the session's current database.
-- Layer:      RAW (bronze: what was delivered), OPS (where the pipeline stands).
-- Owner role: DEPLOYER; LOADER writes into both.
-- Undo:       DROP SCHEMA RAW; DROP SCHEMA OPS; every row and every cursor goes too.
-- Part:       core
--
-- Migrations are plain Snowflake SQL and safe to repeat: IF NOT EXISTS everywhere.
-- One that was deployed is never edited; a change is a new number.

CREATE SCHEMA IF NOT EXISTS RAW;

CREATE SCHEMA IF NOT EXISTS OPS;
