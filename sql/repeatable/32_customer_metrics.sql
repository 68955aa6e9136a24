-- Purpose:    ANALYTICS.CUSTOMER_METRICS: recency, frequency, value of each customer.
-- Layer:      ANALYTICS.
-- Owner role: DEPLOYER; READER and AUDITOR read.
-- Undo:       DROP VIEW ANALYTICS.CUSTOMER_METRICS.
--
-- RECENCY_DAYS counts from the customer's last order to the newest day of sales, not to
-- today: the answer depends on the orders alone. VALUE is revenue as in DAILY_SALES; a
-- row per currency. Name, e-mail and place are those of the newest order. With masking
-- 'views' only TRANSFORMER and AUDITOR see name and e-mail; with 'policy' the policies
-- on PROD_ORDERS decide.

CREATE OR REPLACE VIEW ANALYTICS.CUSTOMER_METRICS COPY GRANTS AS
WITH RANKED AS (
    SELECT
        *,
        ROW_NUMBER() OVER (
            PARTITION BY CUSTOMER_ID, CURRENCY ORDER BY ORDERED_AT DESC, ORDER_ID DESC
        ) AS AGE,
        MAX(SHOP_DAY) OVER () AS NEWEST_SHOP_DAY
    FROM PRODUCTION.PROD_ORDERS
),

SUMS AS (
    SELECT
        R.CUSTOMER_ID,
        R.CURRENCY,
        MAX(IFF(R.AGE = 1, R.CUSTOMER_NAME, NULL)) AS CUSTOMER_NAME,
        MAX(IFF(R.AGE = 1, R.CUSTOMER_EMAIL, NULL)) AS CUSTOMER_EMAIL,
        MAX(IFF(R.AGE = 1, R.CUSTOMER_COUNTRY, NULL)) AS CUSTOMER_COUNTRY,
        MAX(IFF(R.AGE = 1, R.CUSTOMER_CITY, NULL)) AS CUSTOMER_CITY,
        MAX(IFF(R.AGE = 1, R.CUSTOMER_REGION, NULL)) AS CUSTOMER_REGION,
        MIN(R.ORDERED_AT) AS FIRST_ORDER_AT,
        MAX(R.ORDERED_AT) AS LAST_ORDER_AT,
        DATEDIFF('day', MAX(R.SHOP_DAY), MAX(R.NEWEST_SHOP_DAY)) AS RECENCY_DAYS,
        COUNT(*) AS FREQUENCY,
        CAST(SUM(R.SUBTOTAL) AS NUMBER(38, 2)) AS VALUE,
        CAST(SUM(R.MARGIN) AS NUMBER(38, 2)) AS MARGIN,
        CAST(SUM(R.BOTTLES) AS NUMBER(38, 0)) AS BOTTLES,
        CAST(
            ROUND(SUM(R.SUBTOTAL * 100) / COUNT(*), 0) / 100 AS NUMBER(38, 2)
        ) AS AVERAGE_BASKET
    FROM RANKED AS R
    GROUP BY R.CUSTOMER_ID, R.CURRENCY
)

SELECT
    CUSTOMER_ID,
    CURRENCY,
    CASE
        WHEN
            '${masking}' <> 'views'
            OR CURRENT_ROLE() IN ('${transformer_role}', '${auditor_role}')
            THEN CUSTOMER_NAME
        WHEN CUSTOMER_NAME IS NOT NULL THEN '***'
    END AS CUSTOMER_NAME,
    CASE
        WHEN
            '${masking}' <> 'views'
            OR CURRENT_ROLE() IN ('${transformer_role}', '${auditor_role}')
            THEN CUSTOMER_EMAIL
        WHEN CUSTOMER_EMAIL IS NOT NULL THEN '***'
    END AS CUSTOMER_EMAIL,
    CUSTOMER_COUNTRY,
    CUSTOMER_CITY,
    CUSTOMER_REGION,
    FIRST_ORDER_AT,
    LAST_ORDER_AT,
    RECENCY_DAYS,
    FREQUENCY,
    VALUE,
    MARGIN,
    BOTTLES,
    AVERAGE_BASKET
FROM SUMS;
