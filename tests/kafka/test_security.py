"""SASL/SCRAM over TLS, and ACLs: what is refused, and what the error says to do."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from benchmarks.apache import ApacheKafka, NoKafkaError
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    ResourcePatternType,
    ResourceType,
)
from kafka_world import Cluster, Member, ids

from winestream.errors import FatalSourceError

Make = Callable[..., Member]
PASSWORD = "vin-de-table"  # noqa: S105 — an example
ADMIN = "cave-a-vin"


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApacheKafka]:
    """Start a broker with TLS, SCRAM users and no grants but the administrator's."""
    if os.environ.get("WINESTREAM_TEST_BROKERS"):
        pytest.skip("needs a broker of its own")
    folder = tmp_path_factory.mktemp("secure")
    pem, ca = folder / "server.pem", folder / "ca.pem"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost"
    command += f" -addext subjectAltName=IP:127.0.0.1 -keyout {pem} -out {ca}"
    subprocess.run(command.split(), check=True, capture_output=True, timeout=60)
    pem.write_text(pem.read_text() + ca.read_text())
    login = (
        "org.apache.kafka.common.security.scram.ScramLoginModule required "
        f'username="admin" password="{ADMIN}";'
    )
    scram = "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config"
    properties = {
        "sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "sasl.mechanism.inter.broker.protocol": "SCRAM-SHA-512",
        scram: login,
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": pem,
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": ca,
        "authorizer.class.name": (
            "org.apache.kafka.metadata.authorizer.StandardAuthorizer"
        ),
        "super.users": "User:admin;User:ANONYMOUS",
    }
    try:
        started = ApacheKafka(
            folder / "data",
            properties=properties,
            listener="SASL_SSL",
            admin=client(ca, "admin", ADMIN),
            scram={"admin": ADMIN, "sommelier": PASSWORD, "guest": PASSWORD},
        )
    except NoKafkaError as error:
        pytest.skip(str(error))
    with started:
        yield started


def client(ca: Path, user: str, password: str) -> dict[str, str]:
    """Return the settings by which a user signs in."""
    return {
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": user,
        "sasl.password": password,
        "ssl.ca.location": str(ca),
    }


@pytest.fixture(scope="module")
def admin(secure: ApacheKafka) -> Cluster:
    """Offer the broker as the administrator sees it."""
    return Cluster(secure.bootstrap, client(ca_of(secure), "admin", ADMIN))


def ca_of(secure: ApacheKafka) -> Path:
    """Return the certificate to trust."""
    return secure.data.parent / "ca.pem"


def grant(admin: Cluster, user: str, kind: ResourceType, name: str) -> None:
    """Grant READ, which implies DESCRIBE."""
    binding = AclBinding(
        kind,
        name,
        ResourcePatternType.LITERAL,
        f"User:{user}",
        "*",
        AclOperation.READ,
        AclPermissionType.ALLOW,
    )
    for future in admin.admin.create_acls([binding]).values():
        future.result(timeout=30)


def test_grants_one_by_one(secure: ApacheKafka, admin: Cluster, member: Make) -> None:
    """Each refusal is fatal and names the grant; with both, everything lands."""
    topic = admin.create()
    admin.produce(topic, range(50))
    mine = Cluster(secure.bootstrap, client(ca_of(secure), "sommelier", PASSWORD))
    refused = member(mine, topic)
    with pytest.raises(
        FatalSourceError, match="DESCRIBE on the consumer group"
    ) as told:
        refused.until(lambda: False, seconds=30)
    refused.close()
    grant(admin, "sommelier", ResourceType.GROUP, f"group-{topic}")
    again = member(mine, topic)
    with pytest.raises(FatalSourceError, match="DESCRIBE on the topic") as and_then:
        again.until(lambda: False, seconds=30)
    again.close()
    assert PASSWORD not in f"{told.value}{and_then.value}"
    grant(admin, "sommelier", ResourceType.TOPIC, topic)
    reader = member(mine, topic)
    reader.until(lambda: reader.rows == 50 and reader.lag() == 0)
    assert reader.ids() == ids(range(50))
    reader.exactly_once()


def test_a_wrong_password_is_fatal(
    secure: ApacheKafka, admin: Cluster, member: Make
) -> None:
    """It says which settings to check, and shows no secret."""
    topic = admin.create()
    wrong = Cluster(secure.bootstrap, client(ca_of(secure), "guest", "vinaigre"))
    reader = member(wrong, topic)
    with pytest.raises(FatalSourceError, match=r"check sasl\.mechanism") as told:
        reader.until(lambda: False, seconds=30)
    assert "vinaigre" not in str(told.value)
