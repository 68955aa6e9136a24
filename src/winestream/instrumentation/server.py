"""Serves a registry to Prometheus, on loopback unless told otherwise."""

from prometheus_client import CollectorRegistry, start_http_server

from winestream.errors import ConfigurationError
from winestream.instrumentation.listening import Listening


class MetricsServer(Listening):
    """A running metrics endpoint; a context manager that closes itself.

    It has a daemon thread of its own, so a process that ends does not wait for it.
    """

    def __init__(self, registry: CollectorRegistry, port: int, address: str) -> None:
        try:
            server, thread = start_http_server(port, addr=address, registry=registry)
        except OSError as error:
            raise ConfigurationError(
                f"metrics cannot be served on {address}:{port} ({error.strerror}): "
                "choose another port or stop what listens there."
            ) from error
        super().__init__(server, thread, address)

    @property
    def url(self) -> str:
        """Where to GET the metrics; the endpoint answers no HEAD."""
        return f"{self.origin}/metrics"


def serve_metrics(
    registry: CollectorRegistry, port: int = 8000, address: str = "127.0.0.1"
) -> MetricsServer:
    """Serve `registry` until the returned server is closed. Port 0 picks a free one.

    Inside a container give `address="0.0.0.0"` to be scraped from outside. Raises
    `ConfigurationError` when the port is taken.
    """
    return MetricsServer(registry, port, address)
