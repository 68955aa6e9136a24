import socket
import threading
import urllib.request

import pytest
from prometheus_client import CollectorRegistry, Counter

from winestream.errors import ConfigurationError
from winestream.instrumentation.server import serve_metrics


@pytest.fixture
def registry() -> CollectorRegistry:
    """Return a registry with one counter at 3."""
    registry = CollectorRegistry()
    Counter("tastings", "Wines tasted.", registry=registry).inc(3)
    return registry


def test_a_registry_is_served_on_loopback(registry: CollectorRegistry) -> None:
    """GET /metrics answers; the address is 127.0.0.1 unless another is given."""
    with serve_metrics(registry, port=0) as server:
        assert server.url == f"http://127.0.0.1:{server.port}/metrics"
        with urllib.request.urlopen(server.url, timeout=5) as answer:  # noqa: S310 — our own
            assert answer.status == 200
            assert b"tastings_total 3.0" in answer.read()


def test_closing_frees_the_port_and_ends_the_thread(
    registry: CollectorRegistry,
) -> None:
    """The same port can be served again at once; closing twice is nothing special."""
    before = threading.active_count()
    server = serve_metrics(registry, port=0)
    port = server.port
    server.close()
    server.close()
    assert threading.active_count() == before
    with serve_metrics(registry, port=port) as again:
        assert again.port == port


def test_a_taken_port_is_named(registry: CollectorRegistry) -> None:
    """The error is about a setting, and says which address is taken."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=rf"127\.0\.0\.1:{port}.*another"):
            serve_metrics(registry, port=port)


def test_the_thread_does_not_keep_a_process_alive(registry: CollectorRegistry) -> None:
    """Every thread it starts is a daemon."""
    before = set(threading.enumerate())
    with serve_metrics(registry, port=0):
        started = set(threading.enumerate()) - before
        assert started
        assert all(thread.daemon for thread in started)
