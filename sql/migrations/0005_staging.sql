-- Purpose:    typed, normalised events, each content once, and the streams to them.
-- Layer:      STAGING (silver), and the streams on RAW that feed it.
-- Owner role: DEPLOYER; TRANSFORMER inserts, AUDITOR reads.
-- Undo:       DROP STREAM RAW.ORDER_STREAM, RAW.ORDER_LINE_STREAM,
--             RAW.INVENTORY_STREAM, one statement each; DROP SCHEMA STAGING. RAW still
--             holds everything: sql/backfill fills these tables from it again.
--
-- A row is one content of one event: the key is EVENT_ID with PAYLOAD_MD5 (and
-- LINE_NUMBER). A producer that sends an event again sends the same payload, so there
-- is one row per event. Should two contents ever claim one EVENT_ID, both stay,
-- whichever came first; PRODUCTION picks one by a total order, REJECTS shows them.
-- No log coordinates: the order in which messages arrived is nobody's business here.
-- STAGED_AT is when the task ran: it is about the row, not part of the content.
-- REJECT_REASON is NULL for a sound row, else it names the fields that do not cast.
-- Columns are those of the event classes: winestream.events.wine. Times are UTC.
-- Sizes keep later sums inside NUMBER(38, 2): what does not fit is a reject, never a
-- task that fails for ever.

CREATE SCHEMA IF NOT EXISTS STAGING;

CREATE TABLE IF NOT EXISTS STAGING.STAGING_ORDERS (
    EVENT_ID VARCHAR NOT NULL,
    PAYLOAD_MD5 VARCHAR NOT NULL,
    EVENT_TYPE VARCHAR NOT NULL,
    OCCURRED_AT TIMESTAMP_NTZ(6) NOT NULL,
    SCHEMA_VERSION NUMBER(19, 0) NOT NULL,
    ORDER_ID VARCHAR,
    CUSTOMER_ID VARCHAR,
    CUSTOMER_NAME VARCHAR,
    CUSTOMER_EMAIL VARCHAR,
    CUSTOMER_COUNTRY VARCHAR,
    CUSTOMER_CITY VARCHAR,
    CHANNEL VARCHAR,
    CURRENCY VARCHAR,
    LINE_COUNT NUMBER(9, 0),
    SHIPPING NUMBER(12, 2),
    SUBTOTAL NUMBER(12, 2),
    TAX_TOTAL NUMBER(12, 2),
    TOTAL NUMBER(12, 2),
    REJECT_REASON VARCHAR,
    STAGED_AT TIMESTAMP_NTZ(6) NOT NULL
);

-- One row per element of `lines`, numbered from 1. Staged by itself: an order may be
-- here before its lines or after them. ORDER_ID is the order's, as in STAGING_ORDERS.
CREATE TABLE IF NOT EXISTS STAGING.STAGING_ORDER_LINES (
    EVENT_ID VARCHAR NOT NULL,
    PAYLOAD_MD5 VARCHAR NOT NULL,
    LINE_NUMBER NUMBER(9, 0) NOT NULL,
    OCCURRED_AT TIMESTAMP_NTZ(6) NOT NULL,
    ORDER_ID VARCHAR,
    WINE_ID VARCHAR,
    NAME VARCHAR,
    ESTATE VARCHAR,
    REGION VARCHAR,
    APPELLATION VARCHAR,
    COLOUR VARCHAR,
    VINTAGE NUMBER(4, 0),
    BOTTLE_CL NUMBER(6, 0),
    QUANTITY NUMBER(9, 0),
    UNIT_PRICE NUMBER(12, 2),
    UNIT_COST NUMBER(12, 2),
    DISCOUNT NUMBER(12, 2),
    TAX_RATE NUMBER(7, 6),
    REJECT_REASON VARCHAR,
    STAGED_AT TIMESTAMP_NTZ(6) NOT NULL
);

CREATE TABLE IF NOT EXISTS STAGING.STAGING_INVENTORY (
    EVENT_ID VARCHAR NOT NULL,
    PAYLOAD_MD5 VARCHAR NOT NULL,
    EVENT_TYPE VARCHAR NOT NULL,
    OCCURRED_AT TIMESTAMP_NTZ(6) NOT NULL,
    SCHEMA_VERSION NUMBER(19, 0) NOT NULL,
    WINE_ID VARCHAR,
    QUANTITY NUMBER(9, 0),
    REASON VARCHAR,
    STOCK_AFTER NUMBER(12, 0),
    ORDER_ID VARCHAR,
    REJECT_REASON VARCHAR,
    STAGED_AT TIMESTAMP_NTZ(6) NOT NULL
);

-- One stream per reader: a stream is consumed whole by one statement. What RAW held
-- before the stream existed is shown the first time it is consumed.
CREATE STREAM IF NOT EXISTS RAW.ORDER_STREAM
ON TABLE RAW.RAW_ORDERS
APPEND_ONLY = TRUE
SHOW_INITIAL_ROWS = TRUE;

CREATE STREAM IF NOT EXISTS RAW.ORDER_LINE_STREAM
ON TABLE RAW.RAW_ORDERS
APPEND_ONLY = TRUE
SHOW_INITIAL_ROWS = TRUE;

CREATE STREAM IF NOT EXISTS RAW.INVENTORY_STREAM
ON TABLE RAW.RAW_INVENTORY
APPEND_ONLY = TRUE
SHOW_INITIAL_ROWS = TRUE;
