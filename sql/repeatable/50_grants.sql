-- Purpose:    four roles, and for each what its work needs and no more.
-- Layer:      all.
-- Owner role: DEPLOYER, which has to hold CREATE ROLE and MANAGE GRANTS.
-- Undo:       DROP ROLE, one statement each; REVOKE takes single rights back.
--
-- The fifth, LOADER, has a file of its own, 45_loader.sql. TRANSFORMER reads RAW,
-- adds to STAGING, merges PRODUCTION, owns and runs the tasks. READER sees ANALYTICS
-- and the two tables of PRODUCTION that name no customer. AUDITOR reads all and
-- changes nothing. DEPLOYER holds TRANSFORMER: its tasks have to be altered.
-- Giving the tasks away suspends them: deploy resumes all of them as its last step.

CREATE ROLE IF NOT EXISTS ${transformer_role};
CREATE ROLE IF NOT EXISTS ${reader_role};
CREATE ROLE IF NOT EXISTS ${auditor_role};
CREATE ROLE IF NOT EXISTS ${deployer_role};

GRANT ROLE ${transformer_role} TO ROLE ${deployer_role};

GRANT USAGE ON DATABASE ${database} TO ROLE ${transformer_role};
GRANT USAGE ON DATABASE ${database} TO ROLE ${reader_role};
GRANT USAGE ON DATABASE ${database} TO ROLE ${auditor_role};
GRANT USAGE ON WAREHOUSE ${warehouse} TO ROLE ${transformer_role};
GRANT USAGE ON WAREHOUSE ${warehouse} TO ROLE ${reader_role};
GRANT USAGE ON WAREHOUSE ${warehouse} TO ROLE ${auditor_role};

-- TRANSFORMER
GRANT USAGE ON SCHEMA RAW TO ROLE ${transformer_role};
GRANT USAGE ON SCHEMA STAGING TO ROLE ${transformer_role};
GRANT USAGE ON SCHEMA PRODUCTION TO ROLE ${transformer_role};
GRANT USAGE ON SCHEMA ANALYTICS TO ROLE ${transformer_role};
GRANT USAGE ON SCHEMA OPS TO ROLE ${transformer_role};
GRANT SELECT ON TABLE RAW.RAW_ORDERS TO ROLE ${transformer_role};
GRANT SELECT ON TABLE RAW.RAW_INVENTORY TO ROLE ${transformer_role};
GRANT SELECT ON ALL STREAMS IN SCHEMA RAW TO ROLE ${transformer_role};
GRANT SELECT ON ALL STREAMS IN SCHEMA STAGING TO ROLE ${transformer_role};
GRANT SELECT ON FUTURE STREAMS IN SCHEMA RAW TO ROLE ${transformer_role};
GRANT SELECT ON FUTURE STREAMS IN SCHEMA STAGING TO ROLE ${transformer_role};
GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA STAGING TO ROLE ${transformer_role};
GRANT SELECT ON VIEW STAGING.REJECTS TO ROLE ${transformer_role};
GRANT SELECT, INSERT, UPDATE, DELETE
ON ALL TABLES IN SCHEMA PRODUCTION TO ROLE ${transformer_role};
GRANT SELECT, INSERT ON TABLE ANALYTICS.KPI_HISTORY TO ROLE ${transformer_role};
GRANT SELECT ON ALL VIEWS IN SCHEMA ANALYTICS TO ROLE ${transformer_role};
GRANT EXECUTE TASK ON ACCOUNT TO ROLE ${transformer_role};
GRANT OWNERSHIP ON ALL TASKS IN SCHEMA OPS
TO ROLE ${transformer_role} COPY CURRENT GRANTS;

-- READER
GRANT USAGE ON SCHEMA PRODUCTION TO ROLE ${reader_role};
GRANT USAGE ON SCHEMA ANALYTICS TO ROLE ${reader_role};
GRANT SELECT ON TABLE PRODUCTION.PROD_ORDER_LINES TO ROLE ${reader_role};
GRANT SELECT ON TABLE PRODUCTION.PROD_INVENTORY TO ROLE ${reader_role};
GRANT SELECT ON TABLE ANALYTICS.KPI_HISTORY TO ROLE ${reader_role};
GRANT SELECT ON ALL VIEWS IN SCHEMA ANALYTICS TO ROLE ${reader_role};

-- AUDITOR
GRANT USAGE ON ALL SCHEMAS IN DATABASE ${database} TO ROLE ${auditor_role};
GRANT SELECT ON ALL TABLES IN DATABASE ${database} TO ROLE ${auditor_role};
GRANT SELECT ON FUTURE TABLES IN DATABASE ${database} TO ROLE ${auditor_role};
GRANT SELECT ON ALL VIEWS IN DATABASE ${database} TO ROLE ${auditor_role};
GRANT SELECT ON FUTURE VIEWS IN DATABASE ${database} TO ROLE ${auditor_role};
-- To see what waits in them; it changes no table, so it can consume nothing.
GRANT SELECT ON ALL STREAMS IN SCHEMA RAW TO ROLE ${auditor_role};
GRANT SELECT ON ALL STREAMS IN SCHEMA STAGING TO ROLE ${auditor_role};
GRANT SELECT ON FUTURE STREAMS IN SCHEMA RAW TO ROLE ${auditor_role};
GRANT SELECT ON FUTURE STREAMS IN SCHEMA STAGING TO ROLE ${auditor_role};
GRANT MONITOR ON ALL TASKS IN SCHEMA OPS TO ROLE ${auditor_role};
