"""What a task is, and how CREATE TASK and ALTER TASK write it."""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from winestream.local.server.schedules import schedule
from winestream.local.server.sqlerrors import SYNTAX, UNSUPPORTED, SqlError
from winestream.local.server.statements import Kind, read
from winestream.local.server.streamnames import HAS_DATA

_INTERVAL = "USER_TASK_MINIMUM_TRIGGER_INTERVAL_IN_SECONDS"
_FAILURES = "SUSPEND_TASK_AFTER_NUM_FAILURES"
_DEFAULTS = {_INTERVAL: 30, _FAILURES: 10}  # an account's
_LEAST = {_INTERVAL: 10, _FAILURES: 0}
_IN_CONDITIONS = (HAS_DATA, "SYSTEM$GET_PREDECESSOR_RETURN_VALUE")
_UNSUPPORTED = ("FINALIZE", "EXECUTE")


@dataclass(slots=True)
class Task:
    """One task. Names are stored names; `options` has everything else it was given."""

    name: str
    body: str
    condition: str = ""
    after: list[str] = field(default_factory=list)
    options: dict[str, str] = field(default_factory=dict)
    started: bool = False
    created_on: str = ""
    suspended_because: str = ""
    failures: int = 0  # one after the other

    @property
    def database(self) -> str:
        """Where it runs, and where its names are looked for."""
        return self.name.split(".")[0]

    @property
    def schema(self) -> str:
        """Its schema: the current one of its runs."""
        return self.name.split(".")[1]

    @property
    def schedule(self) -> str:
        """What SCHEDULE says; empty for a triggered task or a graph's child."""
        return self.options.get("SCHEDULE", "")

    @property
    def streams(self) -> list[str]:
        """The streams that its condition asks about, as written."""
        if not self.condition:
            return []
        tree = sqlglot.parse_one(f"SELECT {self.condition}", read="snowflake")
        return [
            call.expressions[0].name
            for call in tree.find_all(exp.Anonymous)
            if str(call.this).upper() == HAS_DATA and call.expressions
        ]

    @property
    def triggered(self) -> bool:
        """Whether data in its streams is what starts it."""
        return not self.schedule and not self.after and bool(self.streams)

    @property
    def minimum_interval(self) -> dt.timedelta:
        """The least time between two triggered runs."""
        return dt.timedelta(seconds=self._number(_INTERVAL))

    @property
    def failures_allowed(self) -> int:
        """How many failures in a row suspend it; 0 for any number."""
        return self._number(_FAILURES)

    def _number(self, name: str) -> int:
        return int(self.options.get(name, _DEFAULTS[name]))


class Word(Protocol):
    """What is used of sqlglot's tokens."""

    @property
    def text(self) -> str:
        """The word, or what is inside the quotes."""

    @property
    def start(self) -> int:
        """Where it begins in the text."""

    @property
    def end(self) -> int:
        """Where its last character is."""


@dataclass(slots=True)
class Clauses:
    """The clauses that a statement gave; None where it gave none."""

    options: dict[str, str] = field(default_factory=dict)
    after: list[str] | None = None
    condition: str | None = None
    body: str | None = None


