"""A Snowflake account on one machine: DuckDB behind Snowflake's HTTP protocol.

The genuine connector talks to it. What passes here proves nothing about grants,
VALUES(PARSE_JSON(…)) or real isolation; see `server/` for what is imitated how.
"""

import datetime as dt
import os
import shutil
import tempfile
import threading
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from winestream.errors import ConfigurationError, WinestreamError
from winestream.local.holder import Holder

_MODULE = "winestream.local.warehouse_process"
_EVERYWHERE = "0.0.0.0"  # noqa: S104 - to listen on, when told to; not to connect to
_MARGIN = dt.timedelta(seconds=60)  # a run that has begun ends before the answer


@dataclass(frozen=True, slots=True)
class TaskRun:
    """One run of a task. `state` is SUCCEEDED or FAILED; `task` is `DB.SCHEMA.NAME`."""

    task: str
    state: str
    error_message: str | None
    scheduled_time: dt.datetime
    completed_time: dt.datetime


class EmbeddedWarehouse:
    """A warehouse in a process of its own; a context manager, or call `close`.

    Committed data survives `kill` and `restart`. Without `data` everything is in a
    private folder that goes away with the process. Every method may be called from
    any thread and raises WinestreamError when the process is gone.
    """

    def __init__(
        self,
        data: Path,
        port: int | None,
        address: str,
        *,
        temporary: bool,
        time_factor: float,
    ) -> None:
        self._lock = threading.Lock()
        self._time_factor = time_factor
        self._data, self._temporary = data, temporary
        self._address = address
        self._refusals: list[dict[str, str]] = []
        self._holder = self._start(port)
        self._port = int(self._holder.ready["port"])

    @classmethod
    def start(
        cls,
        data: Path | str | None = None,
        port: int | None = None,
        *,
        address: str = "127.0.0.1",
        time_factor: float = 1.0,
    ) -> "EmbeddedWarehouse":
        """Start one on `port` of `address` (IPv4), or on any that is free.

        For tasks time passes `time_factor` times as fast: with 60 what is scheduled
        every 5 minutes comes every 5 seconds. With 0 no task runs by itself; EXECUTE
        TASK and `run_tasks_until_idle` still run them.

        Nobody is asked for a password: keep it on loopback, or in a network of its
        own. Raises ConfigurationError if `data` is in use by another one, the port is
        taken, or the extra is not installed (`pip install 'winestream[local]'`).
        """
        if time_factor < 0:
            raise ConfigurationError("time_factor must not be negative.")
        if data is not None:
            folder = Path(data).resolve()
            return cls(folder, port, address, temporary=False, time_factor=time_factor)
        folder = Path(tempfile.mkdtemp(prefix="winestream-warehouse-"))
        try:
            return cls(folder, port, address, temporary=True, time_factor=time_factor)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    @property
    def connection(self) -> dict[str, Any]:
        """Arguments for `snowflake.connector.connect`, without a database or schema.

        A fresh dict each time: the connector changes what it is given.
        """
        # Or the connector asks the cloud's metadata service where this machine is.
        os.environ.setdefault("SNOWFLAKE_DISABLE_PLATFORM_DETECTION", "true")
        connection: dict[str, Any] = {
            "user": "winestream",
            "password": "local",  # nobody checks it
            "account": "local",
            "host": "127.0.0.1" if self._address == _EVERYWHERE else self._address,
            "port": self._port,
            "protocol": "http",
            "session_parameters": {"CLIENT_TELEMETRY_ENABLED": False},
        }
        if metadata.version("snowflake-connector-python") >= "5":
            # Connector 5 warns until it is told: sign out at close, ask nothing first.
            connection["enable_server_session_keep_alive_auto_detection"] = False
        return connection

    @property
    def port(self) -> int:
        """The port that it listens on; the same after `restart`."""
        return self._port

    @property
    def data(self) -> Path:
        """The folder that holds databases and stages."""
        return self._data

    @property
    def pid(self) -> int:
        """The holder's process id."""
        return self._holder.pid

    @property
    def alive(self) -> bool:
        """Whether the holder is running."""
        return self._holder.alive

    def refuse(self, *, table: str, column: str, containing: str) -> None:
        """From now on, fail each statement that brings in such a row.

        The error is a real account's for a value that does not fit: errno 100078,
        sqlstate 22000, the value shortened. In force after `restart`, too.
        """
        refusal = {"table": table, "column": column, "containing": containing}
        with self._lock:
            self._holder.ask("refuse", **refusal)
            self._refusals.append(refusal)

    def accept_all(self) -> None:
        """Take back every `refuse`."""
        with self._lock:
            self._refusals.clear()
            self._holder.ask("accept_all")

    def run_tasks_until_idle(
        self, timeout: dt.timedelta = dt.timedelta(seconds=60)
    ) -> tuple[TaskRun, ...]:
        """Run the resumed tasks until no stream that they wait for has data.

        Triggered tasks do not wait for their minimum interval, nor scheduled ones with
        data for their schedule; what EXECUTE TASK has asked for runs as well. A task
        that fails is not tried again, unless a rival's transaction was in its way.
        Returns the runs that ended meanwhile, oldest first, without skipped ones; see
        TASK_HISTORY for all. Raises WinestreamError if it takes longer than `timeout`,
        which is looked at between two runs.
        """
        answer = self._holder.ask_within(
            timeout + _MARGIN, "run_tasks", timeout=timeout.total_seconds()
        )
        if not answer["idle"]:
            raise WinestreamError(
                f"tasks still had data after {timeout.total_seconds():.0f} s."
            )
        return tuple(
            TaskRun(
                task=run["task"],
                state=run["state"],
                error_message=run["error_message"],
                scheduled_time=dt.datetime.fromisoformat(run["scheduled"]),
                completed_time=dt.datetime.fromisoformat(run["completed"]),
            )
            for run in answer["runs"]
        )

    def kill(self) -> None:
        """SIGKILL the process, as a crash would. Open transactions are lost."""
        self._holder.kill()

    def restart(self) -> None:
        """Start again on the same port and data, killed before or not.

        Sessions do not survive it: clients have to connect again.
        """
        with self._lock:
            if self._holder.alive:
                self._holder.kill()  # a restart is a crash that somebody planned
            self._holder = self._start(self._port)
            for refusal in self._refusals:
                self._holder.ask("refuse", **refusal)

    def close(self) -> None:
        """Write everything out, stop the process, remove a private folder."""
        self._holder.close()
        if self._temporary:
            shutil.rmtree(self._data, ignore_errors=True)

    def _start(self, port: int | None) -> Holder:
        settings = {
            "data": str(self._data),
            "port": port,
            "address": self._address,
            "temporary": self._temporary,
            "time_factor": self._time_factor,
        }
        return Holder(_MODULE, settings)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
