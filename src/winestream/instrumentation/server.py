"""Serves a registry to Prometheus, on loopback unless told otherwise."""

from types import TracebackType
from typing import Self

from prometheus_client import CollectorRegistry, start_http_server

from winestream.errors import ConfigurationError


class MetricsServer:
    """A running metrics endpoint; a context manager that closes itself.

    It has a daemon thread of its own, so a process that ends does not wait for it.
    """

    def __init__(self, registry: CollectorRegistry, port: int, address: str) -> None:
        try:
            self._server, self._thread = start_http_server(
                port, addr=address, registry=registry
            )
        except OSError as error:
            raise ConfigurationError(
                f"metrics cannot be served on {address}:{port} ({error.strerror}): "
                "choose another port or stop what listens there."
            ) from error
        self._closed = False
        self.address = address

    @property
    def port(self) -> int:
        """The port it listens on, also where 0 was asked for."""
        return self._server.server_port

    @property
    def url(self) -> str:
        """Where to GET the metrics; the endpoint answers no HEAD."""
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"http://{host}:{self.port}/metrics"

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


def serve_metrics(
    registry: CollectorRegistry, port: int = 8000, address: str = "127.0.0.1"
) -> MetricsServer:
    """Serve `registry` until the returned server is closed. Port 0 picks a free one.

    Inside a container give `address="0.0.0.0"` to be scraped from outside. Raises
    `ConfigurationError` when the port is taken.
    """
    return MetricsServer(registry, port, address)
