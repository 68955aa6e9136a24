"""The embedded warehouse as a process: start, kill, restart, refusals, retries."""

import contextlib
import datetime as dt
import http.client
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import snowflake.connector
from snowflake.connector.errors import Error, ProgrammingError

from winestream.errors import ConfigurationError, WinestreamError
from winestream.local import EmbeddedWarehouse, serve
from winestream.operations.deploy import deploy, register_tables

pytestmark = pytest.mark.timeout(60)

TABLE = (
    "create table if not exists db.raw.raw_orders (event_id varchar, payload varchar)"
)


@contextlib.contextmanager
def connected(warehouse: EmbeddedWarehouse, **options: Any) -> Iterator[Any]:
    """Lend a cursor of a connection that is closed at the end."""
    given = {"database": "DB", "schema": "RAW", "autocommit": False, **options}
    connection = snowflake.connector.connect(**warehouse.connection, **given)
    try:
        yield connection.cursor()
    finally:
        connection.close()


def rows(cursor: Any, sql: str, *values: Any) -> list[Any]:
    """All rows that a statement answers."""
    return cursor.execute(sql, *values).fetchall()


def ended(pid: int, within: float = 10.0) -> bool:
    """Whether a process is gone, or goes within so many seconds."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False


@pytest.fixture(scope="module")
def warehouse() -> Iterator[EmbeddedWarehouse]:
    """One warehouse for the module."""
    with EmbeddedWarehouse.start() as started, connected(started) as cursor:
        cursor.execute(TABLE)
        yield started


def test_importing_the_front_door_is_light() -> None:
    """`import winestream.local` loads none of the vendors."""
    code = (
        "import sys, winestream.local;"
        "print([m for m in ('fakesnow', 'duckdb', 'confluent_kafka', 'starlette',"
        " 'uvicorn', 'sqlglot', 'pyarrow', 'snowflake') if m in sys.modules])"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, timeout=30
    )
    assert shown.stdout.strip() == b"[]"


def test_connection_is_a_fresh_dict_each_time(warehouse: EmbeddedWarehouse) -> None:
    """What one caller does to the arguments never reaches the next."""
    first = warehouse.connection
    first["session_parameters"]["AUTOCOMMIT"] = False
    first["user"] = "changed"
    assert warehouse.connection["user"] == "winestream"
    assert "AUTOCOMMIT" not in warehouse.connection["session_parameters"]
    assert {"database", "schema"}.isdisjoint(warehouse.connection)


def test_a_private_folder_goes_away_with_the_warehouse() -> None:
    """Without a data folder nothing is left on disk after `close`."""
    with EmbeddedWarehouse.start() as started:
        assert started.data.is_dir()
    assert not started.data.exists()
    assert ended(started.pid)


def test_committed_rows_stages_and_formats_survive_a_kill(tmp_path: Path) -> None:
    """SIGKILL loses what was open and nothing that was committed."""
    staged = tmp_path / "part.csv"
    staged.write_text("e9,{}\n")
    with EmbeddedWarehouse.start(tmp_path / "data") as started:
        port = started.connection["port"]
        with connected(started) as cursor:
            cursor.execute(TABLE)
            cursor.execute("create table db.raw.short (name varchar(3))")
            cursor.execute("create stage db.raw.ingest")
            cursor.execute("create file format db.raw.lines type = csv")
            cursor.execute("begin")
            cursor.execute("insert into raw_orders values ('committed', '{}')")
            cursor.execute("commit")
            cursor.execute(f"put file://{staged} @db.raw.ingest/a auto_compress=false")
            cursor.execute("begin")
            cursor.execute("insert into raw_orders values ('open', '{}')")
            started.kill()
        started.restart()
        assert started.connection["port"] == port
        with connected(started) as cursor:
            assert rows(cursor, "select event_id from raw_orders") == [("committed",)]
            assert len(rows(cursor, "list @db.raw.ingest")) == 1
            cursor.execute(
                "copy into raw_orders from @db.raw.ingest/a/part.csv "
                "file_format = (format_name = 'db.raw.lines')"
            )
            cursor.execute("commit")
            assert rows(cursor, "select count(*) from raw_orders") == [(2,)]
            with pytest.raises(ProgrammingError, match="too long") as refused:
                cursor.execute("insert into short values ('four')")
            assert refused.value.errno == 100078


def test_repeated_kills_lose_no_commit(tmp_path: Path) -> None:
    """Whatever COMMIT answered is there after each of several SIGKILLs."""
    with EmbeddedWarehouse.start(tmp_path) as started:
        with connected(started) as cursor:
            cursor.execute(TABLE)
        for number in range(4):
            with connected(started) as cursor:
                for part in range(5):
                    cursor.execute("begin")
                    name = f"{number}-{part}"
                    cursor.execute("insert into raw_orders values (%s, '')", (name,))
                    cursor.execute("commit")
                started.kill()
                started.restart()
            with connected(started) as cursor:
                found = rows(cursor, "select count(distinct event_id) from raw_orders")
                assert found == [((number + 1) * 5,)]


def test_a_session_of_before_a_restart_fails_at_once() -> None:
    """A client of a restarted warehouse gets an error, not a minute of retries."""
    with EmbeddedWarehouse.start() as started, connected(started) as cursor:
        started.restart()
        began = time.monotonic()
        with pytest.raises(Error) as gone:
            cursor.execute("select 1")
        assert time.monotonic() - began < 5
        assert gone.value.errno in (250001, 290401)  # connector 5, connector 4


def test_two_warehouses_never_share_a_data_folder(tmp_path: Path) -> None:
    """The second one is refused with an error that names the folder."""
    with (
        EmbeddedWarehouse.start(tmp_path),
        pytest.raises(ConfigurationError, match="in use by another") as refused,
    ):
        EmbeddedWarehouse.start(tmp_path)
    assert str(tmp_path) in str(refused.value)
    with EmbeddedWarehouse.start(tmp_path):
        pass  # free again


def test_calls_after_a_kill_raise() -> None:
    """A dead holder is an error of ours, within a bound, and can be closed."""
    with EmbeddedWarehouse.start() as started:
        started.kill()
        with pytest.raises(WinestreamError, match="ended before"):
            started.refuse(table="T", column="C", containing="x")


def test_the_holder_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    """A SIGKILLed parent leaves no warehouse and no lock behind."""
    code = (
        "import sys, time; from pathlib import Path;"
        "from winestream.local import EmbeddedWarehouse as W;"
        f"w = W.start(Path({str(tmp_path)!r}));"
        "print(w.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()
    assert ended(pid)
    with EmbeddedWarehouse.start(tmp_path):
        pass


def test_ctrl_c_does_not_reach_the_holder() -> None:
    """SIGINT, which a terminal sends to the whole group, is ignored."""
    with EmbeddedWarehouse.start() as started:
        os.kill(started.pid, signal.SIGINT)
        with connected(started) as cursor:
            assert rows(cursor, "select 1") == [(1,)]


def test_a_missing_extra_names_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without fakesnow the error says what to install."""
    broken = tmp_path / "fakesnow"
    broken.mkdir()
    missing = "raise ModuleNotFoundError('nothing', name='fakesnow')"
    (broken / "__init__.py").write_text(missing)
    search = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    monkeypatch.setenv("PYTHONPATH", search)
    with pytest.raises(ConfigurationError, match=r"pip install 'winestream\[local\]'"):
        EmbeddedWarehouse.start()


