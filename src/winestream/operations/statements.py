"""Takes an SQL file apart into statements, without knowing what they mean.

It knows just what hides a semicolon: comments, quoted text, quoted names and `$$`
bodies. A Snowflake Scripting block that is not inside `$$` is not supported.
"""

import re
from collections.abc import Iterator

import attrs

from winestream.errors import ConfigurationError

_TOKEN = re.compile(
    r"""
      (?P<comment> --[^\n]* | //[^\n]* | /\*.*?\*/ )
    | (?P<quoted>  '(?:[^'\\]|\\.|'')*' | "(?:[^"]|"")*" | \$\$.*?\$\$ )
    | (?P<end>     ; )
    | (?P<space>   \s+ )
    | (?P<open>    ' | " | \$\$ | /\* )
    | (?P<other>   [^;'"\s$/-]+ | . )
    """,
    re.VERBOSE | re.DOTALL,
)


@attrs.frozen
class Statement:
    """One statement of a file. `line` is where it begins, counted from 1.

    `normalised` is its text without comments and with single spaces: two statements
    with the same normalised text do the same.
    """

    text: str
    normalised: str
    line: int


def split_statements(sql: str, *, source: str) -> Iterator[Statement]:
    """Yield the statements of `sql` in order; comments alone are no statement.

    Raises `ConfigurationError` naming `source` and the line where a quote, a `$$` or a
    comment is opened and never closed.
    """
    sql = sql.removeprefix("\ufeff").replace("\r\n", "\n")
    start: int | None = None
    kept: list[str] = []
    for token in _TOKEN.finditer(sql):
        match token.lastgroup:
            case "open":
                line = _line(sql, token.start())
                raise ConfigurationError(
                    f"{source}, line {line}: {token[0]} is opened and never closed."
                )
            case "end":
                if start is not None:
                    yield _statement(sql, start, token.start(), kept)
                start, kept = None, []
            case "comment" | "space":
                kept.append(" ")
            case _:
                start = token.start() if start is None else start
                kept.append(token[0])
    if start is not None:
        yield _statement(sql, start, len(sql), kept)


def _statement(sql: str, start: int, stop: int, kept: list[str]) -> Statement:
    spaced = [
        piece
        for piece, before in zip(kept, ["", *kept], strict=False)
        if piece != " " or before != " "
    ]
    return Statement(
        text=sql[start:stop].rstrip(),
        normalised="".join(spaced).strip(),
        line=_line(sql, start),
    )


def _line(sql: str, at: int) -> int:
    return sql.count("\n", 0, at) + 1
