"""An HTTP proxy before the warehouse that loses requests or answers on demand.

`cut` names the step at which the line breaks, and whether the statement still reaches
the warehouse. From then on nothing passes until `heal`, so that the connector's own
retries, under the same request id, are outlasted.
"""

import gzip
import http.client
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, Self

from warehouse_world import step_of

Lost = Literal["request", "answer"]
HANG_SECONDS = 30.0


class CuttingProxy:
    """A context manager; `connection` is the warehouse's, through the proxy."""

    def __init__(self, connection: dict[str, Any]) -> None:
        self._target = connection["host"], connection["port"]
        self._step: str | None = None
        self._lost: Lost = "answer"
        self._broken = threading.Event()
        self._healed = threading.Event()
        self._hang = self._once = False
        self.cuts = 0
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                proxy.pass_on(self)

            do_GET = do_PUT = do_HEAD = do_POST  # noqa: N815 — as the base calls them

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self.connection = connection | {
            "host": "127.0.0.1",
            "port": self._server.server_port,
        }

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._healed.set()
        self._server.shutdown()
        self._server.server_close()

    def cut(
        self, step: str, lost: Lost, *, hang: bool = False, once: bool = False
    ) -> None:
        """Break the line at the next statement of this step.

        With `hang` no statement is answered, not even by a closed connection; with
        `once` the line is whole again right after.
        """
        self._healed.clear()
        self._step, self._lost = step, lost
        self._hang, self._once = hang, once

    def heal(self) -> None:
        """Let everything pass again."""
        self._step = None
        self._broken.clear()
        self._healed.set()

    def pass_on(self, request: BaseHTTPRequestHandler) -> None:
        """Forward one request, or part of the way only."""
        size = int(request.headers.get("Content-Length") or 0)
        body = request.rfile.read(size)
        if self._broken.is_set():
            self._drop(request)
            return
        at_the_cut = self._step is not None and self._step_of(request, body)
        if at_the_cut:
            self.cuts += 1
            self._step = None
            if not self._once:
                self._broken.set()
        if at_the_cut and self._lost == "request":
            self._drop(request)
            return
        answer = self._forward(request, body)
        if at_the_cut:
            self._drop(request)
            return
        status, headers, content = answer
        request.send_response_only(status)
        for name, value in headers:
            if name.lower() not in (
                "transfer-encoding",
                "content-length",
                "connection",
            ):
                request.send_header(name, value)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        if request.command != "HEAD":
            request.wfile.write(content)

    def _step_of(self, request: BaseHTTPRequestHandler, body: bytes) -> bool:
        if request.command == "PUT":
            return self._step == "upload"
        if "query-request" not in request.path:
            return False
        if request.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        return step_of(json.loads(body)["sqlText"]) == self._step

    def _forward(
        self, request: BaseHTTPRequestHandler, body: bytes
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        upstream = http.client.HTTPConnection(*self._target, timeout=HANG_SECONDS)
        try:
            # With its Host, so that uploads are told to come through here again.
            headers = dict(request.headers.items())
            upstream.request(request.command, request.path, body, headers)
            answer = upstream.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            upstream.close()

    def _drop(self, request: BaseHTTPRequestHandler) -> None:
        if self._hang and "query-request" in request.path:
            deadline = time.monotonic() + HANG_SECONDS
            while not self._healed.wait(0.05) and time.monotonic() < deadline:
                pass
        request.close_connection = True
        request.connection.close()
