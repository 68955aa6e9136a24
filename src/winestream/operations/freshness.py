"""How far each layer of a deployed warehouse is behind; it only reads.

A layer's age alone says little: at night nothing is sold, and nothing is late. So what
counts is what *waits*: the oldest row in the streams that a layer's tasks consume.
Reading a stream in a SELECT does not consume it.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

import attrs

from winestream.operations.session import Connection, Session
from winestream.operations.status import layer_ages

_WAITING: Final = (
    ("STAGING", "RAW.ORDER_STREAM", "LOADED_AT"),
    ("STAGING", "RAW.ORDER_LINE_STREAM", "LOADED_AT"),
    ("STAGING", "RAW.INVENTORY_STREAM", "LOADED_AT"),
    ("PRODUCTION", "STAGING.STAGED_ORDERS_FOR_ORDERS", "STAGED_AT"),
    ("PRODUCTION", "STAGING.STAGED_LINES_FOR_ORDERS", "STAGED_AT"),
    ("PRODUCTION", "STAGING.STAGED_LINES_FOR_LINES", "STAGED_AT"),
    ("PRODUCTION", "STAGING.STAGED_INVENTORY_FOR_STOCK", "STAGED_AT"),
    ("ANALYTICS", "STAGING.STAGED_ORDERS_FOR_KPIS", "STAGED_AT"),
    ("ANALYTICS", "STAGING.STAGED_INVENTORY_FOR_KPIS", "STAGED_AT"),
)
"""Layer, a stream that its tasks consume, and when a row got into that stream."""

_BELOW: Final = {"PRODUCTION": "STAGING", "ANALYTICS": "STAGING"}
"""What a layer's own layer lacks, the layer lacks too."""


@attrs.frozen
class Freshness:
    """How a layer is doing.

    `behind_seconds` is how long the oldest row has waited that the layer lacks, 0 when
    it lacks none. For RAW, of which the warehouse cannot know what is missing, it is
    the newest row's age, and so it is where a stream is stale. `newest_at` is when the
    newest row came, None while there is none.
    """

    layer: str
    behind_seconds: int
    newest_at: datetime | None


def freshness(connection: Connection) -> tuple[Freshness, ...]:
    """Look at the layers of the session's current database, by the warehouse's clock.

    Layers that were not deployed, or whose age is not known because they are empty and
    nothing waits, are left out. Needs SELECT on the streams, which AUDITOR has.

    Raises `ConfigurationError` without a database, `DeployError` when refused.
    """
    session = Session(connection)
    session.current_database()
    ages = {each.layer: each for each in layer_ages(session)}
    waiting = _waiting(session, {each: age.lag_seconds for each, age in ages.items()})
    found = []
    for layer, age in ages.items():
        behind = age.lag_seconds if layer == "RAW" else waiting.get(layer)
        if behind is not None:
            found.append(Freshness(layer, max(0, behind), age.loaded_at))
    return tuple(found)


def _waiting(
    session: Session, ages: Mapping[str, int | None]
) -> Mapping[str, int | None]:
    """Return what waits, by layer; layers without any of the streams are absent."""
    stale = {
        f"{stream['schema_name']}.{stream['name']}": str(stream["stale"]).lower()
        == "true"
        for stream in session.records("SHOW STREAMS IN DATABASE", "the streams")
    }
    there = [each for each in _WAITING if each[1] in stale]
    oldest = _oldest(session, [each for each in there if not stale[each[1]]])
    own: dict[str, int | None] = {}
    for layer, stream, _ in there:
        # Nobody knows what a stale stream would hold: the layer is as old as it is.
        behind = ages.get(layer) if stale[stream] else oldest.get(stream, 0)
        own[layer] = max(own.get(layer) or 0, behind or 0)
    return {
        layer: max(behind or 0, own.get(_BELOW.get(layer, layer)) or 0)
        for layer, behind in own.items()
    }


def _oldest(
    session: Session, streams: Sequence[tuple[str, str, str]]
) -> Mapping[str, int]:
    if not streams:
        return {}
    parts = [
        f"SELECT '{stream}' AS NAME, MIN({column}) AS OLDEST_AT FROM {stream}"  # noqa: S608 — constants
        for _, stream, column in streams
    ]
    rows = session.rows(
        "SELECT NAME, DATEDIFF('second', OLDEST_AT, SYSDATE()) FROM ("  # noqa: S608 — constants
        + " UNION ALL ".join(parts)
        + ") AS OLDEST WHERE OLDEST_AT IS NOT NULL",
        "the streams",
    )
    return {str(stream): int(seconds) for stream, seconds in rows}
