"""The compose file: valid, every reference resolves, and the design's order."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml
from stack_files import ROOT, STACK, WANTED, python_tool, read, run

from full_stack.wiring import (
    AUDIT_PORT,
    CONSUMER_PORT,
    DASHBOARD_PORT,
    GROUP,
    PIPELINE,
    PRODUCER_PORT,
    TOPICS,
)

COMPOSE = read(STACK / "compose.yaml")
SERVICES: Mapping[str, Any] = COMPOSE["services"]
ONE_SHOT = {"topics", "deploy", "deploy-account"}
MONITORING = {"prometheus", "alertmanager", "grafana", "node_exporter", "loki", "alloy"}

services = pytest.mark.parametrize("name", SERVICES)


def _needs(name: str) -> Mapping[str, Mapping[str, Any]]:
    needs: Mapping[str, Mapping[str, Any]] = SERVICES[name].get("depends_on", {})
    return needs


def _all_needs(name: str, *, hard: bool = False) -> set[str]:
    """Everything that starts before, or only what can keep `name` from starting."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        for each, how in _needs(waiting.pop()).items():
            waits = how["condition"] != "service_started" or how.get("required", True)
            if each not in found and (waits or not hard):
                found.add(each)
                waiting.append(each)
    return found


def _mounts(service: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for volume in service.get("volumes", ()):
        source, _, target = volume.partition(":")
        yield source, target


@pytest.mark.skipif(not WANTED, reason="WINESTREAM_TEST_STACK=1 runs it")
def test_the_file_follows_the_compose_specification() -> None:
    """compose.yaml is valid by the schema of the Compose specification."""
    checker = python_tool("check-jsonschema")
    run(checker, "--builtin-schema", "vendor.compose-spec", STACK / "compose.yaml")


@services
def test_every_reference_of_a_service_resolves(name: str) -> None:
    """Networks, volumes, secrets, services and mounted files all exist."""
    service = SERVICES[name]
    assert set(service["networks"]) <= COMPOSE["networks"].keys()
    assert set(service.get("secrets", ())) <= COMPOSE["secrets"].keys()
    assert _needs(name).keys() <= SERVICES.keys()
    for source, _ in _mounts(service):
        if source.startswith("."):
            assert (STACK / source).exists(), source
        elif not source.startswith("/"):
            assert source in COMPOSE["volumes"], source
    build = service.get("build")
    if build:
        context = (STACK / build["context"]).resolve()
        assert context == ROOT
        assert (context / build["dockerfile"]).is_file()


def test_nothing_is_declared_and_not_used() -> None:
    """Each volume, secret and network has a service."""
    used = {source for service in SERVICES.values() for source, _ in _mounts(service)}
    secrets = {s for service in SERVICES.values() for s in service.get("secrets", ())}
    networks = {n for service in SERVICES.values() for n in service["networks"]}
    assert COMPOSE["volumes"].keys() <= used
    assert COMPOSE["secrets"].keys() == secrets
    assert COMPOSE["networks"].keys() == networks


def test_the_network_has_the_sources_name() -> None:
    """It is called kafka-network, whatever the project is called."""
    assert COMPOSE["networks"]["kafka-network"]["name"] == "kafka-network"


@services
def test_a_dependency_is_in_the_same_profile_or_not_required(name: str) -> None:
    """No profile leaves a service waiting for one that does not run."""
    mine = set(SERVICES[name].get("profiles", ()))
    for each, how in _needs(name).items():
        theirs = set(SERVICES[each].get("profiles", ()))
        assert not theirs or mine <= theirs or not how.get("required", True)
        if mine and theirs:
            assert mine <= theirs, f"{name} waits for {each} of another profile"


@services
def test_the_order_has_no_circle(name: str) -> None:
    """Nothing waits for itself, by whatever way."""
    assert name not in _all_needs(name)


@services
def test_conditions_can_be_met(name: str) -> None:
    """Healthy is asked of who has a health check, completion of one-shots only."""
    for each, how in _needs(name).items():
        match how["condition"]:
            case "service_healthy":
                assert "healthcheck" in SERVICES[each]
            case "service_completed_successfully":
                assert each in ONE_SHOT
            case condition:
                assert condition == "service_started"
                assert each not in ONE_SHOT


@pytest.mark.parametrize(
    ("later", "earlier"),
    [
        ("topics", "redpanda"),
        ("console", "topics"),
        ("producer", "console"),
        ("consumer", "topics"),
        ("consumer", "deploy"),
        ("consumer-account", "deploy-account"),
        ("deploy", "warehouse"),
        ("audit", "deploy"),
        ("audit-account", "deploy-account"),
        ("dashboard", "deploy"),
        ("dashboard-account", "deploy-account"),
        ("prometheus", "console"),
        ("grafana", "prometheus"),
    ],
)
def test_the_start_follows_the_design(later: str, earlier: str) -> None:
    """Redpanda, topics, Console, producer; deploy, consumer; Prometheus, Grafana."""
    assert earlier in _all_needs(later)


def test_what_is_waited_for_is_ready() -> None:
    """Redpanda is healthy before topics, which are made before who uses them."""
    assert _needs("topics")["redpanda"]["condition"] == "service_healthy"
    assert _needs("deploy")["warehouse"]["condition"] == "service_healthy"
    for name in ("console", "producer", "consumer", "consumer-account"):
        needed = _needs(name)["topics"]["condition"]
        assert needed == "service_completed_successfully"


@pytest.mark.parametrize("consumer", ["consumer", "consumer-account"])
def test_the_stop_follows_the_design(consumer: str) -> None:
    """Compose stops dependents first: consumer, producer, monitoring, Redpanda."""
    assert "producer" in _needs(consumer)
    assert _all_needs("producer") >= MONITORING | {"redpanda"}
    for name in MONITORING:
        assert "redpanda" in _all_needs(name), name
    assert "warehouse" in _all_needs("consumer")
    stopped_before_nothing = [name for name in SERVICES if not _needs(name)]
    assert set(stopped_before_nothing) == {"redpanda", "warehouse", "deploy-account"}


@pytest.mark.parametrize("name", ["producer", "consumer", "consumer-account"])
def test_a_broken_monitoring_never_holds_up_ingestion(name: str) -> None:
    """Nothing that ingestion has to wait for is monitoring."""
    assert not _all_needs(name, hard=True) & (MONITORING | {"console", "docker_api"})


def test_the_ports_are_the_designs() -> None:
    """Each service has the port that documents, dashboards and people know."""
    published = {
        name: {int(port.split(":")[1]) for port in service.get("ports", ())}
        for name, service in SERVICES.items()
    }
    for name, port in {
        "prometheus": 9090,
        "alertmanager": 9093,
        "grafana": 3000,
        "console": 8080,
        "dashboard": DASHBOARD_PORT,
        "dashboard-account": DASHBOARD_PORT,
        "audit": AUDIT_PORT,
        "audit-account": AUDIT_PORT,
        "consumer": CONSUMER_PORT,
        "producer": PRODUCER_PORT,
    }.items():
        assert published[name] == {port}


@pytest.mark.parametrize("profile", ["embedded", "account"])
def test_each_warehouse_comes_with_everything(profile: str) -> None:
    """Whichever profile is taken: a consumer, an audit and a dashboard run."""
    running = {
        name
        for name, service in SERVICES.items()
        if profile in service.get("profiles", [profile])
    }
    suffix = "" if profile == "embedded" else "-account"
    for name in ("deploy", "consumer", "audit", "dashboard"):
        assert name + suffix in running
    assert ("warehouse" in running) == (profile == "embedded")
    aliases = [
        alias
        for name in running
        if isinstance(SERVICES[name]["networks"], dict)
        for alias in SERVICES[name]["networks"]["kafka-network"]["aliases"]
    ]
    assert sorted(aliases) == ["audit", "consumer"], "what Prometheus asks for"


@pytest.mark.parametrize("name", ["audit", "audit-account"])
def test_the_audit_asks_for_this_pipeline(name: str) -> None:
    """It audits the consumer's pipeline and group, and serves the layers' freshness."""
    command = SERVICES[name]["command"]
    for part in (f"--pipeline={PIPELINE}", f"--group={GROUP}", "--freshness"):
        assert part in command
    assert f"--metrics-port={AUDIT_PORT}" in command


def test_every_variable_is_explained() -> None:
    """What compose.yaml takes from the environment is in .env.example."""
    text = (STACK / "compose.yaml").read_text(encoding="utf-8").replace("$$", "")
    asked = {part.split(":-")[0].split("}")[0] for part in text.split("${")[1:]}
    example = (STACK / ".env.example").read_text(encoding="utf-8")
    given = {line.split("=")[0] for line in example.splitlines() if "=" in line}
    assert asked <= given


def test_topics_are_the_examples_own() -> None:
    """The one-shot makes the topics, with the partitions, that the code expects."""
    command = SERVICES["topics"]["command"]
    assert {part for part in command if part.startswith("wine.")} == TOPICS.keys()
    assert set(TOPICS.values()) == {6}
    assert "--partitions=6" in command


def test_prometheus_keeps_fifteen_days_and_scrapes_what_runs() -> None:
    """Retention is 15 d; each target is a service, or Prometheus itself."""
    assert "--storage.tsdb.retention.time=15d" in SERVICES["prometheus"]["command"]
    config = read(STACK / "monitoring" / "prometheus" / "prometheus.yml")
    assert config["global"]["scrape_interval"] == "15s"
    for job in config["scrape_configs"]:
        for group in job.get("static_configs", ()):
            for target in group["targets"]:
                host = target.split(":")[0]
                assert host in SERVICES or host == "localhost"


def test_the_yaml_has_no_key_twice() -> None:
    """A second key of the same name would silently replace the first."""

    class Strict(yaml.SafeLoader):
        pass

    def mapping(loader: Strict, node: yaml.MappingNode) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value if key.value != "<<"]
        assert len(keys) == len(set(keys)), keys
        loader.flatten_mapping(node)
        return loader.construct_mapping(node)

    Strict.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, mapping)
    for file in [STACK / "compose.yaml", *STACK.glob("monitoring/**/*.yml")]:
        yaml.load(file.read_text(encoding="utf-8"), Strict)  # noqa: S506 — a SafeLoader
