"""CREATE, ALTER, DROP, SHOW and DESCRIBE of streams."""

import re
from typing import Any

import pyarrow as pa
from fakesnow import statement_type

from winestream.local.server import streamstore
from winestream.local.server.names import NAME, shown, stored_name
from winestream.local.server.sessions import Session
from winestream.local.server.sqlerrors import SYNTAX, UNSUPPORTED, SqlError
from winestream.local.server.statements import OURS, Answer, Next, Statement, status
from winestream.local.server.streams import Streams
from winestream.local.server.streamstore import Stream

_CREATE = re.compile(
    rf"""^\s*(?P<unless>if\s+not\s+exists\s+)?(?P<name>{NAME})\s+
    (?:copy\s+grants\s+)?on\s+(?P<kind>(?:external\s+|dynamic\s+)?\w+)\s+
    (?P<base>{NAME})(?P<options>.*)$""",
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)
_NAMED = re.compile(
    rf"^\s*(?P<exists>if\s+exists\s+)?(?P<name>{NAME})(?P<rest>.*)$",
    re.IGNORECASE | re.DOTALL,
)
_OPTION = re.compile(
    r"\s*(\w+)\s*=\s*('(?:[^']|'')*'|\w+)|\s*(copy\s+grants)|\s*;?\s*$", re.IGNORECASE
)
_COMMENT = re.compile(
    r"^\s*(?:set\s+comment\s*=\s*'(?P<text>(?:[^']|'')*)'|unset\s+comment)\s*;?\s*$",
    re.IGNORECASE,
)
_MOMENT = pa.timestamp("us", "UTC")
_SHOWN = pa.schema(
    [
        ("created_on", _MOMENT),
        *(
            (name, pa.string())
            for name in (
                "name",
                "database_name",
                "schema_name",
                "owner",
                "comment",
                "table_name",
                "source_type",
                "base_tables",
                "type",
                "stale",
                "mode",
            )
        ),
        ("stale_after", _MOMENT),
        ("invalid_reason", pa.string()),
        ("owner_role_type", pa.string()),
    ]
)


class StreamDefinitions:
    """Answers what defines streams; passes on everything else."""

    def __init__(self, streams: Streams) -> None:
        self._streams = streams

    def handle(self, statement: Statement, session: Session, go_on: Next) -> Answer:
        """Nothing here is undone by ROLLBACK: it is all DDL."""
        match = OURS.match(statement.text)
        if match is None or match["what"].lower() != "stream":
            return go_on(statement)
        words, rest = match["verb"].lower().split(), match["rest"]
        with self._streams.lock:
            if words[0] == "show":
                return self._show(rest, session)
            if words[0] == "create":
                return self._create(rest, session, replace="replace" in words)
            return self._act(words[0], rest, session)

    def _act(self, verb: str, rest: str, session: Session) -> Answer:
        named = _NAMED.match(rest)
        if named is None or verb == "execute":
            raise SqlError(SYNTAX, "42000", f"cannot read {verb} stream{rest}")
        name = stored_name(named["name"], session)
        if named["exists"] and name not in self._streams.by_name:
            return status(f"{name} does not exist, statement succeeded.")
        stream = self._streams.find(name)
        if verb == "drop":
            streamstore.drop(session.duck, stream)
            del self._streams.by_name[name]
            return status(f"{_short(name)} successfully dropped.")
        if verb == "alter":
            return self._alter(stream, named["rest"], session)
        return _table([stream])

    def _create(self, rest: str, session: Session, *, replace: bool) -> Answer:
        match = _CREATE.match(rest)
        if match is None:
            raise SqlError(SYNTAX, "42000", f"cannot read CREATE STREAM{rest}")
        options = _options(match["options"])
        if match["kind"].lower() != "table" or options["APPEND_ONLY"] != "TRUE":
            raise SqlError(
                UNSUPPORTED,
                "0A000",
                "the embedded warehouse has streams ON TABLE … APPEND_ONLY = TRUE only",
            )
        name = stored_name(match["name"], session)
        base = stored_name(match["base"], session)
        if name in self._streams.by_name and not replace:
            if match["unless"]:
                message = f"{_short(name)} already exists, statement succeeded."
                return status(message)
            raise SqlError(2002, "42710", f"Object '{name}' already exists.")
        if not streamstore.columns(session.duck, base):
            raise SqlError(
                2003, "02000", f"Table '{base}' does not exist or not authorized."
            )
        if name.split(".")[0] != base.split(".")[0]:
            raise SqlError(
                UNSUPPORTED, "0A000", "a stream lives in its table's database here"
            )
        self._streams.by_name[name] = streamstore.create(
            session.duck,
            name,
            base,
            options["COMMENT"],
            initial_rows=options["SHOW_INITIAL_ROWS"] == "TRUE",
        )
        self._streams.learn(base, session.duck)
        self._streams.changed()
        return status(f"Stream {_short(name)} successfully created.")

    def _alter(self, stream: Stream, rest: str, session: Session) -> Answer:
        match = _COMMENT.match(rest)
        if match is None:
            raise SqlError(
                UNSUPPORTED, "0A000", "of a stream only its comment can be altered"
            )
        stream.comment = (match["text"] or "").replace("''", "'")
        streamstore.note(session.duck, stream)
        return status()

    def _show(self, scope: str, session: Session) -> Answer:
        names = shown(list(self._streams.by_name), scope, session)
        return _table([self._streams.by_name[name] for name in names])


def _options(written: str) -> dict[str, str]:
    options = {"APPEND_ONLY": "FALSE", "SHOW_INITIAL_ROWS": "FALSE", "COMMENT": ""}
    at = 0
    while at < len(written):
        match = _OPTION.match(written, at)
        name = match[1].upper() if match and match[1] else ""
        if match is None or (name and name not in options) or match.end() == at:
            raise SqlError(
                UNSUPPORTED, "0A000", f"a stream here does not know '{written[at:]}'"
            )
        if name == "COMMENT":
            options[name] = match[2].strip("'").replace("''", "'")
        elif name:
            options[name] = match[2].upper()
        at = match.end()
    return options


def _short(name: str) -> str:
    return name.split(".")[2]


def _table(streams: list[Stream]) -> Answer:
    rows: list[tuple[Any, ...]] = []
    for stream in streams:
        database, schema, name = stream.name.split(".")
        rows.append(
            (
                stream.created_on,
                name,
                database,
                schema,
                "SYSADMIN",
                stream.comment,
                stream.base,
                "Table",
                stream.base,
                "DELTA",
                "true" if stream.stale else "false",
                "APPEND_ONLY",
                None,  # nothing is ever too old here
                "Base table dropped" if stream.stale else "N/A",
                "ROLE",
            )
        )
    arrays = [
        pa.array([row[i] for row in rows], column.type)
        for i, column in enumerate(_SHOWN)
    ]
    return Answer(
        table=pa.Table.from_arrays(arrays, schema=_SHOWN),
        type_id=statement_type.SHOW,
    )
