"""`winestream schema`: tables and views for your own event classes."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from cyclopts import App

from winestream.cli.settings import with_own_modules
from winestream.errors import ConfigurationError, WinestreamError

if TYPE_CHECKING:
    from winestream.operations.schema import EventShape

app = App(name="schema", help="Tables and views for your own event classes.")

CANNOT_COMPARE = 3
_NOTES = """\
-- Needs:      winestream deploy first; INSERT on the table for the role that the
--             consumer signs in with (--loader-role prints the grant).
-- Numbers:    a decimal column is NUMBER(38, 10): more than 10 digits behind the point
--             are rounded, more than 28 before it are NULL. The table's PAYLOAD has
--             every digit.
"""


@app.command
def ddl(
    event: str,
    *,
    table: str | None = None,
    view: str | None = None,
    loader_role: str | None = None,
) -> None:
    """Print the table of an event class and a typed view over it.

    Redirect it into a file of your own migrations.

    Parameters
    ----------
    event
        The class, package.module:Class.
    table
        The RAW table; RAW_ and the event type otherwise.
    view
        The view, in the schema RAW; named like the event type otherwise.
    loader_role
        The role the consumer signs in with: print the grant it needs as well.
    """
    from winestream.operations.schema import (  # noqa: PLC0415 — loads Arrow
        raw_table,
        typed_view,
    )
    from winestream.operations.schema.ddl import (  # noqa: PLC0415 — as above
        default_table,
        default_view,
        loader_grant,
    )

    shape = _shape(event)
    table, view = table or default_table(shape), view or default_view(shape)
    text = (
        f"-- Purpose:    events of {shape.name}, exactly as they came, and typed.\n"
        "-- Layer:      RAW.\n"
        f"{_NOTES}"
        f"-- Undo:       DROP VIEW RAW.{view}; DROP TABLE RAW.{table};\n\n"
        f"{raw_table(table)}\n{typed_view(shape, table=table, view=view)}"
    )
    if loader_role is not None:
        text += f"\n{loader_grant(table, loader_role)}"
    sys.stdout.write(text)


@app.command
def export(event: str) -> None:
    """Print what JSON an event class takes, to compare with later.

    Parameters
    ----------
    event
        The class, package.module:Class.
    """
    from winestream.operations.schema import to_json  # noqa: PLC0415 — loads Arrow

    sys.stdout.write(to_json(_shape(event)))


@app.command
def diff(old: str, new: str) -> None:
    """Say what a changed class means for its view and for messages in the log.

    Exit codes: 0, compatible; 1, the view must be made again (`schema ddl`); 2,
    breaking: messages already in the log would become dead letters; 3, the two could
    not be compared.

    Parameters
    ----------
    old
        A class, package.module:Class, or a file of `schema export`.
    new
        The same.
    """
    try:
        verdict = _compare(old, new)
    except WinestreamError as error:
        sys.stderr.write(f"winestream: {error}\n")
        sys.exit(CANNOT_COMPARE)
    sys.exit(verdict)


def _compare(old: str, new: str) -> int:
    from winestream.operations.schema import compare  # noqa: PLC0415 — loads Arrow
    from winestream.operations.schema.changes import worst  # noqa: PLC0415 — as above

    changes = compare(_shape(old), _shape(new))
    for change in changes:
        said = _word(change.verdict.name)
        sys.stdout.write(f"{said:14} {change.path}: {change.reason}\n")
    verdict = worst(changes)
    sys.stdout.write(f"{_word(verdict.name) if changes else 'no difference'}\n")
    sys.stdout.flush()
    return int(verdict)


def _word(name: str) -> str:
    return {"NEW_VIEW": "needs new view"}.get(name, name.lower())


def _shape(name: str) -> "EventShape":
    from winestream.operations.event_classes import event_class  # noqa: PLC0415
    from winestream.operations.schema import describe  # noqa: PLC0415

    file = Path(name)
    if file.suffix == ".json" or file.is_file():
        return _from_file(file)
    with_own_modules()
    return describe(event_class(name))


def _from_file(file: Path) -> "EventShape":
    from winestream.operations.schema import from_json  # noqa: PLC0415

    try:
        return from_json(file.read_text(encoding="utf-8"), str(file))
    except OSError as error:
        raise ConfigurationError(f"{file}: {error.strerror}") from None