def test_a_holder_that_crashes_shows_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A start that fails otherwise raises with the holder's error output."""
    broken = tmp_path / "fakesnow"
    broken.mkdir()
    (broken / "__init__.py").write_text("raise RuntimeError('cellar flooded')")
    search = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    monkeypatch.setenv("PYTHONPATH", search)
    with pytest.raises(WinestreamError, match="cellar flooded"):
        EmbeddedWarehouse.start()


def test_refused_rows_fail_their_whole_statement(tmp_path: Path) -> None:
    """A marked row fails INSERT as an account's 100078 does, until accepted again."""
    marker = "corked-" + "x" * 60
    with EmbeddedWarehouse.start(tmp_path) as started:
        with connected(started) as cursor:
            cursor.execute(TABLE)
        started.refuse(table="RAW_ORDERS", column="PAYLOAD", containing=marker)
        for _ in ("before", "after the restart"):
            with connected(started) as cursor:
                cursor.execute("insert into raw_orders values ('good', 'fine')")
                cursor.execute("commit")
                with pytest.raises(ProgrammingError) as refused:
                    cursor.execute(
                        "insert into raw_orders values ('a', 'fine'), ('b', %s)",
                        (f"{marker} and more",),
                    )
                assert (refused.value.errno, refused.value.sqlstate) == (
                    100078,
                    "22000",
                )
                assert "is too long and would be truncated" in str(refused.value)
                assert marker not in str(refused.value)
                cursor.execute("rollback")
            started.restart()
        started.accept_all()
        with connected(started) as cursor:
            cursor.execute("insert into raw_orders values ('b', %s)", (marker,))
            cursor.execute("commit")
            assert rows(cursor, "select count(*) from raw_orders") == [(3,)]


