-- Purpose:    ANALYTICS.INVENTORY_STATUS: what is in the cellar and how long it lasts.
-- Layer:      ANALYTICS.
-- Owner role: DEPLOYER; READER and AUDITOR read.
-- Undo:       DROP VIEW ANALYTICS.INVENTORY_STATUS.
--
-- SOLD_28_DAYS counts bottles ordered in the 28 days of the shop that end with the
-- newest day of sales. DAYS_OF_COVER is STOCK at that pace in whole days, rounded down,
-- NULL where nothing was sold. REORDER: sold lately, and less than 14 days of cover, or
-- nothing left. Name and region are the newest order's, NULL for a wine never ordered.

CREATE OR REPLACE VIEW ANALYTICS.INVENTORY_STATUS COPY GRANTS AS
WITH SALES AS (
    SELECT
        L.*,
        MAX(O.SHOP_DAY) OVER () AS NEWEST_SHOP_DAY,
        ROW_NUMBER() OVER (
            PARTITION BY L.WINE_ID
            ORDER BY L.ORDERED_AT DESC, L.ORDER_ID DESC, L.LINE_NUMBER DESC
        ) AS AGE
    FROM PRODUCTION.PROD_ORDER_LINES AS L
    INNER JOIN PRODUCTION.PROD_ORDERS AS O
        ON
            L.ORDER_ID = O.ORDER_ID
            AND L.EVENT_ID = O.EVENT_ID
            AND L.PAYLOAD_MD5 = O.PAYLOAD_MD5
),

PACE AS (
    SELECT
        S.WINE_ID,
        MAX(IFF(S.AGE = 1, S.NAME, NULL)) AS NAME,
        MAX(IFF(S.AGE = 1, S.REGION, NULL)) AS REGION,
        MAX(IFF(S.AGE = 1, S.VINTAGE, NULL)) AS VINTAGE,
        MAX(S.SHOP_DAY) AS LAST_SOLD_DAY,
        CAST(
            SUM(
                IFF(
                    S.SHOP_DAY > DATEADD('day', -28, S.NEWEST_SHOP_DAY), S.QUANTITY, 0
                )
            ) AS NUMBER(18, 0)
        ) AS SOLD_28_DAYS
    FROM SALES AS S
    GROUP BY S.WINE_ID
),

COVER AS (
    SELECT
        I.WINE_ID,
        P.NAME,
        P.REGION,
        P.VINTAGE,
        I.STOCK,
        I.STOCK_AGREES,
        I.LAST_MOVEMENT_AT,
        I.LAST_REASON,
        P.LAST_SOLD_DAY,
        COALESCE(P.SOLD_28_DAYS, 0) AS SOLD_28_DAYS,
        IFF(P.SOLD_28_DAYS > 0, P.SOLD_28_DAYS, NULL) AS PACE,
        GREATEST(I.STOCK, 0) * 28 AS STOCK_DAYS
    FROM PRODUCTION.PROD_INVENTORY AS I
    LEFT JOIN PACE AS P ON I.WINE_ID = P.WINE_ID
)

SELECT
    WINE_ID,
    NAME,
    REGION,
    VINTAGE,
    STOCK,
    STOCK_AGREES,
    LAST_MOVEMENT_AT,
    LAST_REASON,
    LAST_SOLD_DAY,
    SOLD_28_DAYS,
    CAST((STOCK_DAYS - MOD(STOCK_DAYS, PACE)) / PACE AS NUMBER(18, 0)) AS DAYS_OF_COVER,
    COALESCE(STOCK <= 0 OR STOCK_DAYS < 14 * PACE, FALSE) AS REORDER
FROM COVER;
