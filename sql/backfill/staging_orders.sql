-- Purpose:    STAGING_ORDERS from all of its source,
--             for when ORDER_STREAM went stale.
-- Layer:      STAGING.
-- Owner role: DEPLOYER.
-- Undo:       none needed: what is there already stays as it is.
--
-- By hand, with OPS.LOAD_STAGING_ORDERS
-- suspended; resume it afterwards. New stream first, so that nothing falls in
-- between: what arrives meanwhile is seen twice and counts once. The statement is the
-- task's own, reading the table instead of the stream; a test compares the two.

DROP STREAM IF EXISTS RAW.ORDER_STREAM;

CREATE STREAM IF NOT EXISTS RAW.ORDER_STREAM
ON TABLE RAW.RAW_ORDERS
APPEND_ONLY = TRUE;

MERGE INTO STAGING.STAGING_ORDERS AS T
USING (
    WITH ARRIVED AS (
        SELECT
            EVENT_ID,
            MD5(PAYLOAD) AS PAYLOAD_MD5,
            EVENT_TYPE,
            OCCURRED_AT,
            SCHEMA_VERSION,
            TRY_PARSE_JSON(PAYLOAD) AS DOC
        FROM RAW.RAW_ORDERS
        QUALIFY ROW_NUMBER() OVER (
            PARTITION BY EVENT_ID, PAYLOAD
            ORDER BY OCCURRED_AT, EVENT_TYPE, SCHEMA_VERSION
        ) = 1
    ),

    CHECKED AS (
        SELECT
            *,
            IFF(DOC IS NULL, ', payload', '')
            || IFF(TRIM(DOC['order_id']::VARCHAR) > '', '', ', order_id')
            || IFF(
                TRIM(DOC['customer']['customer_id']::VARCHAR) > '', '', ', customer_id'
            )
            || IFF(
                REGEXP_LIKE(UPPER(TRIM(DOC['currency']::VARCHAR)), '[A-Z]{3}'),
                '', ', currency'
            )
            || IFF(
                IS_ARRAY(DOC['lines']) AND ARRAY_SIZE(DOC['lines']) > 0, '', ', lines'
            )
            || IFF(
                TRY_CAST(DOC['shipping']::VARCHAR AS NUMBER(12, 2))
                = TRY_CAST(DOC['shipping']::VARCHAR AS NUMBER(38, 24)),
                '', ', shipping'
            )
            || IFF(
                TRY_CAST(DOC['subtotal']::VARCHAR AS NUMBER(12, 2))
                = TRY_CAST(DOC['subtotal']::VARCHAR AS NUMBER(38, 24)),
                '', ', subtotal'
            )
            || IFF(
                TRY_CAST(DOC['tax_total']::VARCHAR AS NUMBER(12, 2))
                = TRY_CAST(DOC['tax_total']::VARCHAR AS NUMBER(38, 24)),
                '', ', tax_total'
            )
            || IFF(
                TRY_CAST(DOC['total']::VARCHAR AS NUMBER(12, 2))
                = TRY_CAST(DOC['total']::VARCHAR AS NUMBER(38, 24)),
                '', ', total'
            ) AS FAULTS
        FROM ARRIVED
    )

    SELECT
        EVENT_ID,
        PAYLOAD_MD5,
        EVENT_TYPE,
        OCCURRED_AT,
        SCHEMA_VERSION,
        NULLIF(TRIM(DOC['order_id']::VARCHAR), '') AS ORDER_ID,
        NULLIF(TRIM(DOC['customer']['customer_id']::VARCHAR), '') AS CUSTOMER_ID,
        NULLIF(TRIM(DOC['customer']['name']::VARCHAR), '') AS CUSTOMER_NAME,
        NULLIF(LOWER(TRIM(DOC['customer']['email']::VARCHAR)), '') AS CUSTOMER_EMAIL,
        NULLIF(
            UPPER(TRIM(DOC['customer']['country']::VARCHAR)), ''
        ) AS CUSTOMER_COUNTRY,
        NULLIF(TRIM(DOC['customer']['city']::VARCHAR), '') AS CUSTOMER_CITY,
        NULLIF(LOWER(TRIM(DOC['channel']::VARCHAR)), '') AS CHANNEL,
        NULLIF(UPPER(TRIM(DOC['currency']::VARCHAR)), '') AS CURRENCY,
        IFF(IS_ARRAY(DOC['lines']), ARRAY_SIZE(DOC['lines']), NULL) AS LINE_COUNT,
        TRY_CAST(DOC['shipping']::VARCHAR AS NUMBER(12, 2)) AS SHIPPING,
        TRY_CAST(DOC['subtotal']::VARCHAR AS NUMBER(12, 2)) AS SUBTOTAL,
        TRY_CAST(DOC['tax_total']::VARCHAR AS NUMBER(12, 2)) AS TAX_TOTAL,
        TRY_CAST(DOC['total']::VARCHAR AS NUMBER(12, 2)) AS TOTAL,
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
        ORDER_ID,
        CUSTOMER_ID,
        CUSTOMER_NAME,
        CUSTOMER_EMAIL,
        CUSTOMER_COUNTRY,
        CUSTOMER_CITY,
        CHANNEL,
        CURRENCY,
        LINE_COUNT,
        SHIPPING,
        SUBTOTAL,
        TAX_TOTAL,
        TOTAL,
        REJECT_REASON,
        STAGED_AT
    )
    VALUES (
        S.EVENT_ID,
        S.PAYLOAD_MD5,
        S.EVENT_TYPE,
        S.OCCURRED_AT,
        S.SCHEMA_VERSION,
        S.ORDER_ID,
        S.CUSTOMER_ID,
        S.CUSTOMER_NAME,
        S.CUSTOMER_EMAIL,
        S.CUSTOMER_COUNTRY,
        S.CUSTOMER_CITY,
        S.CHANNEL,
        S.CURRENCY,
        S.LINE_COUNT,
        S.SHIPPING,
        S.SUBTOTAL,
        S.TAX_TOTAL,
        S.TOTAL,
        S.REJECT_REASON,
        SYSDATE()
    );
