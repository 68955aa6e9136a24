"""Slices into files of a local folder, exactly once: Parquet or JSON lines.

For archives, and to try the library without any warehouse. Importing this loads no
vendor; pyarrow is loaded once a Parquet file is written or read.
"""

from winestream.files.archive import Archive, StoredRow, read_rows
from winestream.files.books import LedgerEntry
from winestream.files.writer import FileWriter

__all__ = ["Archive", "FileWriter", "LedgerEntry", "StoredRow", "read_rows"]
