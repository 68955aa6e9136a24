"""A small HTTP server of a few pages, for probes and scrapers. Knows no vendor."""

import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import attrs

from winestream.errors import ConfigurationError
from winestream.instrumentation.listening import Listening

_POLL_SECONDS = 0.2
"""How soon `close` is noticed."""


@attrs.frozen
class Page:
    """One answer."""

    body: bytes
    status: HTTPStatus = HTTPStatus.OK
    content_type: str = "application/json"


class StatusServer(Listening):
    """Serves pages until closed; a context manager. Port 0 picks a free one.

    Pages are made on the server's threads, one for each request at a time, so they
    must be quick and may not touch what another thread owns. One that raises answers
    500 without the reason. Answers GET and HEAD. Raises `ConfigurationError` when the
    port is taken.
    """

    def __init__(
        self, pages: Mapping[str, Callable[[], Page]], *, address: str, port: int
    ) -> None:
        try:
            server = _Server((address, port), _handler(pages))
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or error
            raise ConfigurationError(
                f"nothing can be served on {address}:{port} ({reason}): choose another "
                "http.port or stop what listens there"
            ) from None
        thread = threading.Thread(
            target=server.serve_forever,
            args=(_POLL_SECONDS,),
            name="status",
            daemon=True,
        )
        thread.start()
        super().__init__(server, thread, address)

    @property
    def url(self) -> str:
        """The address of its pages, without a path."""
        return self.origin


class _Server(ThreadingHTTPServer):
    daemon_threads = True  # a probe that hangs must not hold up the stop


def _handler(
    pages: Mapping[str, Callable[[], Page]],
) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 10.0

        def do_GET(self) -> None:
            self._answer(with_body=True)

        def do_HEAD(self) -> None:
            self._answer(with_body=False)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 — the base's name
            """Say nothing: a probe every few seconds is no news."""

        def _answer(self, *, with_body: bool) -> None:
            page = _page(pages, self.path.partition("?")[0])
            self.send_response(page.status)
            self.send_header("Content-Type", page.content_type)
            self.send_header("Content-Length", str(len(page.body)))
            self.end_headers()
            if with_body:
                self.wfile.write(page.body)

    return Handler


def _page(pages: Mapping[str, Callable[[], Page]], path: str) -> Page:
    make = pages.get(path)
    if make is None:
        names = " ".join(pages).encode()
        return Page(b"there are " + names + b"\n", HTTPStatus.NOT_FOUND, "text/plain")
    try:
        return make()
    except Exception:  # noqa: BLE001 — a probe gets an answer, never a traceback
        return Page(b"{}", HTTPStatus.INTERNAL_SERVER_ERROR)
