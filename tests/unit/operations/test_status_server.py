"""The pages that probes and scrapers ask for."""

import urllib.error
import urllib.request
from collections.abc import Iterator
from http import HTTPStatus

import pytest

from winestream.errors import ConfigurationError
from winestream.operations.status_server import Page, StatusServer


def _broken() -> Page:
    raise RuntimeError("hunter2")


@pytest.fixture
def server() -> Iterator[StatusServer]:
    """Serve three pages on a free port."""
    pages = {
        "/ready": lambda: Page(b"no\n", HTTPStatus.SERVICE_UNAVAILABLE),
        "/metrics": lambda: Page(b"x 1\n", content_type="text/plain"),
        "/broken": _broken,
    }
    with StatusServer(pages, address="127.0.0.1", port=0) as started:
        yield started


def _get(server: StatusServer, path: str, method: str = "GET") -> tuple[int, bytes]:
    request = urllib.request.Request(server.url + path, method=method)  # noqa: S310 — ours
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 — ours
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def test_a_page_has_its_status(server: StatusServer) -> None:
    """503 is an answer like any other; a query string does not matter."""
    assert _get(server, "/ready") == (503, b"no\n")
    assert _get(server, "/metrics?x=1") == (200, b"x 1\n")


def test_head_is_answered_without_a_body(server: StatusServer) -> None:
    """Some probes ask no more than that."""
    assert _get(server, "/metrics", "HEAD") == (200, b"")


def test_an_unknown_path_lists_the_pages(server: StatusServer) -> None:
    """404, and what there is."""
    code, body = _get(server, "/")
    assert (code, b"/ready /metrics" in body) == (404, True)


def test_a_page_that_raises_is_a_500_without_its_reason(server: StatusServer) -> None:
    """A traceback could quote what it should not."""
    code, body = _get(server, "/broken")
    assert (code, b"hunter2" in body) == (500, False)


def test_a_taken_port_names_the_setting(server: StatusServer) -> None:
    """The second of two consumers on one machine needs another one."""
    with pytest.raises(ConfigurationError, match=r"another http\.port"):
        StatusServer({}, address="127.0.0.1", port=server.port)


def test_closing_twice_is_closing_once(server: StatusServer) -> None:
    """The port is free afterwards."""
    server.close()
    server.close()
    with StatusServer({}, address="127.0.0.1", port=server.port):
        pass
