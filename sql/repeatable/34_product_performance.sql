-- Purpose:    ANALYTICS.PRODUCT_PERFORMANCE: sales, margin and rank of each wine.
-- Layer:      ANALYTICS.
-- Owner role: DEPLOYER; READER and AUDITOR read.
-- Undo:       DROP VIEW ANALYTICS.PRODUCT_PERFORMANCE.
--
-- REVENUE is goods after discounts without tax, from the lines: over all wines it is
-- DAILY_SALES' unless an order's own subtotal disagrees with its lines. A row per
-- currency. Ranks are by revenue, the best is 1, equals share a rank: over all wines of
-- the currency, those of the region, those of the vintage (NULL is one of them).
-- MARGIN_RATE is a fraction of REVENUE, NULL where that is 0. Name and the rest are
-- those of the newest order. Only lines of the version that PROD_ORDERS holds count.

CREATE OR REPLACE VIEW ANALYTICS.PRODUCT_PERFORMANCE COPY GRANTS AS
WITH SALES AS (
    SELECT
        L.*,
        O.CURRENCY,
        ROW_NUMBER() OVER (
            PARTITION BY L.WINE_ID, O.CURRENCY
            ORDER BY L.ORDERED_AT DESC, L.ORDER_ID DESC, L.LINE_NUMBER DESC
        ) AS AGE
    FROM PRODUCTION.PROD_ORDER_LINES AS L
    INNER JOIN PRODUCTION.PROD_ORDERS AS O
        ON
            L.ORDER_ID = O.ORDER_ID
            AND L.EVENT_ID = O.EVENT_ID
            AND L.PAYLOAD_MD5 = O.PAYLOAD_MD5
),

SUMS AS (
    SELECT
        S.WINE_ID,
        S.CURRENCY,
        MAX(IFF(S.AGE = 1, S.NAME, NULL)) AS NAME,
        MAX(IFF(S.AGE = 1, S.ESTATE, NULL)) AS ESTATE,
        MAX(IFF(S.AGE = 1, S.REGION, NULL)) AS REGION,
        MAX(IFF(S.AGE = 1, S.APPELLATION, NULL)) AS APPELLATION,
        MAX(IFF(S.AGE = 1, S.COLOUR, NULL)) AS COLOUR,
        MAX(IFF(S.AGE = 1, S.VINTAGE, NULL)) AS VINTAGE,
        MAX(IFF(S.AGE = 1, S.BOTTLE_CL, NULL)) AS BOTTLE_CL,
        COUNT(DISTINCT S.ORDER_ID) AS ORDERS,
        CAST(SUM(S.QUANTITY) AS NUMBER(38, 0)) AS BOTTLES,
        CAST(SUM(S.NET) AS NUMBER(38, 2)) AS REVENUE,
        CAST(SUM(S.DISCOUNT) AS NUMBER(38, 2)) AS DISCOUNT,
        CAST(SUM(S.COST) AS NUMBER(38, 2)) AS COST,
        CAST(SUM(S.MARGIN) AS NUMBER(38, 2)) AS MARGIN,
        CAST(
            ROUND(
                SUM(S.MARGIN * 1000000) / NULLIF(SUM(S.NET * 100), 0), 0
            ) / 10000 AS NUMBER(38, 4)
        ) AS MARGIN_RATE
    FROM SALES AS S
    GROUP BY S.WINE_ID, S.CURRENCY
)

SELECT
    WINE_ID,
    CURRENCY,
    NAME,
    ESTATE,
    REGION,
    APPELLATION,
    COLOUR,
    VINTAGE,
    BOTTLE_CL,
    ORDERS,
    BOTTLES,
    REVENUE,
    DISCOUNT,
    COST,
    MARGIN,
    MARGIN_RATE,
    RANK() OVER (PARTITION BY CURRENCY ORDER BY REVENUE DESC) AS RANK_OVERALL,
    RANK() OVER (
        PARTITION BY CURRENCY, REGION ORDER BY REVENUE DESC
    ) AS RANK_IN_REGION,
    RANK() OVER (
        PARTITION BY CURRENCY, VINTAGE ORDER BY REVENUE DESC
    ) AS RANK_IN_VINTAGE
FROM SUMS;
