-- Purpose:    STAGING_ORDER_LINES from all of its source,
--             for when ORDER_LINE_STREAM went stale.
-- Layer:      STAGING.
-- Owner role: DEPLOYER.
-- Undo:       none needed: what is there already stays as it is.
--
-- By hand, with OPS.LOAD_STAGING_ORDER_LINES
-- suspended; resume it afterwards. New stream first, so that nothing falls in
-- between: what arrives meanwhile is seen twice and counts once. The statement is the
-- task's own, reading the table instead of the stream; a test compares the two.

DROP STREAM IF EXISTS RAW.ORDER_LINE_STREAM;

CREATE STREAM IF NOT EXISTS RAW.ORDER_LINE_STREAM
ON TABLE RAW.RAW_ORDERS
APPEND_ONLY = TRUE;

MERGE INTO STAGING.STAGING_ORDER_LINES AS T
USING (
    WITH ARRIVED AS (
        SELECT
            EVENT_ID,
            MD5(PAYLOAD) AS PAYLOAD_MD5,
            OCCURRED_AT,
            TRY_PARSE_JSON(PAYLOAD) AS DOC
        FROM RAW.RAW_ORDERS
        QUALIFY ROW_NUMBER() OVER (
            PARTITION BY EVENT_ID, PAYLOAD
            ORDER BY OCCURRED_AT
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
    ),

    EXPLODED AS (
        SELECT
            A.EVENT_ID,
            A.PAYLOAD_MD5,
            L.INDEX + 1 AS LINE_NUMBER,
            A.OCCURRED_AT,
            NULLIF(TRIM(A.DOC['order_id']::VARCHAR), '') AS ORDER_ID,
            A.FAULTS,
            L.VALUE AS ITEM
        FROM CHECKED AS A,
            LATERAL FLATTEN(
                INPUT => IFF(IS_ARRAY(A.DOC['lines']), A.DOC['lines'], NULL)
            ) AS L
    ),

    JUDGED AS (
        SELECT
            *,
            IFF(TRIM(ITEM['wine_id']::VARCHAR) > '', '', ', wine_id')
            || IFF(
                ITEM['vintage']::VARCHAR IS NULL
                OR TRY_CAST(ITEM['vintage']::VARCHAR AS NUMBER(4, 0))
                = TRY_CAST(ITEM['vintage']::VARCHAR AS NUMBER(38, 24)),
                '', ', vintage'
            )
            || IFF(
                TRY_CAST(ITEM['bottle_cl']::VARCHAR AS NUMBER(6, 0))
                = TRY_CAST(ITEM['bottle_cl']::VARCHAR AS NUMBER(38, 24)),
                '', ', bottle_cl'
            )
            || IFF(
                TRY_CAST(ITEM['quantity']::VARCHAR AS NUMBER(9, 0))
                = TRY_CAST(ITEM['quantity']::VARCHAR AS NUMBER(38, 24)),
                '', ', quantity'
            )
            || IFF(
                TRY_CAST(ITEM['unit_price']::VARCHAR AS NUMBER(12, 2))
                = TRY_CAST(ITEM['unit_price']::VARCHAR AS NUMBER(38, 24)),
                '', ', unit_price'
            )
            || IFF(
                TRY_CAST(ITEM['unit_cost']::VARCHAR AS NUMBER(12, 2))
                = TRY_CAST(ITEM['unit_cost']::VARCHAR AS NUMBER(38, 24)),
                '', ', unit_cost'
            )
            || IFF(
                TRY_CAST(ITEM['discount']::VARCHAR AS NUMBER(12, 2))
                = TRY_CAST(ITEM['discount']::VARCHAR AS NUMBER(38, 24)),
                '', ', discount'
            )
            || IFF(
                TRY_CAST(ITEM['tax_rate']::VARCHAR AS NUMBER(7, 6))
                = TRY_CAST(ITEM['tax_rate']::VARCHAR AS NUMBER(38, 24)),
                '', ', tax_rate'
            ) AS LINE_FAULTS
        FROM EXPLODED
    )

    SELECT
        EVENT_ID,
        PAYLOAD_MD5,
        LINE_NUMBER,
        OCCURRED_AT,
        ORDER_ID,
        NULLIF(TRIM(ITEM['wine_id']::VARCHAR), '') AS WINE_ID,
        NULLIF(TRIM(ITEM['name']::VARCHAR), '') AS NAME,
        NULLIF(TRIM(ITEM['estate']::VARCHAR), '') AS ESTATE,
        NULLIF(TRIM(ITEM['region']::VARCHAR), '') AS REGION,
        NULLIF(TRIM(ITEM['appellation']::VARCHAR), '') AS APPELLATION,
        NULLIF(LOWER(TRIM(ITEM['colour']::VARCHAR)), '') AS COLOUR,
        TRY_CAST(ITEM['vintage']::VARCHAR AS NUMBER(4, 0)) AS VINTAGE,
        TRY_CAST(ITEM['bottle_cl']::VARCHAR AS NUMBER(6, 0)) AS BOTTLE_CL,
        TRY_CAST(ITEM['quantity']::VARCHAR AS NUMBER(9, 0)) AS QUANTITY,
        TRY_CAST(ITEM['unit_price']::VARCHAR AS NUMBER(12, 2)) AS UNIT_PRICE,
        TRY_CAST(ITEM['unit_cost']::VARCHAR AS NUMBER(12, 2)) AS UNIT_COST,
        TRY_CAST(ITEM['discount']::VARCHAR AS NUMBER(12, 2)) AS DISCOUNT,
        TRY_CAST(ITEM['tax_rate']::VARCHAR AS NUMBER(7, 6)) AS TAX_RATE,
        CASE
            WHEN LINE_FAULTS <> '' THEN 'invalid: ' || SUBSTR(LINE_FAULTS, 3)
            WHEN FAULTS <> '' THEN 'order invalid: ' || SUBSTR(FAULTS, 3)
        END AS REJECT_REASON
    FROM JUDGED
) AS S
    ON
        T.EVENT_ID = S.EVENT_ID
        AND T.PAYLOAD_MD5 = S.PAYLOAD_MD5
        AND T.LINE_NUMBER = S.LINE_NUMBER
WHEN NOT MATCHED THEN
    INSERT (
        EVENT_ID,
        PAYLOAD_MD5,
        LINE_NUMBER,
        OCCURRED_AT,
        ORDER_ID,
        WINE_ID,
        NAME,
        ESTATE,
        REGION,
        APPELLATION,
        COLOUR,
        VINTAGE,
        BOTTLE_CL,
        QUANTITY,
        UNIT_PRICE,
        UNIT_COST,
        DISCOUNT,
        TAX_RATE,
        REJECT_REASON,
        STAGED_AT
    )
    VALUES (
        S.EVENT_ID,
        S.PAYLOAD_MD5,
        S.LINE_NUMBER,
        S.OCCURRED_AT,
        S.ORDER_ID,
        S.WINE_ID,
        S.NAME,
        S.ESTATE,
        S.REGION,
        S.APPELLATION,
        S.COLOUR,
        S.VINTAGE,
        S.BOTTLE_CL,
        S.QUANTITY,
        S.UNIT_PRICE,
        S.UNIT_COST,
        S.DISCOUNT,
        S.TAX_RATE,
        S.REJECT_REASON,
        SYSDATE()
    );
