"""The Snowflake adapter. Importing it loads the connector and pyarrow."""

from winestream.snowflake.settings import ConnectionSettings
from winestream.snowflake.writer import SnowflakeWriter

__all__ = ["ConnectionSettings", "SnowflakeWriter"]
