"""Names in SQL: checked, folded and quoted, so that no setting can become a statement.

Unquoted names fold to upper case, as Snowflake does with them, and the result is always
quoted: `identifier("raw_orders") == '"RAW_ORDERS"'`. Every object of winestream has
such a plain name, so a name that needs quotes of its own is refused, not supported.
"""

import re

from winestream.errors import ConfigurationError

_PIPELINE = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,62}", re.ASCII)
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*", re.ASCII)
_MAX_LENGTH = 255  # Snowflake's own bound


def identifier(name: str) -> str:
    """Return `name` in upper case and quoted, ready to stand in a statement.

    Raises `ConfigurationError` for anything but a plain name of at most 255 letters,
    digits, `_` and `$` that does not begin with a digit or `$`.
    """
    if len(name) > _MAX_LENGTH or not _PLAIN.fullmatch(name):
        shown = name if len(name) <= _MAX_LENGTH else f"{name[:40]}…"
        raise ConfigurationError(
            f"{shown!r} is no plain Snowflake name: use letters, digits, _ and $, "
            f"begin with a letter or _, and at most {_MAX_LENGTH} of them."
        )
    return f'"{name.upper()}"'


def pipeline_name(name: str) -> str:
    """Return `name` if it can stand in a stage's path as it is.

    Raises `ConfigurationError` otherwise; the rule is `BatchingSink`'s.
    """
    if not _PIPELINE.fullmatch(name):
        raise ConfigurationError(
            f"pipeline {name[:80]!r} must be a letter followed by at most 62 letters, "
            "digits, '-' or '_': it names cursors, transactions and staged files"
        )
    return name


def qualified(schema: str, name: str, *, database: str | None = None) -> str:
    """Return `"SCHEMA"."NAME"`, or with a database `"DATABASE"."SCHEMA"."NAME"`.

    Each part is an `identifier`; without a database the session's current one counts.
    """
    parts = (schema, name) if database is None else (database, schema, name)
    return ".".join(map(identifier, parts))
