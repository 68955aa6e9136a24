"""Remembers what Snowflake's trees are in DuckDB's SQL.

Translating a statement costs fakesnow a hundred passes over its tree, which is many
times what DuckDB needs to run it, and tasks run the same few statements for ever.
"""

import collections
import threading
from dataclasses import dataclass

from sqlglot import exp

_KEPT = 500
_Key = tuple[exp.Expr, str | None, str | None]


@dataclass(frozen=True, slots=True)
class Translation:
    """A translated tree and its text."""

    tree: exp.Expr
    sql: str


class Translations:
    """The latest ones, by tree and by the place where its names are looked for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: collections.OrderedDict[_Key, Translation] = (
            collections.OrderedDict()
        )

    def get(
        self, tree: exp.Expr, database: str | None, schema: str | None
    ) -> Translation | None:
        """Find the translation, if there was one; trees count by what they hold."""
        key = (tree, database, schema)
        with self._lock:
            found = self._known.get(key)
            if found is not None:
                self._known.move_to_end(key)
            return found

    def put(
        self,
        tree: exp.Expr,
        database: str | None,
        schema: str | None,
        translation: Translation,
    ) -> None:
        """Remember one. The tree must not be changed any more."""
        with self._lock:
            self._known[tree, database, schema] = translation
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)
