"""The control of a running demo, for its page and for `full_stack.break_it`.

    GET  /state           targets, what is broken, events
    POST /break/consumer  202: it is being broken; 409: it is broken already

On loopback only. A web page on another site could make a visitor's browser POST here,
so whatever carries an `Origin`, as every such request does, is refused.
"""

import json
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from full_stack.breaking import Breaker
from winestream.instrumentation.listening import Listening

_BREAK = "/break/"


class Control(Listening):
    """Serves a breaker on 127.0.0.1; a context manager. Port 0 picks a free one."""

    def __init__(self, breaker: Breaker, port: int) -> None:
        server = ThreadingHTTPServer(("127.0.0.1", port), _handler(breaker))
        server.daemon_threads = True
        thread = threading.Thread(
            target=server.serve_forever, args=(0.1,), name="control", daemon=True
        )
        thread.start()
        super().__init__(server, thread, "127.0.0.1")


def _handler(breaker: Breaker) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 10.0

        def do_GET(self) -> None:
            if self.path == "/state":
                self._answer(HTTPStatus.OK, breaker.state())
            else:
                self._answer(HTTPStatus.NOT_FOUND, {"error": "there is /state"})

        def do_POST(self) -> None:
            name = self.path.removeprefix(_BREAK)
            if self.headers.get("Origin") is not None:
                self._answer(HTTPStatus.FORBIDDEN, {"error": "not from a web page"})
            elif not self.path.startswith(_BREAK) or name not in breaker.targets:
                known = [_BREAK + target for target in breaker.targets]
                self._answer(HTTPStatus.NOT_FOUND, {"error": f"there are {known}"})
            elif not breaker.break_(name):
                self._answer(HTTPStatus.CONFLICT, {"error": f"{name} is not up yet"})
            else:
                self._answer(HTTPStatus.ACCEPTED, {"breaking": name})

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 — the base's name
            """Say nothing: the page asks every second."""

        def _answer(self, status: HTTPStatus, content: object) -> None:
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler
