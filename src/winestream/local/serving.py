"""Opens a finished run's warehouse again, for whoever wants to look at it."""

import signal
import sys
import threading
from pathlib import Path

from winestream.errors import ConfigurationError
from winestream.local.warehouse import EmbeddedWarehouse

_SNIPPET = """\
import snowflake.connector

connection = snowflake.connector.connect(
{arguments}
)
print(connection.cursor().execute("SHOW TABLES IN ACCOUNT").fetchall())
"""
_COMMAND = """
On the command line, here with audit (PIPELINE is the name of one that wrote there):

WINESTREAM_SNOWFLAKE_PASSWORD={password} winestream audit --account {account} \
--user {user} --host {host} --port {port} --protocol {protocol} --database {database} \
--pipeline PIPELINE
"""


def serve(
    data: Path,
    port: int | None = None,
    *,
    address: str = "127.0.0.1",
    create: bool = False,
) -> None:
    """Serve the databases in `data` until SIGINT or SIGTERM; prints how to connect.

    Nobody is asked for a password, so an `address` other than loopback belongs in a
    network of one's own, as between containers. A finished run stays as it is: no task
    runs by itself. With `create` an empty folder is begun, and tasks run. Call it from
    the main thread. Raises ConfigurationError if `data` is in use, or holds no database
    and is not to be begun.
    """
    if not create and not any(Path(data).glob("*.db")):
        raise ConfigurationError(
            f"{data} holds no database: give the data folder of a finished run."
        )
    stop = threading.Event()

    def asked_to_stop(_number: int, _frame: object) -> None:
        stop.set()

    previous = {
        number: signal.signal(number, asked_to_stop)
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        factor = 1.0 if create else 0.0
        with EmbeddedWarehouse.start(
            data, port, address=address, time_factor=factor
        ) as warehouse:
            sys.stdout.write(_instructions(warehouse))
            sys.stdout.flush()
            while not stop.wait(0.5):  # a plain wait would keep signals out
                pass
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _instructions(warehouse: EmbeddedWarehouse) -> str:
    connection = warehouse.connection
    arguments = "\n".join(f"    {k}={v!r}," for k, v in connection.items())
    names = sorted(file.stem for file in warehouse.data.glob("*.db"))
    databases = ", ".join(names) or "no database yet"
    return (
        f"Serving {databases} from {warehouse.data} "
        f"on {connection['host']}:{connection['port']}; Ctrl-C stops it.\n\n"
        + _SNIPPET.format(arguments=arguments)
        + _COMMAND.format(**connection, database=(names or ["DATABASE"])[0])
    )
