"""What was produced, by its place in the log, and what the warehouse has there.

The places are the broker's own answers to the producer, so nothing here asks the
consumer, its cursors or its ledger.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import attrs

Place = tuple[str, int, int]
"""Topic, partition, offset."""

TABLES = ("RAW_ORDERS", "RAW_INVENTORY", "RAW_EVENTS")


@attrs.define
class Truth:
    """Every message acknowledged: its event id, or the reason why it is broken."""

    rows: dict[Place, str] = attrs.field(factory=dict)
    dead: dict[Place, str] = attrs.field(factory=dict)

    @property
    def produced(self) -> int:
        """How many messages there are."""
        return len(self.rows) + len(self.dead)

    @property
    def places(self) -> list[Place]:
        """Where they are."""
        return [*self.rows, *self.dead]

    def check_shares(self) -> None:
        """Refuse to count as proof what is not poisoned as asked for: 10 %, 0.5 %."""
        reasons = Counter(self.dead.values())
        poison = len(self.dead) / max(self.produced, 1)
        refused = reasons["rejected"] / max(self.produced, 1)
        assert abs(poison - 0.1) < 0.02, f"{poison:.1%} of the messages are broken"
        assert refused <= 0.005, f"{refused:.1%} of the messages are refused"


@attrs.frozen
class Judgement:
    """How the warehouse differs from the truth, in messages; all empty is exact."""

    produced: int
    lost: frozenset[Place]
    duplicates: Mapping[Place, int]
    wrong: Mapping[Place, str]
    """Landed elsewhere than it should, as another event, or for another reason."""

    @property
    def exact(self) -> bool:
        """Whether each message is in its one place, as what it is."""
        return not (self.lost or self.duplicates or self.wrong)


def judge(connection: Any, truth: Truth) -> Judgement:
    """Compare all that the warehouse has of the truth's topics."""
    topics = sorted({topic for topic, _, _ in truth.places})
    wanted = {p: ("row", what) for p, what in truth.rows.items()}
    wanted |= {p: ("dead letter", what) for p, what in truth.dead.items()}
    times: Counter[Place] = Counter()
    wrong = {}
    for kind, place, what in _landed(connection, topics):
        times[place] += 1
        if wanted.get(place) != (kind, what):
            wrong[place] = f"{kind} {what}, wanted {wanted.get(place)}"
    return Judgement(
        produced=truth.produced,
        lost=frozenset(wanted.keys() - times.keys()),
        duplicates={place: n - 1 for place, n in times.items() if n > 1},
        wrong=wrong,
    )


def _landed(connection: Any, topics: Iterable[str]) -> Iterable[tuple[str, Place, str]]:
    names = ", ".join(f"'{topic}'" for topic in topics)
    columns = [("row", table, "EVENT_ID") for table in TABLES]
    for kind, table, what in [*columns, ("dead letter", "DEAD_LETTERS", "REASON")]:
        cursor = connection.cursor()
        cursor.execute(
            f"SELECT TOPIC, KAFKA_PARTITION, KAFKA_OFFSET, {what} FROM RAW.{table} "
            f"WHERE TOPIC IN ({names})"
        )
        for topic, partition, offset, said in cursor.fetchall():
            yield kind, (topic, int(partition), int(offset)), said
