"""`audit`: the proof of a pipeline's delivery, from what the warehouse holds.

Orchestration only: `audit_questions` asks, `audit_rows` reads the answers,
`audit_judge` compares, `audit_report` holds the verdict, `audit_broker` asks Kafka.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

import attrs

from winestream.errors import ConfigurationError, WinestreamError
from winestream.operations import audit_questions as ask
from winestream.operations.audit_judge import (
    CursorRow,
    LedgerLog,
    Span,
    adoptions,
    judge_cursors,
    judge_epoch,
    judge_kafka,
    judge_seams,
    judge_slice,
    judge_span,
)
from winestream.operations.audit_report import (
    AuditReport,
    Check,
    Finding,
    PartitionReport,
    Standing,
)
from winestream.operations.audit_rows import (
    cursor_of,
    difference,
    log_of,
    number,
    partitions_of,
    seam,
)
from winestream.operations.session import Connection, DeployError, Session
from winestream.records import LogPartition

_WITHOUT_BROKER = "no broker was named"
_WITHOUT_FINGERPRINTS = (
    "the ledger has none; a row altered at equal length would not be noticed"
)


class AuditError(WinestreamError):
    """The warehouse refused a question of the audit; the message says which and why."""


class NoCommitsError(ConfigurationError):
    """The named consumer group is not the pipeline's, or has not committed yet."""


class Broker(Protocol):
    """What an audit asks of Kafka. Raises `SourceError` or `ConfigurationError`."""

    def committed(self, logs: Iterable[LogPartition]) -> Mapping[LogPartition, int]:
        """Return the group's committed positions; those without one are absent."""

    def ends(
        self, logs: Iterable[LogPartition]
    ) -> Mapping[LogPartition, tuple[int, int]]:
        """Return the ends of the logs this broker holds; others are absent."""


def audit(
    connection: Connection,
    pipeline: str,
    *,
    broker: Broker | None = None,
    accept_loss: bool = False,
) -> AuditReport:
    """Check everything a pipeline wrote against its cursors and its ledger.

    `connection` must be a *new* session with the pipeline's database and AUTOCOMMIT on:
    an older session may not see a commit made a moment ago. Nothing is changed. The
    pipeline may run meanwhile. With `accept_loss` retention losses that were recorded
    as gaps are reported and accepted. Without a broker the report says what was not
    checked.

    Raises `ConfigurationError` when nothing is known of the pipeline, `NoCommitsError`
    when the broker's group has committed nothing in logs whose cursors have moved,
    `AuditError` when the warehouse refuses a question, `SourceError` when the broker
    does.
    """
    try:
        return _Audit(Session(connection), pipeline, accept_loss).run(broker)
    except DeployError as error:
        raise AuditError(f"the warehouse cannot be audited: {error}") from error