def test_a_repeated_request_gets_the_first_answer(
    warehouse: EmbeddedWarehouse,
) -> None:
    """A retry under the same requestId never runs its statement a second time."""

    def post(path: str, body: dict[str, Any], token: str = "") -> dict[str, Any]:
        client = http.client.HTTPConnection("127.0.0.1", warehouse.port, timeout=10)
        headers = {"Content-Type": "application/json"}
        if token:
            headers["Authorization"] = f'Snowflake Token="{token}"'
        client.request("POST", path, json.dumps(body), headers)
        with contextlib.closing(client):
            answer: dict[str, Any] = json.loads(client.getresponse().read())
        return answer

    parameters = {"data": {"LOGIN_NAME": "u", "SESSION_PARAMETERS": {}}}
    login = post("/session/v1/login-request?databaseName=DB&schemaName=RAW", parameters)
    token = login["data"]["token"]
    insert = {"sqlText": "insert into raw_orders values ('once', '')"}
    query = "/queries/v1/query-request?requestId="
    first = post(query + "r1", insert, token)
    again = post(query + "r1", insert, token)
    assert first["success"]
    assert first["data"]["queryId"] == again["data"]["queryId"]
    with connected(warehouse) as cursor:
        found = "select count(*) from raw_orders where event_id = 'once'"
        assert rows(cursor, found) == [(1,)]
        post(query + "r2", insert, token)
        assert rows(cursor, found) == [(2,)]


def test_errors_are_sql_errors_and_come_at_once(warehouse: EmbeddedWarehouse) -> None:
    """Whatever cannot be run is an SQL error; nothing is retried for seconds."""
    with connected(warehouse, autocommit=True) as cursor:
        began = time.monotonic()
        for sql in (
            "selec 1",
            "select * from db.raw.nowhere",
            "select nonsense(1)",
            "call a_procedure()",
            "copy into raw_orders from @db.raw.no_stage/x.parquet",
            "create or replace task t schedule = '1 minute' as select 1 from",
            "select 1; select 2",
            "select " + "(" * 3000 + "1" + ")" * 3000,
        ):
            with pytest.raises(ProgrammingError):
                cursor.execute(sql)
        assert time.monotonic() - began < 5
        assert rows(cursor, "select 1") == [(1,)]


def test_serve_shows_a_finished_run(tmp_path: Path) -> None:
    """`serve` prints a snippet that connects as printed, and stops at SIGINT."""
    with EmbeddedWarehouse.start(tmp_path) as started, connected(started) as cursor:
        cursor.execute(TABLE)
    code = (
        "from pathlib import Path; from winestream.local import serve;"
        f"serve(Path({str(tmp_path)!r}), None)"
    )
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as serving:
        assert serving.stdout is not None
        shown = []
        for line in serving.stdout:
            shown.append(line)
            if line.startswith("print("):
                break
        snippet = "".join(shown[2:])
        found = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", snippet],
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        )
        assert "RAW_ORDERS" in found.stdout
        serving.send_signal(signal.SIGINT)
        assert serving.wait(15) == 0


def test_serve_prints_the_command_line_that_reaches_it(tmp_path: Path) -> None:
    """As printed, with a pipeline's name put in, an audit of a finished run is made."""
    with (
        EmbeddedWarehouse.start(tmp_path) as started,
        snowflake.connector.connect(
            **started.connection, database="CELLAR", autocommit=True
        ) as connection,
    ):
        deploy(connection)
        register_tables(connection, "shop", ["RAW_ORDERS"])
    code = (
        "from pathlib import Path; from winestream.local import serve;"
        f"serve(Path({str(tmp_path)!r}), None)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True
    ) as serving:
        assert serving.stdout is not None
        line = next(said for said in serving.stdout if said.startswith("WINESTREAM_"))
        password, program, *arguments = shlex.split(line.replace("PIPELINE", "shop"))
        name, _, value = password.partition("=")
        assert program == "winestream"
        main = "from winestream.cli import main; main()"
        kept = {k: v for k, v in os.environ.items() if "WINESTREAM" not in k}
        found = subprocess.run(
            [sys.executable, "-W", "error", "-c", main, *arguments],
            env=kept | {name: value},
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
        serving.send_signal(signal.SIGINT)
        assert serving.wait(15) == 0
    assert (found.returncode, found.stderr) == (0, "")
    assert "shop: nothing is off" in found.stdout


def test_serve_refuses_a_folder_without_a_run(tmp_path: Path) -> None:
    """An empty folder is a configuration error, not an empty warehouse."""
    with pytest.raises(ConfigurationError, match="holds no database"):
        serve(tmp_path, None)


def test_times_are_utc_whatever_the_machine(warehouse: EmbeddedWarehouse) -> None:
    """CURRENT_TIMESTAMP carries the UTC zone."""
    with connected(warehouse) as cursor:
        (moment,) = rows(cursor, "select current_timestamp()")[0]
    assert moment.utcoffset() == dt.timedelta(0)
