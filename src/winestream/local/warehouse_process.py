"""Holds the embedded warehouse: `python -m winestream.local.warehouse_process`.

Started by `EmbeddedWarehouse`, not by hand.
"""

import dataclasses
import datetime as dt
import logging
import os
import socket
import threading
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from winestream.errors import ConfigurationError
from winestream.local.holding import Operation, hold, settings

if TYPE_CHECKING:
    from winestream.local.server.chain import Chain
    from winestream.local.server.scheduler import Scheduler
    from winestream.local.server.sessions import Sessions
    from winestream.local.server.storage import Storage
    from winestream.local.server.taskstore import Run

_BIND = 10.0  # seconds for the port of a killed predecessor to become free
_START = 30.0
_CLOSE = 5.0  # an open statement may outlast it: what is committed is safe anyway
_KEEP_ALIVE = 3600  # seconds; an idle pipeline keeps its connection


def main() -> None:
    """Serve until the input ends, then write everything to disk and leave."""
    given = settings()
    opened: list[Storage] = []
    ticking: list[Scheduler] = []

    def prepare() -> tuple[dict[str, Any], Mapping[str, Operation]]:
        return _prepare(given, opened, ticking)

    hold(prepare)
    for scheduler in ticking:
        scheduler.close()
    for storage in opened:
        closing = threading.Thread(target=storage.close, daemon=True)
        closing.start()
        closing.join(_CLOSE)
        if given["temporary"]:
            storage.remove()
    # Server threads are still waiting for connections; nothing is left to save.
    os._exit(0)


def _prepare(
    given: dict[str, Any], opened: "list[Storage]", ticking: "list[Scheduler]"
) -> tuple[dict[str, Any], Mapping[str, Operation]]:
    from winestream.local.server import connector5  # noqa: PLC0415 - see `install`

    # These two name the statement they are about, and a statement may hold a payload.
    logging.getLogger("sqlglot").setLevel(logging.CRITICAL)
    logging.getLogger("snowflake").setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore", message="Arrow output on a DB-API result")
    connector5.install()
    from winestream.local.server.chain import Chain  # noqa: PLC0415 - needs the shim
    from winestream.local.server.http import Gateway  # noqa: PLC0415 - needs the shim
    from winestream.local.server.sessions import Sessions  # noqa: PLC0415 - as above
    from winestream.local.server.storage import Storage  # noqa: PLC0415 - as above

    listening = _listen(given["address"], given["port"])
    storage = Storage(Path(given["data"]))
    opened.append(storage)
    chain, sessions = Chain(storage), Sessions(storage)
    scheduler = _scheduler(storage, chain, sessions, float(given["time_factor"]))
    ticking.append(scheduler)
    _serve(Gateway(storage, chain, sessions), listening)

    def refuse(table: str, column: str, containing: str) -> None:
        chain.refusals.refuse(table, column, containing)

    def run_tasks(timeout: float) -> dict[str, Any]:
        runs, idle = scheduler.drain(timeout)
        return {"idle": idle, "runs": [_told(run) for run in runs]}

    operations: dict[str, Operation] = {
        "refuse": refuse,
        "accept_all": chain.refusals.accept_all,
        "run_tasks": run_tasks,
    }
    return {"port": listening.getsockname()[1]}, operations


def _scheduler(
    storage: "Storage", chain: "Chain", sessions: "Sessions", factor: float
) -> "Scheduler":
    from winestream.local.server.scheduler import Scheduler  # noqa: PLC0415 - as above
    from winestream.local.server.taskruns import TaskRuns  # noqa: PLC0415 - as above

    runs = TaskRuns(
        chain.tasks.store,
        chain.run,
        lambda database, schema: sessions.open("SYSTEM", database, schema, {}),
        sessions.close,
    )
    return Scheduler(chain.tasks, runs, chain.streams, storage.cursor(), factor)


def _told(run: "Run") -> dict[str, Any]:
    """Write a run as JSON; moments are ISO text."""
    told = dataclasses.asdict(run)
    return {
        name: value.isoformat() if isinstance(value, dt.datetime) else value
        for name, value in told.items()
    }


def _listen(address: str, port: int | None) -> socket.socket:
    deadline = time.monotonic() + _BIND
    while True:
        # Named by its protocol, or asyncio leaves Nagle's algorithm on for what this
        # socket accepts, and every answer waits 40 ms for a delayed acknowledgement.
        listening = socket.socket(
            socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP
        )
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((address, port or 0))
        except OSError as error:
            listening.close()
            if time.monotonic() > deadline:
                raise ConfigurationError(
                    f"port {port} of {address} cannot be used: {error.strerror}"
                ) from error
            time.sleep(0.1)
        else:
            return listening


def _serve(gateway: Any, listening: socket.socket) -> None:  # noqa: ANN401 - imported late
    import uvicorn  # noqa: PLC0415 - this process only

    config = uvicorn.Config(
        gateway.application(),
        log_level="critical",  # an error may quote SQL, and SQL may hold a payload
        access_log=False,
        lifespan="off",
        ws="none",
        timeout_keep_alive=_KEEP_ALIVE,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(
        target=server.run, kwargs={"sockets": [listening]}, daemon=True
    )
    thread.start()
    deadline = time.monotonic() + _START
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise ConfigurationError("the HTTP server did not start")
        time.sleep(0.01)


if __name__ == "__main__":
    main()