class ClauseReader:
    """Reads `WAREHOUSE = … AFTER … WHEN … AS …` by sqlglot's tokens."""

    def __init__(self, text: str, stored: Callable[[str], str]) -> None:
        self._text, self._stored = text, stored
        try:
            self._tokens: Sequence[Word] = sqlglot.tokenize(text, read="snowflake")
        except SqlglotError as error:
            raise SqlError(SYNTAX, "42000", f"cannot read a task: {error}") from error
        self._at = 0

    def clauses(self) -> Clauses:
        """All of them; each is checked. Raises SqlError."""
        found = self._read()
        check_options(found.options)
        return found

    def _read(self) -> Clauses:
        found = Clauses()
        while (token := self._next()) is not None:
            word = token.text.upper()
            if word == "AS":
                found.body = checked_body(self._text[token.end + 1 :])
                return found
            if word == "WHEN":
                found.condition = self._condition(token)
            elif word == "AFTER":
                found.after = self._names()
            elif word in _UNSUPPORTED:
                raise SqlError(UNSUPPORTED, "0A000", f"tasks here have no {word}")
            elif token.text not in (",", ";"):
                found.options[word] = self._value(word)
        return found

    def _next(self) -> Word | None:
        if self._at >= len(self._tokens):
            return None
        self._at += 1
        return self._tokens[self._at - 1]

    def _peek(self) -> str:
        if self._at >= len(self._tokens):
            return ""
        return self._tokens[self._at].text.upper()

    def _value(self, name: str) -> str:
        if self._peek() != "=":
            raise SqlError(SYNTAX, "42000", f"unexpected '{name}' in a task")
        self._at += 1
        token = self._next()
        if token is None:
            raise SqlError(SYNTAX, "42000", f"{name} has no value")
        return token.text

    def _names(self) -> list[str]:
        names, written = [], ""
        while self._at < len(self._tokens):
            following = self._tokens[self._at + 1 : self._at + 2]
            ends = self._peek() in ("WHEN", "AS") or (
                following and following[0].text == "="
            )
            if ends and written:
                break
            token = self._next()
            assert token is not None, "the loop's condition has looked"
            if token.text == ",":
                names.append(self._stored(written))
                written = ""
            else:
                written += self._text[token.start : token.end + 1]
        return [*names, self._stored(written)]

    def _condition(self, when: Word) -> str:
        depth = 0
        while self._at < len(self._tokens):
            word = self._peek()
            if word == "AS" and depth == 0:
                break
            depth += {"(": 1, ")": -1}.get(word, 0)
            self._at += 1
        last = self._tokens[self._at - 1]
        return checked_condition(self._text[when.end + 1 : last.end + 1])


def check_options(options: Mapping[str, str]) -> None:
    """Raise SqlError where a value is one that an account would refuse."""
    if "SCHEDULE" in options:
        schedule(options["SCHEDULE"])
    for name, least in _LEAST.items():
        value = options.get(name)
        if value is not None and (not value.isdigit() or int(value) < least):
            raise SqlError(SYNTAX, "22023", f"{name} is a whole number from {least} on")


def checked_body(text: str) -> str:
    """Read the one statement that a task runs. Raises SqlError if it cannot be."""
    body = text.strip().rstrip(";").strip()
    statement = read(body)
    if statement.refusal is not None:
        raise SqlError(
            SYNTAX,
            "42000",
            "SQL compilation error: a task's body is one statement that can be "
            f"parsed, without Snowflake Scripting here: {statement.refusal.message}",
        )
    if statement.kind in (Kind.BEGIN, Kind.COMMIT, Kind.ROLLBACK) or isinstance(
        statement.tree, exp.Command
    ):
        raise SqlError(UNSUPPORTED, "0A000", f"a task cannot run '{body[:60]}' here")
    return body


def checked_condition(text: str) -> str:
    """Read the condition after WHEN. Raises SqlError for what WHEN cannot ask."""
    condition = text.strip()
    try:
        tree = sqlglot.parse_one(f"SELECT {condition}", read="snowflake")
    except SqlglotError as error:
        raise SqlError(
            SYNTAX, "42000", f"SQL compilation error: WHEN {condition}: {error}"
        ) from error
    calls = [str(call.this).upper() for call in tree.find_all(exp.Anonymous)]
    foreign = [call for call in calls if call not in _IN_CONDITIONS]
    reads = tree.find(exp.Table, exp.Column, exp.Subquery, exp.Placeholder)
    if foreign or reads or len(list(tree.find_all(exp.Select))) != 1:
        raise SqlError(
            UNSUPPORTED,
            "0A000",
            f"WHEN may ask {' and '.join(_IN_CONDITIONS)} only: {condition}",
        )
    return condition
