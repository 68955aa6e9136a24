"""What containers need of the code: a warehouse that others reach, health, metrics."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from stack_files import metric_names

from full_stack.docker import healthy
from full_stack.wiring import METRICS_ADDRESS, metrics_address
from winestream.errors import ConfigurationError
from winestream.instrumentation.prometheus import PrometheusHook
from winestream.instrumentation.server import serve_metrics
from winestream.local import EmbeddedWarehouse, serve
from winestream.records import LogPartition
from winestream.telemetry import PartitionsAssigned


@contextmanager
def serving(data: Path, *options: str) -> Iterator[str]:
    """Run `winestream local serve`; yields its first line."""
    code = "from winestream.cli import main; main()"
    command = [sys.executable, "-c", code, "local", "serve", f"--data={data}", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline()
        finally:
            process.terminate()
            process.wait(30)
    assert process.returncode == 0


def test_an_empty_folder_is_begun_only_when_asked(tmp_path: Path) -> None:
    """`--create` serves an empty folder, on the address given; without it, refused."""
    with pytest.raises(ConfigurationError, match="holds no database"):
        serve(tmp_path)
    with serving(tmp_path, "--create", "--address=127.0.0.2") as said:
        assert "no database yet" in said
        assert "on 127.0.0.2:" in said


def test_all_addresses_are_not_one_to_connect_to(tmp_path: Path) -> None:
    """A warehouse that listens everywhere says 127.0.0.1 to who is on this machine."""
    everywhere = "0.0.0.0"  # noqa: S104 — what is tested
    with EmbeddedWarehouse.start(tmp_path, address=everywhere) as started:
        assert started.connection["host"] == "127.0.0.1"


def test_loopback_is_the_default(tmp_path: Path) -> None:
    """Whoever says nothing is reachable from this machine only."""
    with serving(tmp_path, "--create") as said:
        assert "on 127.0.0.1:" in said


def test_metrics_are_on_loopback_unless_told_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A container says 0.0.0.0; nobody else has to say anything."""
    monkeypatch.delenv(METRICS_ADDRESS, raising=False)
    assert metrics_address() == "127.0.0.1"
    monkeypatch.setenv(METRICS_ADDRESS, "127.0.0.2")
    assert metrics_address() == "127.0.0.2"


def test_a_warehouse_is_healthy_while_one_can_sign_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The check signs in and out; it fails, with a reason, when nobody answers."""
    monkeypatch.setattr(sys, "argv", ["healthy", "warehouse"])
    with EmbeddedWarehouse.start(tmp_path) as started:
        address = f"http://127.0.0.1:{started.port}"
        monkeypatch.setattr(healthy, "_WAREHOUSE", address)
        assert healthy.main() == 0
        started.kill()
        assert healthy.main() == 1
    assert capsys.readouterr().out.startswith("warehouse: healthy\nwarehouse: URLError")


def test_a_consumer_without_partitions_is_not_healthy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Serving metrics is not enough: the group must have given it something to read."""
    hook = PrometheusHook()
    with serve_metrics(hook.registry, port=0) as server:
        get = healthy._get
        monkeypatch.setattr(healthy, "_get", lambda _url: get(server.url))
        assert healthy.consumer() == "no partitions are assigned"
        one = LogPartition(
            cluster_id="c", topic_id="t", topic="wine.orders", partition=0
        )
        hook(PartitionsAssigned(frozenset({one})))
        assert healthy.consumer() == ""


def test_metrics_are_told_from_words() -> None:
    """The helper that reads PromQL sees metrics, not functions, labels or strings."""
    expression = (
        'sum by (le) (rate(a_bucket{x="b"}[5m])) / on (layer) group_left (c) d:e:sum '
        'and deriv(f[10m]) > bool 0 unless label_replace(g, "h", "i", "", "")'
    )
    assert metric_names(expression) == {"a_bucket", "d:e:sum", "f", "g"}
