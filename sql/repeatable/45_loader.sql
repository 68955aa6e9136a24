-- Purpose:    the role of the sink, and what its work needs and no more.
-- Layer:      RAW and OPS.
-- Owner role: DEPLOYER, which has to hold CREATE ROLE and MANAGE GRANTS.
-- Undo:       DROP ROLE; REVOKE takes single rights back.
-- Part:       core
--
-- LOADER adds to RAW and keeps the cursor; what it delivered it can neither change nor
-- delete. A RAW table of one's own needs its INSERT, too: `winestream schema ddl`
-- prints the grant with --loader-role.

CREATE ROLE IF NOT EXISTS ${loader_role};

GRANT USAGE ON DATABASE ${database} TO ROLE ${loader_role};
GRANT USAGE ON WAREHOUSE ${warehouse} TO ROLE ${loader_role};

-- The writer asks at its start whether its tables are there, with a SELECT.
GRANT USAGE ON SCHEMA RAW TO ROLE ${loader_role};
GRANT USAGE ON SCHEMA OPS TO ROLE ${loader_role};
GRANT INSERT ON TABLE RAW.RAW_ORDERS TO ROLE ${loader_role};
GRANT INSERT ON TABLE RAW.RAW_INVENTORY TO ROLE ${loader_role};
GRANT INSERT ON TABLE RAW.RAW_EVENTS TO ROLE ${loader_role};
GRANT SELECT, INSERT ON TABLE RAW.DEAD_LETTERS TO ROLE ${loader_role};
GRANT READ, WRITE ON STAGE RAW.INGEST_STAGE TO ROLE ${loader_role};
GRANT USAGE ON FILE FORMAT RAW.INGEST_PARQUET TO ROLE ${loader_role};
GRANT SELECT, INSERT, UPDATE ON TABLE OPS.INGEST_CURSOR TO ROLE ${loader_role};
GRANT SELECT, INSERT ON TABLE OPS.INGEST_LEDGER TO ROLE ${loader_role};
GRANT SELECT, INSERT ON TABLE OPS.INGEST_GAPS TO ROLE ${loader_role};
