"""`winestream deploy --status` for people: four tables on standard output."""

from datetime import datetime

from rich.console import Console
from rich.table import Table

from winestream.cli.wide import print_whole
from winestream.operations.status import Status

_PROSE = "message"
"""The column that may wrap; a name or a time never does."""
_PROSE_WIDTH = 80
"""Characters, so that one long message does not make the whole table as long."""


def show(status: Status) -> None:
    """Print it. What needs somebody's attention is in words, not only in colour."""
    console = Console(highlight=False)
    tables = (_tasks(status), _streams(status), _layers(status), _failures(status))
    print_whole(console, *tables)


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left")
    for column in columns:
        if column == _PROSE:
            table.add_column(column, max_width=_PROSE_WIDTH, overflow="fold")
        else:
            table.add_column(column, no_wrap=True)
    return table


def _tasks(status: Status) -> Table:
    table = _table("Tasks", "task", "state", "runs", "last run", "at")
    for task in status.tasks:
        table.add_row(
            task.name,
            task.state,
            task.schedule or "when its streams have data",
            task.last_state or "never",
            _moment(task.last_run_at),
        )
    return table


def _streams(status: Status) -> Table:
    table = _table("Streams", "stream", "on", "pending")
    for stream in status.streams:
        pending = "yes" if stream.pending else "no"
        table.add_row(
            stream.name,
            stream.table,
            "STALE: make it anew" if stream.stale else pending,
        )
    return table


def _layers(status: Status) -> Table:
    table = _table("Layers", "layer", "newest row", "lag")
    for layer in status.layers:
        lag = "" if layer.lag_seconds is None else f"{layer.lag_seconds:,} s"
        table.add_row(layer.layer, _moment(layer.loaded_at) or "empty", lag)
    return table


def _failures(status: Status) -> Table:
    table = _table("Last failures of tasks", "task", "at", "message")
    for failure in status.failures:
        table.add_row(failure.task, _moment(failure.at), failure.message)
    if not status.failures:
        table.add_row("none", "", "")
    return table


def _moment(at: datetime | None) -> str:
    return "" if at is None else at.isoformat(sep=" ", timespec="seconds")
