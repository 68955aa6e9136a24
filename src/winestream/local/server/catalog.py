"""SHOW TRANSACTIONS and SHOW LOCKS, with Snowflake's column names."""

import re
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
from fakesnow import statement_type

from winestream.local.server.sessions import Session
from winestream.local.server.statements import Answer, Next, Statement
from winestream.local.server.transactions import Transaction, Transactions

_SHOW = re.compile(
    r"^\s*show\s+(locks|transactions)(\s+in\s+account)?\s*;?\s*$", re.IGNORECASE
)
_MOMENT = pa.timestamp("us", "UTC")
_TRANSACTION = pa.schema(
    [
        ("id", pa.int64()),
        ("user", pa.string()),
        ("session", pa.int64()),
        ("name", pa.string()),
        ("started_on", _MOMENT),
        ("state", pa.string()),
        ("scope", pa.int64()),
    ]
)
_LOCK = pa.schema(
    [
        ("resource", pa.string()),
        ("type", pa.string()),
        ("transaction", pa.int64()),
        ("transaction_started_on", _MOMENT),
        ("status", pa.string()),
        ("acquired_on", _MOMENT),
        ("query_id", pa.string()),
    ]
)


class Catalog:
    """Answers from the live transactions; nothing of it is stored."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def handle(self, statement: Statement, session: Session, go_on: Next) -> Answer:
        """Answer the two SHOW statements; pass on everything else."""
        match = _SHOW.match(statement.text)
        if match is None:
            return go_on(statement)
        shown = [
            transaction
            for transaction in self._transactions.open_transactions()
            # Without IN ACCOUNT a user sees only their own, of all their sessions.
            if match[2] or transaction.session.user == session.user
        ]
        if match[1].lower() == "transactions":
            return _table(_TRANSACTION, [_transaction(t) for t in shown])
        return _table(_LOCK, [row for t in shown for row in _locks(t)])


def _transaction(transaction: Transaction) -> tuple[Any, ...]:
    session = transaction.session
    return (
        transaction.number,
        session.user,
        session.number,
        transaction.name,
        transaction.started_on,
        "running",
        0,
    )


def _locks(transaction: Transaction) -> list[tuple[Any, ...]]:
    return [
        (
            table,
            "PARTITIONS",
            transaction.number,
            transaction.started_on,
            "HOLDING",
            lock.acquired_on,
            lock.query_id,
        )
        for table, lock in transaction.locks.copy().items()
    ]


def _table(schema: pa.Schema, rows: Sequence[Sequence[Any]]) -> Answer:
    arrays = [
        pa.array([row[i] for row in rows], column.type)
        for i, column in enumerate(schema)
    ]
    return Answer(
        table=pa.Table.from_arrays(arrays, schema=schema), type_id=statement_type.SHOW
    )
