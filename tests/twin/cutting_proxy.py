"""An HTTP proxy before the warehouse that loses, holds up and delays on demand.

`cut` names the step at which the line breaks, and whether the statement still reaches
the warehouse. From then on nothing passes until `heal`, so that the connector's own
retries, under the same request id, are outlasted. A step is a statement's, as
`step_of` names it, and three more: `upload` is the file's way to the stage, `login`
the sign-in, and `set` the COMMIT of a write, told from a claim's by the
compare-and-set that came before it in the same session.
"""

import gzip
import http.client
import json
import random
import threading
import time
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, Self

from warehouse_world import step_of

Lost = Literal["request", "answer"]
HANG_SECONDS = 30.0
WRITE_COMMIT = "set"


class CuttingProxy:
    """A context manager; `connection` is the warehouse's, through the proxy."""

    def __init__(self, connection: dict[str, Any]) -> None:
        self._target = connection["host"], connection["port"]
        self._steps: frozenset[str] = frozenset()
        self._lost: Lost = "answer"
        self._broken = threading.Event()
        self._healed = threading.Event()
        self._hang = self._once = False
        self._outage: frozenset[str] | None = None
        self._delays: tuple[random.Random, float] | None = None
        self._compared: set[str] = set()
        self._lock = threading.Lock()
        self.cuts = 0
        self.delayed = 0
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                proxy.pass_on(self)

            do_GET = do_PUT = do_HEAD = do_POST  # noqa: N815 — as the base calls them

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = _Server(("127.0.0.1", 0), Handler)
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
        self._steps, self._lost = frozenset([step]), lost
        self._hang, self._once = hang, once

    def heal(self) -> None:
        """Let everything pass again."""
        self._steps, self._outage = frozenset(), None
        self._broken.clear()
        self._healed.set()

    def outage(self, *passing: str, hang: bool = False) -> None:
        """Let nothing pass but these steps, until `heal` or another outage."""
        self._healed.set()  # whoever hangs in the one before
        self._healed.clear()
        self._hang, self._outage = hang, frozenset(passing)

    def delay(self, chance: random.Random | None, longest: float = 0.0) -> None:
        """Hold half of the requests up, for at most so many seconds each."""
        self._delays = None if chance is None else (chance, longest)

    def pass_on(self, request: BaseHTTPRequestHandler) -> None:
        """Forward one request, or part of the way only."""
        size = int(request.headers.get("Content-Length") or 0)
        body = request.rfile.read(size)
        steps = self._steps_of(request, body)
        self._hold_up()
        outage = self._outage
        if self._broken.is_set() or (outage is not None and not steps & outage):
            self._drop(request)
            return
        at_the_cut = self._take_cut(steps)
        if at_the_cut and self._lost == "request":
            self._drop(request)
            return
        try:
            answer = self._forward(request, body)
        except OSError:  # the warehouse itself is gone
            request.close_connection = True
            return
        if at_the_cut:
            self._drop(request)
            return
        _answer(request, *answer)

    def _take_cut(self, steps: Iterable[str]) -> bool:
        with self._lock:
            if self._steps.isdisjoint(steps):
                return False
            self._steps = frozenset()
            self.cuts += 1
            if not self._once:
                self._broken.set()
            return True

    def _hold_up(self) -> None:
        if self._delays is not None:
            chance, longest = self._delays
            if chance.random() < 0.5:
                with self._lock:
                    self.delayed += 1
                time.sleep(chance.uniform(0, longest))

    def _steps_of(self, request: BaseHTTPRequestHandler, body: bytes) -> set[str]:
        if request.command == "PUT":
            return {"upload"}
        if "login-request" in request.path:
            return {"login"}
        if "query-request" not in request.path:
            return set()
        if request.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        step = step_of(json.loads(body)["sqlText"])
        session = str(request.headers.get("Authorization"))
        if step == "compare":
            self._compared.add(session)
        elif step == "commit" and session in self._compared:
            return {step, WRITE_COMMIT}
        elif step == "begin":
            self._compared.discard(session)
        return {step}

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


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *_: object) -> None:
        """Say nothing: a client that was killed is no fault of ours."""


def _answer(
    request: BaseHTTPRequestHandler,
    status: int,
    headers: list[tuple[str, str]],
    content: bytes,
) -> None:
    request.send_response_only(status)
    for name, value in headers:
        if name.lower() not in ("transfer-encoding", "content-length", "connection"):
            request.send_header(name, value)
    request.send_header("Content-Length", str(len(content)))
    request.end_headers()
    if request.command != "HEAD":
        request.wfile.write(content)
