"""Statements that are accepted and do nothing, each with the reason why."""

import re
from collections.abc import Iterable

from winestream.local.server.sessions import Session
from winestream.local.server.statements import Answer, Next, Statement, status

_DDL = r"(create|alter|drop)\s+(or\s+replace\s+)?"
_PROPERTY = (
    r"(tag|change_tracking|data_retention_time_in_days|comment"
    r"|enable_schema_evolution|max_data_extension_time_in_days)\b"
)
_POLICIES = "policies need an account's edition, and a deployment must still run"

# (what it matches, why nothing has to happen)
NO_OPS: tuple[tuple[str, str], ...] = (
    (r"(grant|revoke)\b", "one user may do everything here; grants are not tested"),
    (rf"{_DDL}(warehouse|role|user|database\s+role)\b", "an account's, not data"),
    (
        rf"{_DDL}(resource\s+monitor|network\s+(policy|rule)|\w+\s+integration)\b",
        "an account's, not data",
    ),
    (r"use\s+(warehouse|role|secondary\s+roles?)\b", "compute and roles: see above"),
    (rf"{_DDL}(masking|row\s+access|session|password)\s+policy\b", _POLICIES),
    (r"alter\s+(table|view)\s.*\b(set|unset)\s+masking\s+policy\b", _POLICIES),
    (r"alter\s+table\s.*\b(add|drop)\s+row\s+access\s+policy\b", _POLICIES),
    (rf"alter\s+(table|view)\s+\S+\s+(set|unset)\s+{_PROPERTY}", "nothing reads it"),
    (r"alter\s+table\s.*\bcluster\s+by\b", "a matter of speed"),
    (r"alter\s+(database|schema|account|stage|file\s+format)\b", "nothing reads it"),
    (rf"{_DDL}tag\b", "a label"),
    (r"comment\s+(if\s+exists\s+)?on\b", "a label"),
)
_PATTERNS = tuple(
    re.compile(rf"^\s*(?:{pattern})", re.IGNORECASE | re.DOTALL)
    for pattern, _ in NO_OPS
)
_SESSION = re.compile(
    r"^\s*alter\s+session\s+(set|unset)\b(.*)$", re.IGNORECASE | re.DOTALL
)
_SETTING = re.compile(r"(\w+)\s*=\s*('(?:[^']|'')*'|[\w.+-]+)")


def handle(statement: Statement, session: Session, go_on: Next) -> Answer:
    """Answer "executed successfully" to what does nothing here."""
    if match := _SESSION.match(statement.text):
        _remember(_settings(match), session)
        return status()
    if any(pattern.match(statement.text) for pattern in _PATTERNS):
        return status()
    return go_on(statement)


def _settings(match: re.Match[str]) -> Iterable[tuple[str, str]]:
    if match[1].lower() == "set":
        return [(n, v.strip("'")) for n, v in _SETTING.findall(match[2])]
    return [(name, "") for name in re.findall(r"\w+", match[2])]


def _remember(settings: Iterable[tuple[str, str]], session: Session) -> None:
    """Any parameter is accepted; AUTOCOMMIT is the one that means something."""
    for name, value in settings:
        session.parameters[name.upper()] = value
        if name.upper() == "AUTOCOMMIT":
            session.autocommit = value.lower() != "false"
