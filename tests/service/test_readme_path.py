"""The README's way to production, walked on the warehouse as it is printed."""

import importlib
import re
import shlex
from pathlib import Path

import pytest
from cork_project import run
from snowflake.connector import connect

from winestream import BatchingSink, Routes
from winestream.kafka import KafkaSource
from winestream.snowflake import SnowflakeWriter
from winestream.testing.service import ServiceUnderTest

README = Path(__file__).parents[2] / "README.md"


def _commands(text: str) -> list[list[str]]:
    """Return the words of the block that makes the tables, a list per command."""
    [block] = re.findall(r"```console\n(\$ winestream schema.*?)```", text, re.DOTALL)
    lines = block.replace("\\\n", " ").splitlines()
    return [shlex.split(line.removeprefix("$ ")) for line in lines]


def test_the_way_to_production_lands_an_event(
    winestream_service: ServiceUnderTest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The class of the first example, its table by both commands, and a row in it."""
    service, text = winestream_service, README.read_text("utf-8")
    example = text.partition("```python\n")[2].partition("routes =")[0]
    (tmp_path / "cork_service.py").write_text(example)
    (tmp_path / "migrations").mkdir()
    signed_in = {
        "WINESTREAM_SNOWFLAKE_ACCOUNT": "local",
        "WINESTREAM_SNOWFLAKE_USER": "winestream",
        "WINESTREAM_SNOWFLAKE_PASSWORD": "local",
        "WINESTREAM_SNOWFLAKE_HOST": "127.0.0.1",
        "WINESTREAM_SNOWFLAKE_PORT": str(service.warehouse.port),
        "WINESTREAM_SNOWFLAKE_PROTOCOL": "http",
    }
    for program, *printed in _commands(text):
        assert program == "winestream"
        words = [service.database if word == "ANALYTICS" else word for word in printed]
        target = words[words.index(">") + 1] if ">" in words else None
        words = words[:-2] if target else words
        code, out, errors = run(tmp_path, *words, **signed_in)
        assert (code, errors) == (0, "")
        if target is not None:
            (tmp_path / target).write_text(out)
    assert "registered RAW_CORKS for corks" in out

    monkeypatch.syspath_prepend(tmp_path)
    cork = importlib.import_module("cork_service").CorkReturned
    topic, routes = service.topic("corks"), Routes({cork: "RAW_CORKS"})
    service.produce(topic, routes, [cork(wine_id="pomerol-2015")])
    BatchingSink(
        KafkaSource([topic], group=service.group, bootstrap=service.bootstrap),
        routes,
        SnowflakeWriter(service.connection, pipeline="corks"),
        pipeline="corks",
    ).run(until_caught_up=True)
    with connect(**service.connection.sign_in()) as connection:
        cursor = connection.cursor()
        rows = cursor.execute("SELECT WINE_ID FROM RAW.CORK_RETURNED").fetchall()
        tasks = cursor.execute("SHOW TASKS IN DATABASE").fetchall()
    assert (rows, tasks) == ([("pomerol-2015",)], [])
