"""Keys made once, and a login endpoint that takes anybody and remembers who came."""

import gzip
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import attrs
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

PASSPHRASE = "open sesame"  # noqa: S105 — an example


@pytest.fixture(scope="session")
def rsa_key() -> rsa.RSAPrivateKey:
    """Make one key for all tests: it takes a moment."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="session")
def der(rsa_key: rsa.RSAPrivateKey) -> bytes:
    """Return what the connector is to get."""
    return rsa_key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


@pytest.fixture(scope="session")
def pem(rsa_key: rsa.RSAPrivateKey) -> str:
    """Return the key as openssl writes it."""
    return rsa_key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


@pytest.fixture(scope="session")
def locked_pem(rsa_key: rsa.RSAPrivateKey) -> str:
    """Return the key encrypted with `PASSPHRASE`."""
    return rsa_key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(PASSPHRASE.encode()),
    ).decode()


@attrs.frozen
class Logins:
    """What clients sent: path, proxy authorization, the request's data."""

    port: int
    seen: list[tuple[str, str | None, dict[str, Any]]]


_ANSWER = json.dumps(
    {
        "success": True,
        "data": {
            "token": "t",
            "masterToken": "m",
            "validityInSeconds": 3600,
            "masterValidityInSeconds": 14400,
            "sessionId": 1,
            "parameters": [],
            "sessionInfo": {"databaseName": "WINE", "roleName": "LOADER"},
        },
    }
).encode()


@pytest.fixture
def logins() -> Iterator[Logins]:
    """Serve sign-ins on loopback."""
    seen: list[tuple[str, str | None, dict[str, Any]]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            if "login-request" in self.path:
                data = json.loads(body)["data"]
                seen.append((self.path, self.headers.get("Proxy-Authorization"), data))
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(_ANSWER)))
            self.end_headers()
            self.wfile.write(_ANSWER)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield Logins(server.server_port, seen)
    server.shutdown()
    thread.join()
    server.server_close()
