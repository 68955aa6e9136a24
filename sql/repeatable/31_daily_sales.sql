-- Purpose:    ANALYTICS.DAILY_SALES: what was sold on each day of the shop.
-- Layer:      ANALYTICS.
-- Owner role: DEPLOYER; READER and AUDITOR read.
-- Undo:       DROP VIEW ANALYTICS.DAILY_SALES.
--
-- REVENUE is the sum of the orders' SUBTOTAL: goods after discounts, without tax and
-- without shipping, as the events state it, to the cent. PAID is what customers pay in
-- all: REVENUE + TAX + SHIPPING. Amounts of two currencies are never added: a day has a
-- row per currency, so one row in a shop that sells in euros alone. Quotients are
-- rounded once, halves away from zero: whole cents are divided, which is exact.

CREATE OR REPLACE VIEW ANALYTICS.DAILY_SALES COPY GRANTS AS
SELECT
    O.SHOP_DAY,
    O.CURRENCY,
    COUNT(*) AS ORDERS,
    COUNT(DISTINCT O.CUSTOMER_ID) AS CUSTOMERS,
    COUNT_IF(O.CUSTOMER_KIND = 'NEW') AS NEW_CUSTOMERS,
    CAST(SUM(O.BOTTLES) AS NUMBER(38, 0)) AS BOTTLES,
    CAST(SUM(O.SUBTOTAL) AS NUMBER(38, 2)) AS REVENUE,
    CAST(SUM(O.DISCOUNT) AS NUMBER(38, 2)) AS DISCOUNT,
    CAST(SUM(O.TAX_TOTAL) AS NUMBER(38, 2)) AS TAX,
    CAST(SUM(O.SHIPPING) AS NUMBER(38, 2)) AS SHIPPING,
    CAST(SUM(O.TOTAL) AS NUMBER(38, 2)) AS PAID,
    CAST(SUM(O.COST) AS NUMBER(38, 2)) AS COST,
    CAST(SUM(O.MARGIN) AS NUMBER(38, 2)) AS MARGIN,
    CAST(
        ROUND(SUM(O.SUBTOTAL * 100) / COUNT(*), 0) / 100 AS NUMBER(38, 2)
    ) AS AVERAGE_BASKET,
    COUNT_IF(NOT O.TOTALS_AGREE) AS ORDERS_NOT_AGREEING
FROM PRODUCTION.PROD_ORDERS AS O
GROUP BY O.SHOP_DAY, O.CURRENCY;
