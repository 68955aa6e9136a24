"""One schema, three sources, every problem with the place where it stands."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from winestream.core import BatchPolicy, FreshnessPolicy, SafetyPolicy
from winestream.errors import ConfigurationError, NewLogError
from winestream.operations.settings import (
    ConsumerSettings,
    Entry,
    Resolution,
    from_environment,
    from_toml,
    resolve,
)
from winestream.operations.settings.sources import from_assignments
from winestream.records import LogPartition

SECRET = "hunter2-canary"  # noqa: S105 — an example

TOML = """
pipeline = "corks"
topics = ["corks.returned"]
group = "cork-loader"
bootstrap = "localhost:9092"
{more}

[routes]
"my_service.events:CorkReturned" = "RAW_CORKS"

[kafka]
security.protocol = "SASL_SSL"
"ssl.ca.location" = "/etc/ca.pem"

[batch]
max_rows = 1000
max_bytes = "16MB"
linger = "2s"

[snowflake]
account = "acc"
user = "loader"
database = "WINE"
{sign_in}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Write a complete file; its password stands beside it."""
    (tmp_path / "password").write_text(SECRET + "\n")
    path = tmp_path / "winestream.toml"
    path.write_text(TOML.format(more="", sign_in='password_file = "password"'))
    return path


def _resolve(
    file: Path | None = None,
    variables: Mapping[str, str] | None = None,
    *flags: str,
) -> Resolution[ConsumerSettings]:
    entries: list[Entry] = list(from_toml(file)) if file else []
    entries += from_environment(variables or {})
    entries += from_assignments(list(flags))
    return resolve(ConsumerSettings, entries)


def _origins(resolution: Resolution[Any]) -> dict[str, tuple[str, str]]:
    return {shown.key: (shown.value, shown.origin) for shown in resolution.shown}


def test_a_file_alone_makes_a_consumers_settings(file: Path) -> None:
    """Durations, sizes, relative paths, dotted client properties, policies."""
    settings = _resolve(file).require()
    assert settings.topics == ("corks.returned",)
    assert settings.routes == {"my_service.events:CorkReturned": "RAW_CORKS"}
    assert settings.batch.max_bytes == 16_000_000
    assert settings.batch.linger == timedelta(seconds=2)
    assert settings.retry.quick_retries == 3
    assert settings.kafka["security.protocol"] == "SASL_SSL"
    assert settings.snowflake.sign_in()["password"] == SECRET
    assert settings.http.port == 8000


def test_flags_beat_the_environment_which_beats_the_file(file: Path) -> None:
    """And the listing says for each where it came from."""
    variables = {
        "WINESTREAM_BATCH__MAX_ROWS": "2000",
        "WINESTREAM_BATCH__LINGER": "3 min",
        "WINESTREAM_HTTP__STALLED_AFTER": "5 min",
        "WINESTREAM_SNOWFLAKE_ROLE": "LOADER",
        "WINESTREAM_KAFKA__CLIENT__ID": "me",
        "WINESTREAM_FINGERPRINTS": "yes",
        "WINESTREAM_LOG_LEVEL": "warning",
        "WINESTREAM_GROUP": "",
        "PATH": "/bin",
    }
    resolution = _resolve(file, variables, "batch.max_rows=3000", "topics=a, b")
    settings = resolution.require()
    assert settings.batch.max_rows == 3000
    assert settings.batch.linger == timedelta(minutes=3)
    assert settings.topics == ("a", "b")
    assert settings.kafka["client.id"] == "me"
    assert (settings.fingerprints, settings.log_level) == (True, "WARNING")
    assert settings.group == "cork-loader"
    origins = _origins(resolution)
    assert origins["batch.max_rows"] == ("3000", "--set batch.max_rows")
    assert origins["batch.linger"] == ("3min", "WINESTREAM_BATCH__LINGER")
    assert origins["batch.max_bytes"] == ("16000000", f"{file}, batch.max_bytes")
    assert origins["snowflake.role"] == ("LOADER", "WINESTREAM_SNOWFLAKE_ROLE")
    assert origins["batch.gap_linger"] == ("1min", "default")


def test_what_the_error_of_a_new_log_advises_is_a_setting(file: Path) -> None:
    """Both ways that it names, in code and as a flag, are the same policy."""
    said = str(NewLogError([LogPartition("cluster", "id", "corks", 0)]))
    flag = re.search(r"`winestream run` with --set (\S+);", said)
    assert flag is not None
    settings = _resolve(file, {}, flag[1]).require()
    assert settings.safety == SafetyPolicy(on_new_log="start")
    assert 'SafetyPolicy(on_new_log="start")' in said


def test_freshness_takes_the_lingers_place(file: Path) -> None:
    """The ceilings of the batch stay; without it the batch is all there is."""
    settings = _resolve(file, {}, "batch.linger=5s", "freshness=30s").require()
    assert settings.batching == FreshnessPolicy(
        objective=timedelta(seconds=30), max_rows=1000, max_bytes=16_000_000
    )
    assert _resolve(file).require().batching == BatchPolicy(
        linger=timedelta(seconds=2), max_rows=1000, max_bytes=16_000_000
    )


def test_the_environment_alone_is_enough() -> None:
    """A container has no file; routes come as one text."""
    settings = _resolve(
        None,
        {
            "WINESTREAM_PIPELINE": "corks",
            "WINESTREAM_TOPICS": "corks.returned,corks.kept",
            "WINESTREAM_GROUP": "g",
            "WINESTREAM_BOOTSTRAP": "b:9092",
            "WINESTREAM_ROUTES": "my.events:A=RAW_A, my.events:B=RAW_B",
            "WINESTREAM_START": "2026-01-31T00:00:00+00:00",
            "WINESTREAM_SNOWFLAKE_CONNECTION_NAME": "prod",
        },
    ).require()
    assert settings.topics == ("corks.returned", "corks.kept")
    assert settings.routes == {"my.events:A": "RAW_A", "my.events:B": "RAW_B"}
    assert settings.start == datetime(2026, 1, 31, tzinfo=UTC)
    assert settings.snowflake.method == "connection_name"


def test_secrets_come_by_file_or_environment(tmp_path: Path, file: Path) -> None:
    """Any secret may be named by a file of its own; none is ever shown."""
    (tmp_path / "kafka-password").write_text(SECRET)
    (tmp_path / "proxy").write_text(SECRET)
    file.write_text(
        TOML.format(more="", sign_in='proxy_host = "p"\nproxy_port = 1').replace(
            "[batch]", 'sasl.password_file = "kafka-password"\n[batch]'
        )
    )
    variables = {
        "WINESTREAM_SNOWFLAKE__PASSWORD": SECRET,
        "WINESTREAM_SNOWFLAKE__PROXY_USER": "u",
        "WINESTREAM_SNOWFLAKE__PROXY_PASSWORD_FILE": str(tmp_path / "proxy"),
        "WINESTREAM_KAFKA__SSL__KEY__PASSWORD": SECRET,
    }
    resolution = _resolve(file, variables)
    settings = resolution.require()
    assert settings.kafka["sasl.password"] == SECRET
    assert settings.kafka["ssl.key.password"] == SECRET
    assert settings.snowflake.proxy_password == SECRET
    origins = _origins(resolution)
    assert origins["kafka.sasl.password"][0] == "***"
    assert origins["snowflake.password"] == ("***", "WINESTREAM_SNOWFLAKE__PASSWORD")
    assert origins["kafka.ssl.ca.location"][0] == "/etc/ca.pem"
    assert SECRET not in repr(resolution)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('snowflake.password = "{s}"', "snowflake.password is a secret and a settings"),
        ('kafka."sasl.password" = "{s}"', "WINESTREAM_KAFKA__SASL__PASSWORD"),
        ('snowflake.options.passcode = "{s}"', "give a file of its own as"),
    ],
)
def test_a_secret_in_the_file_is_refused_with_the_reason(
    tmp_path: Path, line: str, says: str
) -> None:
    """It would end up in a repository. The message shows the way, not the secret."""
    path = tmp_path / "x.toml"
    path.write_text(line.format(s=SECRET))
    problems = " ".join(_resolve(path).problems)
    assert says in problems
    assert SECRET not in problems


def test_a_secret_as_a_flag_is_refused(file: Path) -> None:
    """It would show in the list of processes."""
    for key in ("snowflake.token", "kafka.sasl.password"):
        problems = _resolve(file, {}, f"{key}={SECRET}").problems
        assert f"--set {key} is a secret and flags show in process lists" in problems[0]
        assert SECRET not in str(problems)


@pytest.mark.parametrize(
    ("more", "variables", "says"),
    [
        ("pipline = 1", {}, "pipline is no setting: did you mean pipeline?"),
        ("[bacth]", {}, "bacth is no setting: did you mean batch?"),
        (
            "batch.max_row = 1",
            {},
            "batch.max_row is no setting: did you mean batch.max",
        ),
        ("zzz = 1", {}, "zzz is no setting"),
        (
            "",
            {"WINESTREAM_BATCH__MAX_ROW": "1"},
            "MAX_ROW is no setting: did you mean WINESTREAM_BATCH__MAX_ROWS?",
        ),
        ("", {"WINESTREAM_BATCH_LINGER": "1s"}, "mean WINESTREAM_BATCH__LINGER?"),
        ("batch.linger = 5", {}, "batch.linger: 5 has no unit"),
        (
            "",
            {"WINESTREAM_BATCH__LINGER": "5"},
            "WINESTREAM_BATCH__LINGER: '5' is no d",
        ),
        ("batch.max_rows = true", {}, "batch.max_rows: True is no whole number"),
        ("", {"WINESTREAM_BATCH__MAX_ROWS": "ten"}, "'ten' is no whole number"),
        ("batch.max_bytes = '1 crate'", {}, "batch.max_bytes: '1 crate' is no size"),
        ("safety.max_rejected = 'some'", {}, "safety.max_rejected: 'some' is no num"),
        ("safety.max_rejected = true", {}, "True is no number"),
        ("safety.on_new_log = 'stpo'", {}, "did you mean stop?"),
        ("fingerprints = 2", {}, "fingerprints: 2: write true or false"),
        (
            "insert_below = 5000",
            {},
            "insert_below: insert_below is 5000: give 0 (never)",
        ),
        ("group = 7", {}, "group: 7 is no text: put it in quotes"),
        ("topics = 7", {}, "topics: 7 is no list"),
        ("kafka.acks = []", {}, "kafka.acks: takes text, a number"),
        ("start = 'yesterday'", {}, "start: 'yesterday': write \"earliest\""),
        ("start = 2026-01-31T00:00:00", {}, "or a time with a zone"),
        ("", {"WINESTREAM_ROUTES": "a.b:C"}, "WINESTREAM_ROUTES: 'a.b:C': write KEY"),
        ("batch.max_rows = 0", {}, "batch.max_rows: max_rows must be positive"),
        ("http.port = 70000", {}, "http.port: port 70000 is none"),
        ("drain = '4min'", {}, "drain: drain (0:04:00) must be at most half of"),
        ("batch.linger = '9min'", {}, "batch.linger: http.stalled_after (0:03:00)"),
        ("freshness = '30s'", {}, "freshness and batch.linger both say when"),
        (
            "freshness = '0s'",
            {"WINESTREAM_BATCH__LINGER": "5s"},
            "objective must be positive",
        ),
        (
            "freshness = '4min'",
            {"WINESTREAM_BATCH__LINGER": "5s"},
            "freshness: http.stalled_after (0:03:00) must be longer than freshness",
        ),
        ("pipeline = '1st'", {}, "pipeline: pipeline '1st' must be a letter"),
        ("bootstrap = 'a, b'", {}, "bootstrap: bootstrap is host:port"),
        ("topics = []", {}, "topics: topics is empty"),
        ("snowflake.host = 1", {}, "snowflake.host: 1 is no text"),
        (
            "snowflake.token_file = '/nowhere'",
            {"WINESTREAM_SNOWFLAKE_PASSWORD": SECRET},
            "token_file and password and password_file are 3 ways",
        ),
        (
            "",
            {
                "WINESTREAM_SNOWFLAKE_PROXY_PASSWORD": SECRET,
                "WINESTREAM_SNOWFLAKE_PROXY_PASSWORD_FILE": "/nowhere",
            },
            "PROXY_PASSWORD and WINESTREAM_SNOWFLAKE_PROXY_PASSWORD_FILE: give one",
        ),
        (
            "",
            {"WINESTREAM_SNOWFLAKE_PRIVATE_KEY_PASSPHRASE_FILE": "/nowhere"},
            "PASSPHRASE_FILE /nowhere: No such file",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_place(
    tmp_path: Path, file: Path, more: str, variables: Mapping[str, str], says: str
) -> None:
    """File and key, or variable; the nearest name; what would be right."""
    key = more.partition(" =")[0].strip()
    kept = [
        line
        for line in file.read_text().splitlines()
        if not (key and line.startswith(f"{key} ="))
    ]
    weaker = tuple(from_toml(_write(file, "\n".join(kept))))
    stronger = tuple(from_toml(_write(tmp_path / "more.toml", more)))
    repeated = {entry.path for entry in stronger}
    entries = [entry for entry in weaker if entry.path not in repeated]
    resolution = resolve(
        ConsumerSettings, [*entries, *stronger, *from_environment(variables)]
    )
    problems = "\n".join(resolution.problems)
    assert says in problems
    assert SECRET not in problems
    assert resolution.settings is None


def test_every_problem_is_told_at_once() -> None:
    """Nobody wants to fix settings one restart at a time."""
    problems = _resolve(None, {"WINESTREAM_BATCH__LINGER": "5"}).problems
    for name in ("pipeline", "topics", "group", "bootstrap", "routes"):
        assert any(problem.startswith(f"{name} is missing") for problem in problems)
    assert any("WINESTREAM_BATCH__LINGER" in problem for problem in problems)
    assert any("say where to sign in" in problem for problem in problems)
    with pytest.raises(ConfigurationError, match="pipeline is missing"):
        _resolve().require()


def test_a_file_that_is_none_says_why(tmp_path: Path) -> None:
    """Missing, no TOML (with the line), no text."""
    path = tmp_path / "x.toml"
    with pytest.raises(ConfigurationError, match=r"x\.toml: No such file"):
        from_toml(path)
    with pytest.raises(ConfigurationError, match=r"is no TOML: .*line 2"):
        from_toml(_write(path, "\na = ?\n"))
    path.write_bytes(b"\xff")
    with pytest.raises(ConfigurationError, match="is no UTF-8"):
        from_toml(path)
    with pytest.raises(ConfigurationError, match="write KEY=VALUE"):
        from_assignments(["nothing"])


def _write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path
