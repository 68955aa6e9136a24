"""Tells how a deployed warehouse is doing: tasks, streams, lag of layers, failures.

It only reads; SHOW and INFORMATION_SCHEMA need the right to see what they list.
"""

from datetime import datetime
from typing import Any, Final

import attrs

from winestream.operations.session import Connection, Session

_RECENT_FAILURES: Final = 10
_HISTORY_ROWS: Final = 10_000  # the most that TASK_HISTORY answers

_LAYERS: Final = (
    ("RAW", "RAW", "RAW_ORDERS", "LOADED_AT"),
    ("RAW", "RAW", "RAW_INVENTORY", "LOADED_AT"),
    ("RAW", "RAW", "RAW_EVENTS", "LOADED_AT"),
    ("STAGING", "STAGING", "STAGING_ORDERS", "STAGED_AT"),
    ("STAGING", "STAGING", "STAGING_ORDER_LINES", "STAGED_AT"),
    ("STAGING", "STAGING", "STAGING_INVENTORY", "STAGED_AT"),
    ("PRODUCTION", "PRODUCTION", "PROD_ORDERS", "REFRESHED_AT"),
    ("PRODUCTION", "PRODUCTION", "PROD_ORDER_LINES", "REFRESHED_AT"),
    ("PRODUCTION", "PRODUCTION", "PROD_INVENTORY", "REFRESHED_AT"),
    ("ANALYTICS", "ANALYTICS", "KPI_HISTORY", "AS_OF"),
)
"""Layer, schema, table, and the column that says when a row got there."""


@attrs.frozen
class TaskStatus:
    """A task, and its last run within what TASK_HISTORY remembers."""

    name: str
    state: str
    schedule: str | None
    warehouse: str | None
    last_state: str | None
    last_run_at: datetime | None


@attrs.frozen
class StreamStatus:
    """A stream; `pending` is None where it is stale and cannot be asked."""

    name: str
    table: str
    stale: bool
    pending: bool | None


@attrs.frozen
class LayerStatus:
    """When a layer last got a row, and how long ago that is; None while empty."""

    layer: str
    loaded_at: datetime | None
    lag_seconds: int | None


@attrs.frozen
class Failure:
    """A run of a task that failed."""

    task: str
    at: datetime | None
    message: str


@attrs.frozen
class Status:
    """What `winestream deploy --status` shows."""

    database: str
    tasks: tuple[TaskStatus, ...]
    streams: tuple[StreamStatus, ...]
    layers: tuple[LayerStatus, ...]
    failures: tuple[Failure, ...]

    def as_json(self) -> dict[str, Any]:
        """Return it as plain values; moments are ISO text."""

        def plain(_: Any, __: Any, value: Any) -> Any:  # noqa: ANN401 — as attrs calls
            return value.isoformat() if isinstance(value, datetime) else value

        return attrs.asdict(self, value_serializer=plain)


def status(connection: Connection) -> Status:
    """Look at the session's current database.

    Raises `ConfigurationError` when there is none, `DeployError` when refused.
    """
    session = Session(connection)
    database = session.current_database()
    return Status(
        database=database,
        tasks=_tasks(session),
        streams=_streams(session),
        layers=layer_ages(session),
        failures=_failures(session),
    )


def _tasks(session: Session) -> tuple[TaskStatus, ...]:
    shown = session.records("SHOW TASKS IN DATABASE", "the tasks")
    if not shown:
        return ()
    last: dict[tuple[str, str], tuple[str, datetime | None]] = {}
    for schema, name, state, at in session.rows(
        "SELECT SCHEMA_NAME, NAME, STATE, COALESCE(COMPLETED_TIME, QUERY_START_TIME) "  # noqa: S608 — a constant
        "FROM TABLE(INFORMATION_SCHEMA.TASK_HISTORY("
        f"RESULT_LIMIT => {_HISTORY_ROWS})) "
        "WHERE STATE NOT IN ('SCHEDULED', 'SKIPPED') "
        "QUALIFY ROW_NUMBER() OVER "
        "(PARTITION BY SCHEMA_NAME, NAME ORDER BY SCHEDULED_TIME DESC) = 1",
        "TASK_HISTORY",
    ):
        last[str(schema), str(name)] = str(state), at
    found = []
    for task in shown:
        schema, name = str(task["schema_name"]), str(task["name"])
        state, at = last.get((schema, name), (None, None))
        found.append(
            TaskStatus(
                name=f"{schema}.{name}",
                state=str(task["state"]),
                schedule=task["schedule"] or None,
                warehouse=task["warehouse"] or None,
                last_state=state,
                last_run_at=at,
            )
        )
    return tuple(sorted(found, key=lambda task: task.name))


def _streams(session: Session) -> tuple[StreamStatus, ...]:
    found = []
    for stream in session.records("SHOW STREAMS IN DATABASE", "the streams"):
        name = f"{stream['schema_name']}.{stream['name']}"
        stale = str(stream["stale"]).lower() == "true"
        pending = None
        if not stale:
            rows = session.rows(f"SELECT SYSTEM$STREAM_HAS_DATA('{name}')", name)
            # A text in some clients, a truth value in others.
            pending = str(rows[0][0]).lower() == "true"
        found.append(StreamStatus(name, str(stream["table_name"]), stale, pending))
    return tuple(sorted(found, key=lambda stream: stream.name))


def layer_ages(session: Session) -> tuple[LayerStatus, ...]:
    """Return the layers that were deployed, bottom first. Raises `DeployError`."""
    there = {
        (str(schema), str(table))
        for schema, table in session.rows(
            "SELECT TABLE_SCHEMA, TABLE_NAME FROM INFORMATION_SCHEMA.TABLES",
            "INFORMATION_SCHEMA.TABLES",
        )
    }
    parts = [
        f"SELECT '{layer}' AS LAYER, MAX({column}) AS NEWEST_AT FROM {schema}.{table}"  # noqa: S608 — constants
        for layer, schema, table, column in _LAYERS
        if (schema, table) in there
    ]
    if not parts:
        return ()
    newest = {
        str(layer): (at, lag)
        for layer, at, lag in session.rows(
            "SELECT LAYER, MAX(NEWEST_AT), "  # noqa: S608 — constants
            "DATEDIFF('second', MAX(NEWEST_AT), SYSDATE()) FROM ("
            + " UNION ALL ".join(parts)
            + ") AS NEWEST GROUP BY LAYER",
            "the layers",
        )
    }
    return tuple(
        LayerStatus(layer, at, None if lag is None else int(lag))
        for layer in dict.fromkeys(layer for layer, *_ in _LAYERS)
        if layer in newest
        for at, lag in [newest[layer]]
    )


def _failures(session: Session) -> tuple[Failure, ...]:
    rows = session.rows(
        "SELECT SCHEMA_NAME, NAME, QUERY_START_TIME, ERROR_MESSAGE FROM "  # noqa: S608 — a constant
        "TABLE(INFORMATION_SCHEMA.TASK_HISTORY(ERROR_ONLY => TRUE, "
        f"RESULT_LIMIT => {_RECENT_FAILURES})) ORDER BY SCHEDULED_TIME DESC",
        "TASK_HISTORY",
    )
    return tuple(
        Failure(f"{schema}.{name}", at, str(message))
        for schema, name, at, message in rows
    )
