"""The embedded warehouse's server: Snowflake's HTTP protocol in front of DuckDB.

A request becomes a `Statement`; a chain of handlers, one concern each, either
answers it or passes it on; the engine at the end runs it through fakesnow. See
`chain.py` for the order and why it matters. Nothing in here runs in the client's
process.
"""
