"""A running demo, watched by a real Prometheus, Alertmanager and node_exporter.

They run with the committed configuration. Only this is changed: addresses, since
there are no containers; times, since nobody waits for minutes; secrets' files.
"""

import http.server
import json
import subprocess
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final, Self

import attrs
import yaml
from alert_sinks import Sinks, sinks
from stack_files import MONITORING, PROMETHEUS, read, tool

from full_stack.stack import Stack, Wish, free_port
from full_stack.wiring import GROUP
from winestream.local.broker_metrics import BrokerMetrics

START_SECONDS: Final = 60.0
STOP_SECONDS: Final = 20.0

STANDS_IN: Final = """\
# The audit and the tasks are not part of this demo yet; this stands in for what serves
# their figures, with the names and labels that it will have.
audit_ok 1
audit_offending 0
layer_freshness_seconds{layer="STAGING"} 12
layer_freshness_seconds{layer="PRODUCTION"} 30
"""


class Daemon:
    """A program of Debian's, with its output in a file; ends by its pid."""

    def __init__(self, command: list[str], log: Path) -> None:
        self._command, self._log = command, log
        self.start()

    def start(self) -> None:
        """Start it, or start it again."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)

    def stop(self) -> None:
        """SIGTERM, and SIGKILL if that takes too long."""
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


@attrs.define
class Live:
    """Everything that runs, and how to ask it."""

    demo: Stack
    node: Daemon
    sinks: Sinks
    prometheus: str
    alertmanager: str

    def api(self, path: str, **parameters: str) -> Any:
        """Ask Prometheus' API; returns the data of a successful answer."""
        query = urllib.parse.urlencode(parameters)
        content = get(f"{self.prometheus}/api/v1/{path}?{query}")
        answer = json.loads(content)
        assert answer["status"] == "success", answer
        return answer["data"]

    def values(self, expression: str) -> list[float]:
        """Return the values of an instant query."""
        data = self.api("query", query=expression)
        if data["resultType"] == "scalar":
            return [float(data["result"][1])]
        return [float(series["value"][1]) for series in data["result"]]

    def firing(self) -> set[str]:
        """Return the names of the alerts that Prometheus says are firing."""
        return {
            alert["labels"]["alertname"]
            for alert in self.api("alerts")["alerts"]
            if alert["state"] == "firing"
        }


def get(url: str) -> str:
    """GET from loopback."""
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 — ours
            content: str = answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.read().decode()
    return content


def until(what: str, true: Callable[[], object], seconds: float = 90.0) -> None:
    """Ask until it is so; fails with `what` when that takes too long."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            if true():
                return
        except OSError:
            pass
        assert time.monotonic() < deadline, what
        time.sleep(0.5)


@contextmanager
def live(folder: Path) -> Iterator[Live]:
    """Start the demo and what watches it; stop everything in order."""
    with ExitStack() as running:
        enter = running.enter_context
        caught = enter(sinks())
        wish = Wish(
            events=0, rate=40.0, seed=1855, poison=0.02, data=folder / "demo", live=True
        )
        demo = enter(Stack(wish))
        broker = enter(
            BrokerMetrics.start(demo.broker.bootstrap, groups=[GROUP], every=1.0)
        )
        ports = {
            "consumer:8000": demo.consumer_port,
            "producer:8001": demo.producer_port,
            "redpanda:9644": broker.port,
            "node_exporter:9100": free_port(9100),
            "alertmanager:9093": free_port(9093),
            "localhost:9090": free_port(9090),
            "audit:8002": enter(_stand_in()),
        }
        addresses = {name: f"127.0.0.1:{port}" for name, port in ports.items()}
        node = enter(
            Daemon(
                [
                    tool("prometheus-node-exporter"),
                    f"--web.listen-address={addresses['node_exporter:9100']}",
                ],
                folder / "node_exporter.log",
            )
        )
        alertmanager = addresses["alertmanager:9093"]
        enter(
            Daemon(
                [
                    tool("prometheus-alertmanager"),
                    f"--config.file={_alertmanager(folder, caught)}",
                    f"--storage.path={folder / 'alertmanager'}",
                    f"--web.listen-address={alertmanager}",
                    "--cluster.listen-address=",
                ],
                folder / "alertmanager.log",
            )
        )
        prometheus = addresses["localhost:9090"]
        enter(
            Daemon(
                [
                    tool("prometheus"),
                    f"--config.file={_prometheus(folder, addresses)}",
                    f"--storage.tsdb.path={folder / 'prometheus'}",
                    f"--web.listen-address={prometheus}",
                ],
                folder / "prometheus.log",
            )
        )
        for address in (prometheus, alertmanager):
            until(
                f"{address} is not ready, see {folder}",
                lambda at=address: "not" not in get(f"http://{at}/-/ready").lower(),
                START_SECONDS,
            )
        yield Live(demo, node, caught, f"http://{prometheus}", f"http://{alertmanager}")


def _prometheus(folder: Path, addresses: dict[str, str]) -> Path:
    config = read(PROMETHEUS / "prometheus.yml")
    config["global"] = {
        "scrape_interval": "1s",
        "scrape_timeout": "1s",
        "evaluation_interval": "1s",
    }
    config["rule_files"] = [str(folder / "rules" / "*.yml")]
    text = yaml.safe_dump(config)
    targets = read(PROMETHEUS / "targets" / "audit.yml") or [
        {"targets": ["audit:8002"]}
    ]
    audit = yaml.safe_dump(targets)
    for name, address in addresses.items():
        text, audit = text.replace(name, address), audit.replace(name, address)
    (folder / "targets").mkdir()
    (folder / "targets" / "audit.yml").write_text(audit)
    (folder / "rules").mkdir()
    for file in (PROMETHEUS / "rules").glob("*.yml"):
        content = read(file)
        for rule in (rule for group in content["groups"] for rule in group["rules"]):
            if "for" in rule:
                rule["for"] = "3s"
        (folder / "rules" / file.name).write_text(yaml.safe_dump(content))
    made = folder / "prometheus.yml"
    made.write_text(text)
    return made


def _alertmanager(folder: Path, caught: Sinks) -> Path:
    config = read(MONITORING / "alertmanager" / "alertmanager.yml")
    secrets = {
        "smtp_password": "sesame",
        "slack_webhook_url": caught.url("slack"),
        "pagerduty_routing_key": "0" * 32,
    }
    (folder / "secrets").mkdir()
    for name, content in secrets.items():
        (folder / "secrets" / name).write_text(content)
    config["global"]["smtp_smarthost"] = f"127.0.0.1:{caught.smtp_port}"
    config["global"]["smtp_require_tls"] = False
    for route in (config["route"], *config["route"]["routes"]):
        route["group_wait"], route["group_interval"] = "1s", "2s"
    for receiver in config["receivers"]:
        for page in receiver.get("pagerduty_configs", ()):
            page["url"] = caught.url("pagerduty")
        receiver["webhook_configs"] = [{"url": caught.url("webhook")}]
    made = folder / "alertmanager.yml"
    text = yaml.safe_dump(config).replace("/run/secrets", str(folder / "secrets"))
    made.write_text(text)
    return made


@contextmanager
def _stand_in() -> Iterator[int]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(STANDS_IN.encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
