"""Event classes as the warehouse and the log see them: tables, views, changes."""

from winestream.operations.schema.changes import Change, Verdict, compare
from winestream.operations.schema.ddl import raw_table, typed_view
from winestream.operations.schema.shapes import EventShape, Shape, describe
from winestream.operations.schema.storage import from_json, to_json

__all__ = [
    "Change",
    "EventShape",
    "Shape",
    "Verdict",
    "compare",
    "describe",
    "from_json",
    "raw_table",
    "to_json",
    "typed_view",
]