@attrs.define
class _Audit:
    """One audit under way; it gathers what is found."""

    session: Session
    pipeline: str
    accept_loss: bool
    findings: list[Finding] = attrs.field(factory=list)
    accepted: list[Finding] = attrs.field(factory=list)
    unlisted: int = 0
    rewound: dict[LogPartition, int] = attrs.field(factory=dict)
    """Where rewinds came from, at most."""

    def run(self, broker: Broker | None) -> AuditReport:
        tables = [str(name) for (name,) in self._rows(ask.registered_tables)]
        if not tables:
            raise ConfigurationError(
                f"OPS.INGEST_TABLES names no table of a pipeline {self.pipeline!r}: "
                f"`winestream deploy --pipeline {self.pipeline} --table …` notes them"
            )
        cursors = [cursor_of(row) for row in self._rows(ask.cursor_rows)]
        ledger = self._rows(ask.ledger_logs)
        names = [LedgerLog(log_of(row), int(row[4]), str(row[5])) for row in ledger]
        fingerprints = any(row[6] for row in ledger)
        adopted = adoptions(cursors, names)
        questions = ask.Questions(self.pipeline, tables, adopted, fingerprints)
        logs = {row.log for row in cursors}
        # Kafka's position is asked before the cursor and the log's end after it: all
        # three only grow, so a busy pipeline raises no false alarm.
        committed = broker.committed(logs) if broker else {}
        partitions = self._compare(questions, cursors, names)
        ends = broker.ends(logs) if broker else {}
        standings = {
            log: Standing(committed.get(log), *ends[log]) for log in logs & ends.keys()
        }
        _check_group(cursors, standings)
        partitions = [self._beside_kafka(each, standings) for each in partitions]
        made = [str(check) for check in Check if check is not Check.KAFKA]
        not_made = _not_made(fingerprints, broker, logs, standings)
        return AuditReport(
            pipeline=self.pipeline,
            tables=tables,
            partitions=partitions,
            findings=self.findings,
            accepted=self.accepted,
            unlisted=self.unlisted,
            made=[
                *made,
                *(["fingerprints"] if fingerprints else []),
                *(["kafka"] if standings else []),
            ],
            not_made=not_made,
        )

    # ---------------------------------------------------------------- the warehouse

    def _compare(
        self,
        questions: ask.Questions,
        cursors: Sequence[CursorRow],
        names: Sequence[LedgerLog],
    ) -> list[PartitionReport]:
        tiling = {log_of(row): row for row in self._ask(questions.tiling())}
        coverage = self._ask(questions.coverage())
        self.findings += judge_cursors(cursors)
        for log, row in tiling.items():
            self.rewound[log] = number(row[12]) or 0
            self.findings += judge_epoch(log, int(row[6]), number(row[11]))
            if row[9] is not None:
                cursor = CursorRow(log, int(row[9]), int(row[10]), int(row[11]))
                span = Span(number(row[7]), number(row[8]))
                self.findings += judge_span(Check.LEDGER, cursor, span)
        for row in coverage:
            span = Span(number(row[7]), number(row[8]))
            self.findings += judge_span(Check.COVERAGE, cursor_of(row), span)
            if log_of(row) not in tiling:
                nothing = Span(None, None)
                self.findings += judge_span(Check.LEDGER, cursor_of(row), nothing)
        self._seams(Check.LEDGER, questions.ledger_seams())
        self._seams(Check.COVERAGE, questions.coverage_seams())
        self._content(questions)
        topics = {row.log.topic for row in cursors} | {n.log.topic for n in names}
        self._strays(questions.strays(topics))
        self._retention(questions.retention())
        return partitions_of(coverage, tiling)

    def _seams(self, check: Check, question: str) -> None:
        rows = self._limited(question)
        self.findings += judge_seams(check, map(seam, rows))

    def _content(self, questions: ask.Questions) -> None:
        for row in self._limited(questions.content()):
            it = difference(row, fingerprints=questions.fingerprints)
            self.findings += judge_slice(it)

    def _strays(self, question: str) -> None:
        for row in self._limited(question):
            what = f"{int(row[7])} rows and {int(row[8])} dead letters"
            if not row[7] and not row[8]:
                what = "a gap"
            self.findings.append(
                Finding(
                    Check.STRAY,
                    log_of(row),
                    int(row[5]),
                    int(row[6]),
                    f"{what} of a slice that no ledger row knows",
                    str(row[4]),
                )
            )

    def _retention(self, question: str) -> None:
        into = self.accepted if self.accept_loss else self.findings
        into += [
            Finding(
                Check.RETENTION,
                log_of(row),
                int(row[5]),
                int(row[6]),
                "lost: deleted from the log before they were read",
                str(row[4]),
            )
            for row in self._limited(question, counts=not self.accept_loss)
        ]

    # -------------------------------------------------------------------- the broker

    def _beside_kafka(
        self, part: PartitionReport, standings: Mapping[LogPartition, Standing]
    ) -> PartitionReport:
        kafka = standings.get(part.log)
        if kafka is None or part.cursor is None or part.first is None:
            return part
        cursor = CursorRow(part.log, part.first, part.cursor, part.epoch or 0)
        self.findings += judge_kafka(cursor, kafka, self.rewound.get(part.log, 0))
        return attrs.evolve(part, kafka=kafka)

    # ----------------------------------------------------------------------- asking

    def _rows(self, question: Callable[[str], str]) -> Sequence[Any]:
        return self._ask(question(self.pipeline))

    def _ask(self, question: str) -> Sequence[Any]:
        return self.session.rows(question, "auditing")

    def _limited(self, question: str, *, counts: bool = True) -> Sequence[Any]:
        """Ask for coordinates, and count those beyond the limit."""
        rows = self._ask(question)
        if rows and counts:
            self.unlisted += int(rows[0][-1]) - len(rows)
        return rows


def _check_group(
    cursors: Iterable[CursorRow], standings: Mapping[LogPartition, Standing]
) -> None:
    """Refuse a group without commits: beside it every cursor would look right.

    It is no finding: a pipeline that has just begun confirms its first slice first, and
    one partition without a commit, while others have one, is nothing special.
    """
    moved = any(row.log in standings and row.position > row.first for row in cursors)
    if moved and all(standing.committed is None for standing in standings.values()):
        raise NoCommitsError(
            "the consumer group has no commits in any log of the pipeline, though its "
            "cursors have moved: name the group that the pipeline reads with (one that "
            "has just begun commits in a moment), or audit without a broker"
        )


def _not_made(
    fingerprints: bool,  # noqa: FBT001 — a fact, not a switch
    broker: Broker | None,
    logs: Iterable[LogPartition],
    standings: Mapping[LogPartition, Standing],
) -> dict[str, str]:
    left_out = {} if fingerprints else {"fingerprints": _WITHOUT_FINGERPRINTS}
    if broker is None:
        return left_out | {"kafka": _WITHOUT_BROKER}
    gone = sorted(str(log) for log in logs if log not in standings)
    if gone:
        names = ", ".join(gone)
        left_out["kafka"] = f"this broker does not hold these logs: {names}"
    return left_out
