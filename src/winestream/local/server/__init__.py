"""The embedded warehouse's server: Snowflake's HTTP protocol in front of DuckDB.

A request becomes a `Statement`; a chain of handlers, one concern each, either
answers it or passes it on; the engine at the end runs it through fakesnow. See
`chain.py` for the order and why it matters. Nothing in here runs in the client's
process.

Where it is not Snowflake:

- a transaction's snapshot is taken by its first statement, not by each; nobody ever
  waits for a lock (000625 at once); a transaction writes to one database
- locks are held on rows, where a standard table is locked whole: writers of other
  rows pass here and would wait there
- a transaction whose client vanished stays open until SYSTEM$ABORT_TRANSACTION or
  the end of the process; there a blocking one ends after five minutes
- primary keys and UNIQUE are enforced; VARCHAR(n) is for rows that come in, not for
  values that UPDATE changes
- NUMBER(38, 0) holds 64 bits; TIMESTAMP_TZ keeps the moment and not its offset
- DROP of a database, stage or file format, procedures, time travel and
  `UPDATE … FROM (VALUES …) v` with `v.column1` are errors
- streams are APPEND_ONLY, on tables of their own database, and never too old; a row
  shows its values as they were committed, also when it was deleted since; a transaction
  that began before a stream was made cannot write to its base any more (000625)
- tasks run one after the other, in one process, as one user; TIMEZONE and other session
  parameters of a task do nothing; no Snowflake Scripting, FINALIZE or RETRY LAST;
  TASK_HISTORY shows runs that have ended, and keeps the last thousands
- `v::VARCHAR` of a text in a VARIANT column keeps the quotes; TRY_CAST of a VARIANT is
  refused when the first row comes, where an account refuses the statement
- connector 4 overwrites with every PUT, asked to or not
- grants, masking and whatever else `noops.py` lists do nothing
"""
