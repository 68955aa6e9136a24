"""COPY into VARIANT: a text of a Parquet file stays a text, JSON or not.

fakesnow lets DuckDB parse it, and a path into it then answers where an account's
answers NULL.
"""

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

import duckdb
from fakesnow import copy_into
from sqlglot import exp

from winestream.local.server.streamstore import columns

_VARIANTS: ContextVar[frozenset[str]] = ContextVar("variants", default=frozenset())
_of_fakesnow = copy_into._inserts  # noqa: SLF001 - there is no other place to ask


def install() -> None:
    """Let fakesnow's COPY keep what `loading` says."""
    copy_into._inserts = _inserts  # noqa: SLF001 - as above


@contextlib.contextmanager
def loading(duck: duckdb.DuckDBPyConnection, table: str) -> Iterator[None]:
    """While a COPY into a table runs, by its stored name."""
    found = frozenset(name for name, kind in columns(duck, table) if kind == "JSON")
    token = _VARIANTS.set(found)
    try:
        yield
    finally:
        _VARIANTS.reset(token)


def _inserts(
    *arguments: Any,  # noqa: ANN401 - handed on as they come
    **named: Any,  # noqa: ANN401 - as above
) -> list[exp.Expr]:
    inserts: list[exp.Expr] = _of_fakesnow(*arguments, **named)
    variants = _VARIANTS.get()
    for insert in inserts if variants else ():
        for alias in insert.expression.expressions:
            # Only what a Parquet column is matched to by its name has this form.
            if isinstance(alias, exp.Alias) and alias.alias in variants:
                value = alias.this
                if isinstance(value, exp.Column):
                    kept = exp.Case(
                        ifs=[
                            exp.If(
                                this=exp.Not(
                                    this=exp.Is(
                                        this=value.copy(), expression=exp.null()
                                    )
                                ),
                                true=exp.Anonymous(
                                    this="to_json", expressions=[value.copy()]
                                ),
                            )
                        ]
                    )
                    alias.set("this", kept)
    return inserts
