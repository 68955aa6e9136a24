"""Where alerts end up in a test: a webhook, and what looks like Slack and others."""

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import takewhile
from typing import Any, Final

import attrs

_ACCEPTED: Final = {"/webhook": 200, "/slack": 200, "/pagerduty": 202}


@attrs.define
class Sinks:
    """What arrived so far. Handler threads append, tests read."""

    webhook: list[Any] = attrs.field(factory=list)
    slack: list[Any] = attrs.field(factory=list)
    pagerduty: list[Any] = attrs.field(factory=list)
    mail: list[str] = attrs.field(factory=list)
    http_port: int = 0
    smtp_port: int = 0

    def url(self, path: str) -> str:
        """Return the address of one of the HTTP sinks."""
        return f"http://127.0.0.1:{self.http_port}/{path}"


@contextmanager
def sinks() -> Iterator[Sinks]:
    """Serve all four on loopback until the end of the block."""
    seen = Sinks()
    with (
        ThreadingHTTPServer(("127.0.0.1", 0), _http(seen)) as http,
        _SmtpServer(("127.0.0.1", 0), _smtp(seen)) as smtp,
    ):
        seen.http_port = http.server_port
        seen.smtp_port = smtp.server_address[1]
        for server in (http, smtp):
            threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield seen
        finally:
            for server in (http, smtp):
                server.shutdown()


class _SmtpServer(socketserver.ThreadingTCPServer):
    daemon_threads = True


def _http(seen: Sinks) -> type[BaseHTTPRequestHandler]:
    class Http(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = _ACCEPTED.get(self.path, 404)
            if status != 404:
                getattr(seen, self.path[1:]).append(json.loads(body))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(b'{"status": "success"}' if status == 202 else b"ok")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Http


def _smtp(seen: Sinks) -> type[socketserver.StreamRequestHandler]:
    class Smtp(socketserver.StreamRequestHandler):
        """Just enough of RFC 5321 for one client that we know."""

        timeout = 30

        def handle(self) -> None:
            self._say("220 sink")
            for raw in self.rfile:
                word = raw[:4].upper()
                if word == b"DATA":
                    self._say("354 go on")
                    seen.mail.append(self._message())
                    self._say("250 kept")
                elif word == b"QUIT":
                    self._say("221 bye")
                    return
                else:
                    self._say("250 sink")

        def _message(self) -> str:
            lines = iter(self.rfile.readline, b"")
            ended = takewhile(lambda raw: raw.rstrip(b"\r\n") != b".", lines)
            return b"".join(ended).decode()

        def _say(self, text: str) -> None:
            self.wfile.write(text.encode() + b"\r\n")

    return Smtp
