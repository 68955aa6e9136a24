-- Purpose:    PROD_ORDER_LINES from all of its source,
--             for when STAGED_LINES_FOR_LINES went stale.
-- Layer:      PRODUCTION.
-- Owner role: DEPLOYER.
-- Undo:       none needed: what is there already stays as it is.
--
-- By hand, with OPS.LOAD_PROD_ORDER_LINES
-- suspended; resume it afterwards. New stream first, so that nothing falls in
-- between: what arrives meanwhile is seen twice and counts once. The statement is the
-- task's own, reading the table instead of the stream; a test compares the two.

DROP STREAM IF EXISTS STAGING.STAGED_LINES_FOR_LINES;

CREATE STREAM IF NOT EXISTS STAGING.STAGED_LINES_FOR_LINES
ON TABLE STAGING.STAGING_ORDER_LINES
APPEND_ONLY = TRUE;

MERGE INTO PRODUCTION.PROD_ORDER_LINES AS T
USING (
    WITH TOUCHED AS (
        SELECT DISTINCT ORDER_ID
        FROM STAGING.STAGING_ORDER_LINES
        WHERE REJECT_REASON IS NULL
    ),

    LATEST AS (
        SELECT
            L.ORDER_ID,
            L.EVENT_ID,
            L.PAYLOAD_MD5
        FROM STAGING.STAGING_ORDER_LINES AS L
        INNER JOIN TOUCHED AS O ON L.ORDER_ID = O.ORDER_ID
        GROUP BY L.ORDER_ID, L.EVENT_ID, L.PAYLOAD_MD5, L.OCCURRED_AT
        HAVING COUNT(L.REJECT_REASON) = 0
        QUALIFY ROW_NUMBER() OVER (
            PARTITION BY L.ORDER_ID
            ORDER BY L.OCCURRED_AT DESC, L.EVENT_ID DESC, L.PAYLOAD_MD5 DESC
        ) = 1
    ),

    CURRENT_LINES AS (
        SELECT
            L.*,
            L.QUANTITY * L.UNIT_PRICE AS GROSS,
            L.QUANTITY * L.UNIT_PRICE - L.DISCOUNT AS NET,
            L.QUANTITY * L.UNIT_COST AS COST
        FROM STAGING.STAGING_ORDER_LINES AS L
        INNER JOIN LATEST AS V
            ON
                L.ORDER_ID = V.ORDER_ID
                AND L.EVENT_ID = V.EVENT_ID
                AND L.PAYLOAD_MD5 = V.PAYLOAD_MD5
    ),

    KNOWN_NUMBERS AS (
        SELECT DISTINCT
            L.ORDER_ID,
            L.LINE_NUMBER
        FROM STAGING.STAGING_ORDER_LINES AS L
        INNER JOIN LATEST AS V ON L.ORDER_ID = V.ORDER_ID
    )

    SELECT
        N.ORDER_ID,
        N.LINE_NUMBER,
        L.EVENT_ID,
        L.PAYLOAD_MD5,
        L.OCCURRED_AT AS ORDERED_AT,
        CAST(
            CONVERT_TIMEZONE('UTC', 'Europe/Paris', L.OCCURRED_AT) AS DATE
        ) AS SHOP_DAY,
        L.WINE_ID,
        L.NAME,
        L.ESTATE,
        L.REGION,
        L.APPELLATION,
        L.COLOUR,
        L.VINTAGE,
        L.BOTTLE_CL,
        L.QUANTITY,
        L.UNIT_PRICE,
        L.UNIT_COST,
        L.TAX_RATE,
        L.GROSS,
        L.DISCOUNT,
        L.NET,
        ROUND(L.NET * L.TAX_RATE, 2) AS TAX,
        L.COST,
        L.NET - L.COST AS MARGIN,
        L.EVENT_ID IS NULL AS IS_GONE
    FROM KNOWN_NUMBERS AS N
    LEFT JOIN CURRENT_LINES AS L
        ON N.ORDER_ID = L.ORDER_ID AND N.LINE_NUMBER = L.LINE_NUMBER
) AS S
    ON T.ORDER_ID = S.ORDER_ID AND T.LINE_NUMBER = S.LINE_NUMBER
WHEN MATCHED AND S.IS_GONE THEN
    DELETE
WHEN MATCHED THEN
    UPDATE SET
        T.EVENT_ID = S.EVENT_ID,
        T.PAYLOAD_MD5 = S.PAYLOAD_MD5,
        T.ORDERED_AT = S.ORDERED_AT,
        T.SHOP_DAY = S.SHOP_DAY,
        T.WINE_ID = S.WINE_ID,
        T.NAME = S.NAME,
        T.ESTATE = S.ESTATE,
        T.REGION = S.REGION,
        T.APPELLATION = S.APPELLATION,
        T.COLOUR = S.COLOUR,
        T.VINTAGE = S.VINTAGE,
        T.BOTTLE_CL = S.BOTTLE_CL,
        T.QUANTITY = S.QUANTITY,
        T.UNIT_PRICE = S.UNIT_PRICE,
        T.UNIT_COST = S.UNIT_COST,
        T.TAX_RATE = S.TAX_RATE,
        T.GROSS = S.GROSS,
        T.DISCOUNT = S.DISCOUNT,
        T.NET = S.NET,
        T.TAX = S.TAX,
        T.COST = S.COST,
        T.MARGIN = S.MARGIN,
        T.REFRESHED_AT = SYSDATE()
WHEN NOT MATCHED AND NOT S.IS_GONE THEN
    INSERT (
        ORDER_ID,
        LINE_NUMBER,
        EVENT_ID,
        PAYLOAD_MD5,
        ORDERED_AT,
        SHOP_DAY,
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
        TAX_RATE,
        GROSS,
        DISCOUNT,
        NET,
        TAX,
        COST,
        MARGIN,
        REFRESHED_AT
    )
    VALUES (
        S.ORDER_ID,
        S.LINE_NUMBER,
        S.EVENT_ID,
        S.PAYLOAD_MD5,
        S.ORDERED_AT,
        S.SHOP_DAY,
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
        S.TAX_RATE,
        S.GROSS,
        S.DISCOUNT,
        S.NET,
        S.TAX,
        S.COST,
        S.MARGIN,
        SYSDATE()
    );
