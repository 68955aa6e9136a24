-- Purpose:    STAGING_INVENTORY from all of its source,
--             for when INVENTORY_STREAM went stale.
-- Layer:      STAGING.
-- Owner role: DEPLOYER.
-- Undo:       none needed: what is there already stays as it is.
--
-- By hand, with OPS.LOAD_STAGING_INVENTORY
-- suspended; resume it afterwards. New stream first, so that nothing falls in
-- between: what arrives meanwhile is seen twice and counts once. The statement is the
-- task's own, reading the table instead of the stream; a test compares the two.

DROP STREAM IF EXISTS RAW.INVENTORY_STREAM;

CREATE STREAM IF NOT EXISTS RAW.INVENTORY_STREAM
ON TABLE RAW.RAW_INVENTORY
APPEND_ONLY = TRUE;

MERGE INTO STAGING.STAGING_INVENTORY AS T
USING (
    WITH ARRIVED AS (
        SELECT
            EVENT_ID,
            MD5(PAYLOAD) AS PAYLOAD_MD5,
            EVENT_TYPE,
            OCCURRED_AT,
            SCHEMA_VERSION,
            TRY_PARSE_JSON(PAYLOAD) AS DOC
        FROM RAW.RAW_INVENTORY
        QUALIFY ROW_NUMBER() OVER (
            PARTITION BY EVENT_ID, PAYLOAD
            ORDER BY OCCURRED_AT, EVENT_TYPE, SCHEMA_VERSION
        ) = 1
    ),

    CHECKED AS (
        SELECT
            *,
            IFF(DOC IS NULL, ', payload', '')
            || IFF(TRIM(DOC['wine_id']::VARCHAR) > '', '', ', wine_id')
            || IFF(
                TRY_CAST(DOC['quantity']::VARCHAR AS NUMBER(9, 0))
                = TRY_CAST(DOC['quantity']::VARCHAR AS NUMBER(38, 24)),
                '', ', quantity'
            )
            || IFF(TRIM(DOC['reason']::VARCHAR) > '', '', ', reason')
            || IFF(
                TRY_CAST(DOC['stock_after']::VARCHAR AS NUMBER(12, 0))
                = TRY_CAST(DOC['stock_after']::VARCHAR AS NUMBER(38, 24)),
                '', ', stock_after'
            ) AS FAULTS
        FROM ARRIVED
    )

    SELECT
        EVENT_ID,
        PAYLOAD_MD5,
        EVENT_TYPE,
        OCCURRED_AT,
        SCHEMA_VERSION,
        NULLIF(TRIM(DOC['wine_id']::VARCHAR), '') AS WINE_ID,
        TRY_CAST(DOC['quantity']::VARCHAR AS NUMBER(9, 0)) AS QUANTITY,
        NULLIF(UPPER(TRIM(DOC['reason']::VARCHAR)), '') AS REASON,
        TRY_CAST(DOC['stock_after']::VARCHAR AS NUMBER(12, 0)) AS STOCK_AFTER,
        NULLIF(TRIM(DOC['order_id']::VARCHAR), '') AS ORDER_ID,
        IFF(FAULTS = '', NULL, 'invalid: ' || SUBSTR(FAULTS, 3)) AS REJECT_REASON
    FROM CHECKED
) AS S
    ON T.EVENT_ID = S.EVENT_ID AND T.PAYLOAD_MD5 = S.PAYLOAD_MD5
WHEN NOT MATCHED THEN
    INSERT (
        EVENT_ID,
        PAYLOAD_MD5,
        EVENT_TYPE,
        OCCURRED_AT,
        SCHEMA_VERSION,
        WINE_ID,
        QUANTITY,
        REASON,
        STOCK_AFTER,
        ORDER_ID,
        REJECT_REASON,
        STAGED_AT
    )
    VALUES (
        S.EVENT_ID,
        S.PAYLOAD_MD5,
        S.EVENT_TYPE,
        S.OCCURRED_AT,
        S.SCHEMA_VERSION,
        S.WINE_ID,
        S.QUANTITY,
        S.REASON,
        S.STOCK_AFTER,
        S.ORDER_ID,
        S.REJECT_REASON,
        SYSDATE()
    );
