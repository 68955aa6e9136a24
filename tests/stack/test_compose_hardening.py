"""The compose file: what its services may do, who reaches them, who keeps secrets."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from stack_files import STACK, read

from full_stack.docker.healthy import CHECKS

COMPOSE = read(STACK / "compose.yaml")
SERVICES: Mapping[str, Any] = COMPOSE["services"]
ONE_SHOT = {"topics", "deploy", "deploy-account"}
SECRET_FILES_OF_THE_USER = {"snowflake_private_key"}

services = pytest.mark.parametrize("name", SERVICES)


def _mounts(service: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for volume in service.get("volumes", ()):
        source, _, target = volume.partition(":")
        yield source, target


@services
def test_a_service_is_confined(name: str) -> None:
    """No capabilities, no new privileges, bounded logs; it restarts, or is one-shot."""
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["logging"]["options"].keys() == {"max-size", "max-file"}
    restart = "on-failure:3" if name in ONE_SHOT else "unless-stopped"
    assert service["restart"] == restart
    assert not service.get("privileged")


def test_only_two_file_systems_may_be_written() -> None:
    """All are read-only but Redpanda's, whose rpk writes its own configuration."""
    writable = {name for name in SERVICES if not SERVICES[name].get("read_only")}
    assert writable == {"redpanda", "topics"}


def test_only_the_sockets_proxy_is_root() -> None:
    """Docker's socket is mounted once, on a network without a way out."""
    roots = {n for n, s in SERVICES.items() if str(s.get("user", "")).startswith("0")}
    holders = {
        name
        for name, service in SERVICES.items()
        if any(source == "/var/run/docker.sock" for source, _ in _mounts(service))
    }
    assert roots == holders == {"docker_api"}
    assert SERVICES["docker_api"]["networks"] == ["docker-api"]
    assert COMPOSE["networks"]["docker-api"]["internal"] is True
    assert SERVICES["docker_api"]["environment"]["POST"] == "0"


@services
def test_host_ports_are_on_loopback(name: str) -> None:
    """Whatever is published is published on 127.0.0.1."""
    for port in SERVICES[name].get("ports", ()):
        assert port.startswith("127.0.0.1:"), port


@services
def test_images_are_pinned(name: str) -> None:
    """A version, never `latest`; what we build is called local."""
    image = SERVICES[name]["image"]
    tag = image.rsplit(":", 1)[1]
    if "build" in SERVICES[name]:
        assert tag == "local"
    else:
        assert any(character.isdigit() for character in tag), image
        assert tag.count(".") >= 2, f"{image} is pinned to its patch release"


@services
def test_health_is_really_asked(name: str) -> None:
    """Each lasting service has a check, by GET: a metrics endpoint answers no HEAD."""
    if name in ONE_SHOT:
        return
    test = SERVICES[name]["healthcheck"]["test"]
    assert test[0] in ("CMD", "CMD-SHELL")
    assert "--spider" not in test
    if "full_stack.docker.healthy" in test:
        assert test[-1] in CHECKS


def test_a_stop_waits_longer_than_a_flush() -> None:
    """The consumer's own stop takes at most 30 s; compose waits for twice that."""
    for name in ("consumer", "consumer-account"):
        assert int(SERVICES[name]["stop_grace_period"].removesuffix("s")) > 30


def test_secrets_are_files_and_nowhere_else() -> None:
    """No variable holds one, and init.sh makes each that a user does not bring."""
    made = (STACK / "secrets" / "init.sh").read_text(encoding="utf-8")
    for name, secret in COMPOSE["secrets"].items():
        assert secret.keys() == {"file"}
        assert secret["file"].startswith("./secrets/")
        assert name in made or name in SECRET_FILES_OF_THE_USER
    example = (STACK / ".env.example").read_text(encoding="utf-8")
    assert "PASSWORD" not in example
    for name, service in SERVICES.items():
        for key, value in service.get("environment", {}).items():
            if "PASSWORD" in key and not key.endswith("__FILE"):
                assert (key, value) == ("WINESTREAM_SNOWFLAKE_PASSWORD", "local"), name
