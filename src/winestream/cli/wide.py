"""Prints tables whose names are whole, however narrow the terminal or the pipe is."""

from rich.console import Console
from rich.table import Table

_WITHOUT_LIMIT = 1_000_000
"""Characters. A measure is cut to the width that it is taken at: this cuts nothing."""


def print_whole(console: Console, *tables: Table) -> None:
    """Print the tables, each as wide as it would like to be.

    A column that may be too wide for anybody's liking has a `max_width`.
    """
    unlimited = console.options.update(width=_WITHOUT_LIMIT)
    given = console.width
    for table in tables:
        wanted = console.measure(table, options=unlimited).maximum
        console.width = max(given, wanted)
        console.print(table)
    console.width = given
