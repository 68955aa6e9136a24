"""A running demo, watched by a real Prometheus, Alertmanager and node_exporter.

They run with the committed configuration, changed as `full_stack.native_monitoring`
says, and with secrets' files of their own.
"""

import json
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import attrs
import yaml
from alert_sinks import Sinks, sinks
from stack_files import MONITORING, read, tool

from full_stack.native_monitoring import (
    ALERTMANAGER,
    AUDIT,
    NODE,
    PROMETHEUS_ITSELF,
    prometheus_config,
)
from full_stack.ports import free_port
from full_stack.process import Process, foreign
from full_stack.stack import Stack, Wish
from full_stack.watchers import audit
from full_stack.wiring import GROUP
from winestream.local.broker_metrics import BrokerMetrics

START_SECONDS: Final = 60.0


@attrs.define
class Live:
    """Everything that runs, and how to ask it."""

    demo: Stack
    node: Process
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
            AUDIT: free_port(8002),
            NODE: free_port(9100),
            ALERTMANAGER: free_port(9093),
            PROMETHEUS_ITSELF: free_port(9090),
        }
        addresses = {name: f"127.0.0.1:{port}" for name, port in ports.items()}
        enter(audit(demo, ports[AUDIT], folder / "audit.log", every="2s"))
        node_command = [
            tool("prometheus-node-exporter"),
            f"--web.listen-address={addresses[NODE]}",
        ]
        node = enter(foreign(node_command, folder / "node_exporter.log"))
        alertmanager = addresses[ALERTMANAGER]
        enter(
            foreign(
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
        config = prometheus_config(folder, addresses, every="1s", patience="3s")
        prometheus = addresses[PROMETHEUS_ITSELF]
        enter(
            foreign(
                [
                    tool("prometheus"),
                    f"--config.file={config}",
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
