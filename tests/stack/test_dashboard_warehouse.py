from collections.abc import Callable
from typing import Any

import pytest
from snowflake.connector.errors import OperationalError, ProgrammingError

from full_stack.dashboard.queries import REJECTS
from full_stack.dashboard.warehouse import Away, Warehouse


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Fake:
    """A warehouse that counts sign-ins and statements, and fails when told to."""

    def __init__(self) -> None:
        self.sign_ins = self.statements = 0
        self.fails: Callable[[int], Exception | None] = lambda _sign_in: None
        self.down = False

    def connect(self) -> "Session":
        if self.down:
            raise OperationalError(msg="secret host", errno=250001)
        self.sign_ins += 1
        return Session(self, self.sign_ins)


class Session:
    description = [("REJECTS",)]  # noqa: RUF012 — a cursor's

    def __init__(self, fake: Fake, number: int) -> None:
        self._fake, self._number = fake, number

    def cursor(self) -> "Session":
        return self

    def execute(self, _sql: str, _values: Any) -> None:
        error = self._fake.fails(self._number)
        if self._fake.down or error:
            raise error or OperationalError(msg="gone", errno=250002)
        self._fake.statements += 1

    def fetchall(self) -> list[tuple[int]]:
        return [(self._fake.statements,)]

    def close(self) -> None:
        """Nothing to close."""


def make(fake: Fake) -> tuple[Warehouse, Clock]:
    """Return a warehouse over the fake, and the clock that it lives by."""
    clock = Clock()
    asked = Warehouse(fake.connect, fresh=4.0, pause=2.0, monotonic=clock)
    clock.now = 100.0
    return asked, clock


def test_ten_visitors_cost_as_much_as_one() -> None:
    """An answer is given again while it is fresh, then asked for anew."""
    fake = Fake()
    warehouse, clock = make(fake)
    for _ in range(10):
        assert warehouse.ask(REJECTS).rows == [{"rejects": 1}]
    clock.now += 4.1
    assert warehouse.ask(REJECTS).rows == [{"rejects": 2}]
    assert (fake.sign_ins, fake.statements) == (1, 2)


def test_a_session_that_died_is_replaced_at_once() -> None:
    """A warehouse that was started again costs a sign-in and no visitor a failure."""
    fake = Fake()
    warehouse, clock = make(fake)
    warehouse.ask(REJECTS)
    fake.fails = lambda sign_in: (
        OperationalError(errno=250001) if sign_in == 1 else None
    )
    clock.now += 5
    answer = warehouse.ask(REJECTS)
    assert answer.trouble is None
    assert (fake.sign_ins, fake.statements) == (2, 2)


def test_an_old_answer_is_given_as_old_until_the_warehouse_is_back() -> None:
    """It says why, and the next good answer says nothing any more."""
    fake = Fake()
    warehouse, clock = make(fake)
    before = warehouse.ask(REJECTS)
    fake.down, clock.now = True, clock.now + 5
    old = warehouse.ask(REJECTS)
    assert (old.rows, old.at) == (before.rows, before.at)
    assert old.trouble is not None
    assert "secret" not in old.trouble.what + old.trouble.advice
    fake.down, clock.now = False, clock.now + 5
    assert warehouse.ask(REJECTS).trouble is None


def test_without_any_answer_the_visitor_is_told_and_nobody_hammers() -> None:
    """After a failure the next visitors wait for the pause instead of a timeout."""
    fake = Fake()
    warehouse, clock = make(fake)
    fake.down = True
    with pytest.raises(Away, match="does not answer"):
        warehouse.ask(REJECTS)
    fake.down = False
    with pytest.raises(Away):
        warehouse.ask(REJECTS)  # still within the pause: nobody is asked
    assert fake.sign_ins == 0
    clock.now += 2.1
    assert warehouse.ask(REJECTS).rows


@pytest.mark.parametrize(
    ("errno", "advice"), [(2003, "winestream deploy"), (3001, "AUDITOR")]
)
def test_a_refusal_says_what_to_do(errno: int, advice: str) -> None:
    """Missing tables and missing rights are no outage, and are asked once only."""
    fake = Fake()
    warehouse, _clock = make(fake)
    tries = []

    def refuse(sign_in: int) -> Exception:
        tries.append(sign_in)
        return ProgrammingError(msg="SQL with secrets", errno=errno)

    fake.fails = refuse
    with pytest.raises(Away) as caught:
        warehouse.ask(REJECTS)
    assert advice in caught.value.advice
    assert "secrets" not in str(caught.value)
    assert tries == [1]
