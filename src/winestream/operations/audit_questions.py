"""Fills an audit's questions in for one pipeline. Text in, text out; asks nobody."""

from collections.abc import Iterable, Mapping, Sequence

import attrs

from winestream.operations import audit_sql as sql
from winestream.operations.session import sql_text
from winestream.records import UNKNOWN_TOPIC_ID, LogPartition
from winestream.snowflake.identifiers import qualified

LIMIT = 200
"""Coordinates fetched for one question; the rest is counted only."""

_NEVER = 9_223_372_036_854_775_807
_KEY = ("SLICE_ID", "CLUSTER_ID", "TOPIC_ID", "TOPIC", "KAFKA_PARTITION")
_LOG = ("CLUSTER_ID", "LOG_ID", "TOPIC", "KAFKA_PARTITION")


@attrs.frozen
class Questions:
    """The statements for one pipeline and the RAW tables it writes.

    `adopted` maps ledgers without a topic id to their heirs. `fingerprints` is whether
    any ledger row has one: without, nothing is hashed.
    """

    pipeline: str
    tables: Sequence[str]
    adopted: Mapping[LogPartition, LogPartition] = attrs.field(factory=dict)
    fingerprints: bool = False
    limit: int = LIMIT

    def coverage(self) -> str:
        """Per cursor: how far rows, dead letters and gaps reach, and their counts."""
        ctes = (self._ledger(), self._cursors(), self._parts())
        return sql.COVERAGE.format(ctes=_list(ctes), same_log=_same(_LOG, "c", "s"))

    def coverage_seams(self) -> str:
        """Where rows, dead letters and gaps leave a hole or lie over each other."""
        ctes = (self._ledger(), self._parts())
        return sql.SEAMS.format(ctes=_list(ctes), limit=self.limit)

    def tiling(self) -> str:
        """Per log partition of the ledger: how far it reaches, and its cursor."""
        ctes = (self._ledger(), self._cursors(), sql.RANGES)
        return sql.TILING.format(ctes=_list(ctes))

    def ledger_seams(self) -> str:
        """Where the ledger's ranges leave a hole or lie over each other."""
        ctes = (self._ledger(), sql.RANGES)
        return sql.SEAMS.format(ctes=_list(ctes), limit=self.limit)

    def content(self) -> str:
        """Slices whose content differs from what the ledger says."""
        fingerprints = (
            "OR SAID_FINGERPRINT <> FOUND_FINGERPRINT" if self.fingerprints else ""
        )
        return sql.CONTENT.format(
            ctes=_list((self._ledger(), self._found())),
            same_slice=_same(_KEY, "s", "d"),
            or_fingerprints=fingerprints,
            limit=self.limit,
        )

    def strays(self, topics: Iterable[str]) -> str:
        """Rows whose slice no ledger knows; dead letters and gaps of these topics."""
        return sql.STRAYS.format(
            ctes=self._found(),
            same_slice=_same(_KEY, "d", "s"),
            topics=", ".join(map(sql_text, sorted(set(topics)))) or "NULL",
            limit=self.limit,
        )

    def retention(self) -> str:
        """Gaps that retention left."""
        ctes = (self._ledger(), self._parts())
        return sql.RETENTION.format(ctes=_list(ctes), limit=self.limit)

    # -------------------------------------------------------------------- privately

    def _ledger(self) -> str:
        return sql.LEDGER.format(
            adopted=self._adopted(),
            unknown=sql_text(UNKNOWN_TOPIC_ID),
            pipeline=sql_text(self.pipeline),
            never=_NEVER,
            same_cut=_same(_KEY, "e", "c"),
        )

    def _adopted(self) -> str:
        rows = [
            f"SELECT {sql_text(log.cluster_id)} AS CLUSTER_ID, "
            f"{sql_text(log.topic)} AS TOPIC, {log.partition} AS KAFKA_PARTITION, "
            f"{sql_text(heir.topic_id)} AS HEIR_ID"
            for log, heir in sorted(self.adopted.items())
        ]
        nobody = (
            "SELECT '' AS CLUSTER_ID, '' AS TOPIC, 0 AS KAFKA_PARTITION, '' AS HEIR_ID "
            "WHERE 1 = 0"
        )
        return " UNION ALL ".join(rows) or nobody

    def _cursors(self) -> str:
        return sql.CURSORS.format(pipeline=sql_text(self.pipeline))

    def _parts(self) -> str:
        return sql.PARTS.format(
            content=self._content(hashed=False), same_slice=_same(_KEY, "d", "s")
        )

    def _found(self) -> str:
        return sql.FOUND.format(content=self._content(hashed=self.fingerprints))

    def _content(self, *, hashed: bool) -> str:
        fingerprint = "MD5_NUMBER_LOWER64(PAYLOAD)" if hashed else "0"
        rows = [
            sql.ROWS.format(table=qualified("RAW", table), fingerprint=fingerprint)
            for table in self.tables
        ]
        return " UNION ALL ".join([*rows, sql.DEAD, sql.GAPS])


def cursor_rows(pipeline: str) -> str:
    """Ask for every cursor row of a pipeline."""
    return (
        "SELECT CLUSTER_ID, TOPIC_ID, TOPIC, KAFKA_PARTITION, FIRST_OFFSET, "  # noqa: S608 — a quoted literal
        "NEXT_OFFSET, EPOCH FROM OPS.INGEST_CURSOR "
        f"WHERE PIPELINE = {sql_text(pipeline)}"
    )


def ledger_logs(pipeline: str) -> str:
    """Ask for every log partition of a ledger, and where and when it begins."""
    return (
        "SELECT CLUSTER_ID, TOPIC_ID, TOPIC, KAFKA_PARTITION, "  # noqa: S608 — a quoted literal
        "MIN(LEAST(FROM_OFFSET, TO_OFFSET)), MIN(COMMITTED_AT), "
        "COUNT(PAYLOAD_FINGERPRINT) FROM OPS.INGEST_LEDGER "
        f"WHERE PIPELINE = {sql_text(pipeline)} GROUP BY 1, 2, 3, 4"
    )


def registered_tables(pipeline: str) -> str:
    """Ask for the RAW tables a pipeline writes, as deploy noted them."""
    return (
        "SELECT DISTINCT TABLE_NAME FROM OPS.INGEST_TABLES "  # noqa: S608 — a quoted literal
        f"WHERE PIPELINE = {sql_text(pipeline)} ORDER BY 1"
    )


def _list(ctes: Iterable[str]) -> str:
    return ",\n".join(ctes)


def _same(columns: Iterable[str], one: str, other: str) -> str:
    return " AND ".join(f"{one}.{name} = {other}.{name}" for name in columns)
