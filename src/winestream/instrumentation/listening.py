"""What each small HTTP server of ours has: an address, and an orderly end."""

import threading
from http.server import HTTPServer
from types import TracebackType
from typing import Self


class Listening:
    """A server that serves on a daemon thread; a context manager that closes itself.

    The thread being a daemon, a process that ends does not wait for it.
    """

    def __init__(
        self, server: HTTPServer, thread: threading.Thread, address: str
    ) -> None:
        self._server, self._thread = server, thread
        self._closed = False
        self.address = address

    @property
    def port(self) -> int:
        """The port it listens on, also where 0 was asked for."""
        return self._server.server_port

    @property
    def origin(self) -> str:
        """The address of its pages, without a path."""
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"http://{host}:{self.port}"

    def close(self) -> None:
        """Stop serving and free the port. Safe to call again."""
        if self._closed:
            return
        self._closed = True
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
