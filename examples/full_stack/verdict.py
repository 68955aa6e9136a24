"""The verdict: what the broker acknowledged, held against what the warehouse has.

It asks the warehouse in a session of its own, and never the consumer.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final

import attrs

RAW_TABLES: Final = ("RAW_ORDERS", "RAW_INVENTORY", "RAW_EVENTS")

_COORDINATES = """
SELECT TOPIC, KAFKA_PARTITION, KAFKA_OFFSET, COUNT(*)
FROM ({everything}) AS everything
WHERE CLUSTER_ID = ?
GROUP BY 1, 2, 3
"""

_COUNT = "SELECT COUNT(*) FROM RAW.{table} WHERE CLUSTER_ID = ?"

_REASONS = """
SELECT REASON, COUNT(*) FROM RAW.DEAD_LETTERS WHERE CLUSTER_ID = ? GROUP BY 1
"""


@attrs.frozen
class Verdict:
    """What became of every message of one run."""

    produced: int
    landed: Mapping[str, int]
    dead_letters: Mapping[str, int]
    broken: Mapping[str, int]
    lost: int
    duplicates: int

    @property
    def sound(self) -> bool:
        """Whether each message is in exactly one place, and in the right one."""
        accounted = sum(self.landed.values()) + sum(self.dead_letters.values())
        return (
            self.lost == 0
            and self.duplicates == 0
            and accounted == self.produced
            and dict(self.dead_letters) == dict(self.broken)
        )


def landed_by_table(
    connection: Any,  # noqa: ANN401 — the vendor's connection
    cluster_id: str,
) -> Counter[str]:
    """Count this log's rows in each RAW table, and its dead letters."""
    cursor = connection.cursor()
    counts: Counter[str] = Counter()
    for table in (*RAW_TABLES, "DEAD_LETTERS"):
        cursor.execute(_COUNT.format(table=table), [cluster_id])
        counts[table] = int(cursor.fetchone()[0])
    return counts


def judge(
    connection: Any,  # noqa: ANN401 — the vendor's connection
    cluster_id: str,
    acknowledged: Mapping[tuple[str, int], int],
    broken: Mapping[str, int],
) -> Verdict:
    """Compare each acknowledged offset with the coordinates in the warehouse.

    The broker numbers a partition's messages from 0 without a hole, and it had one
    producer, so what it acknowledged are the offsets below the count.
    """
    cursor = connection.cursor()
    everything = " UNION ALL ".join(
        f"SELECT CLUSTER_ID, TOPIC, KAFKA_PARTITION, KAFKA_OFFSET FROM RAW.{table}"  # noqa: S608 — constants
        for table in (*RAW_TABLES, "DEAD_LETTERS")
    )
    cursor.execute(_COORDINATES.format(everything=everything), [cluster_id])
    found = {
        (topic, int(partition), int(offset)): int(times)
        for topic, partition, offset, times in cursor.fetchall()
    }
    wanted = set(_offsets(acknowledged))
    counts = landed_by_table(connection, cluster_id)
    cursor.execute(_REASONS, [cluster_id])
    reasons = {reason: int(count) for reason, count in cursor.fetchall()}
    return Verdict(
        produced=sum(acknowledged.values()),
        landed={table: counts[table] for table in RAW_TABLES},
        dead_letters=reasons,
        broken=dict(broken),
        lost=len(wanted - found.keys()),
        duplicates=sum(times - 1 for times in found.values()),
    )


def _offsets(
    acknowledged: Mapping[tuple[str, int], int],
) -> Iterable[tuple[str, int, int]]:
    for (topic, partition), count in acknowledged.items():
        for offset in range(count):
            yield topic, partition, offset
