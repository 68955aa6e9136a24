"""The path of the data, stage by stage, with what is known of each. Pure."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from html import escape
from typing import Final

import attrs

from full_stack.dashboard.formats import NOTHING, decimal, plural, span
from full_stack.dashboard.vitals import Vitals
from full_stack.dashboard.warehouse import Row

_HELD: Final = ("RAW", "STAGING", "PRODUCTION", "ANALYTICS")
OBJECTIVES: Final = {"RAW": 10, "STAGING": 300, "PRODUCTION": 600}
"""How old an event may get before it is in a layer, in seconds: alerts say the same."""


@attrs.frozen
class Layer:
    """A layer of the warehouse. `behind` is how much newer RAW's newest event is."""

    name: str
    tables: dict[str, int]
    written_at: datetime | None
    newest_at: datetime | None
    behind: float | None

    @property
    def rows(self) -> int:
        """Rows of all its tables."""
        return sum(self.tables.values())

    @property
    def events(self) -> int:
        """Rows of which each is an event: an order's lines are not."""
        return sum(n for name, n in self.tables.items() if "LINES" not in name)

    @property
    def late(self) -> bool:
        """Whether its objective is missed."""
        return (self.behind or 0) > OBJECTIVES.get(self.name, float("inf"))


def layers(rows: Sequence[Row], raw_waits: float | None = None) -> dict[str, Layer]:
    """Return the layers by name. `raw_waits`: the age of what the consumer holds."""
    made: dict[str, Layer] = {}
    for name in _HELD:
        mine = [row for row in rows if row["layer"] == name]
        newest = _latest(row["newest_at"] for row in mine)
        raw = made["RAW"].newest_at if made else newest
        behind = raw_waits if name == "RAW" else None
        if made and newest is not None and raw is not None:
            behind = max(0.0, (raw - newest).total_seconds())
        made[name] = Layer(
            name,
            {str(row["name"]): int(row["held"]) for row in mine},
            _latest(row["written_at"] for row in mine),
            newest,
            behind,
        )
    return made


def _latest(times: Iterable[datetime | None]) -> datetime | None:
    return max((each for each in times if each is not None), default=None)


@attrs.frozen
class Node:
    """One stage, as it is drawn. `state` is ok, waiting, away or unknown."""

    name: str
    count: str
    sub: str
    state: str


def nodes(vitals: Vitals, held: dict[str, Layer], dead: int, views: int) -> list[Node]:
    """Return the seven stages in the order in which data pass them.

    Those of the warehouse are as it last said: see `gone` for when it is away.
    """
    gold = held["PRODUCTION"]
    return [
        _process("Producer", vitals.produced, "published since its start"),
        _process("Broker", vitals.broker_log, "messages in its log"),
        _consumer(vitals),
        _raw(held["RAW"], dead),
        _loaded(held["STAGING"], held["STAGING"].events, "events"),
        _loaded(
            gold,
            gold.tables.get("PROD_ORDERS", 0),
            f"orders, {plural(gold.tables.get('PROD_INVENTORY', 0), 'wine')}",
        ),
        Node(
            "ANALYTICS",
            plural(views, "view"),
            f"{plural(held['ANALYTICS'].rows, 'row')} of history",
            "ok" if held["ANALYTICS"].rows else "unknown",
        ),
    ]


def gone(stages: Iterable[Node]) -> list[Node]:
    """Return the stages while the warehouse does not answer."""
    return [
        attrs.evolve(node, state="away") if node.name in _HELD else node
        for node in stages
    ]


def _process(name: str, count: float | None, sub: str) -> Node:
    if count is None:
        return Node(name, NOTHING, "nobody tells", "unknown")
    return Node(name, decimal(count), sub, "ok")


def _consumer(vitals: Vitals) -> Node:
    if vitals.written is None and vitals.produced is not None:
        return Node("Consumer", NOTHING, "does not answer", "away")
    if vitals.written is None:
        return Node("Consumer", NOTHING, "nobody tells", "unknown")
    lag = vitals.lag or 0
    state = "away" if vitals.outage else "waiting" if lag else "ok"
    sub = "waits for the warehouse" if vitals.outage else f"{decimal(lag)} to go"
    return Node("Consumer", decimal(vitals.written), f"written; {sub}", state)


def _raw(layer: Layer, dead: int) -> Node:
    sub = f"rows, and {plural(dead, 'dead letter')}"
    return Node("RAW", decimal(layer.rows), sub, "ok" if layer.rows else "unknown")


def _loaded(layer: Layer, count: int, of: str) -> Node:
    if not layer.rows:
        return Node(layer.name, "0", "nothing yet", "unknown")
    behind = layer.behind or 0
    state = "away" if layer.late else "waiting" if behind >= 1 else "ok"
    sub = f"{span(behind)} behind RAW" if behind >= 1 else "up with RAW"
    return Node(layer.name, decimal(count), f"{of}; {sub}", state)


def drawing(stages: Iterable[Node]) -> str:
    """Return the stages as markup: a row with arrows, a column on narrow screens."""
    return (
        '<div class="ca-path" role="list">'
        + "".join(
            f'<div class="ca-node {escape(node.state)}" role="listitem">'
            f'<div class="name">{escape(node.name)}</div>'
            f'<div class="count">{escape(node.count)}</div>'
            f'<div class="sub">{escape(node.sub)}</div></div>'
            for node in stages
        )
        + "</div>"
    )
