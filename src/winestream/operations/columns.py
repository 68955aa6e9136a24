"""Tells which columns a schema has as deployed, for comparing with what is written."""

from collections.abc import Mapping

from winestream.operations.session import Connection, Session, sql_text
from winestream.snowflake.identifiers import identifier


def deployed_columns(
    connection: Connection, schema: str
) -> Mapping[str, Mapping[str, str]]:
    """Return table → column → data type of a schema, the columns in their order.

    Data types are INFORMATION_SCHEMA's: `TEXT`, `NUMBER`, `BINARY`, `TIMESTAMP_NTZ`.
    """
    name = sql_text(identifier(schema)[1:-1])
    found: dict[str, dict[str, str]] = {}
    for table, column, data_type in Session(connection).rows(
        "SELECT TABLE_NAME, COLUMN_NAME, DATA_TYPE FROM INFORMATION_SCHEMA.COLUMNS "  # noqa: S608 — a quoted literal
        f"WHERE TABLE_SCHEMA = {name} ORDER BY TABLE_NAME, ORDINAL_POSITION",
        "INFORMATION_SCHEMA.COLUMNS",
    ):
        found.setdefault(str(table), {})[str(column)] = str(data_type)
    return found
