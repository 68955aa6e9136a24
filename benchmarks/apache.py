"""A real Apache Kafka on loopback: KRaft nodes from Maven Central's jars.

Needs Java 17 and Maven. The jars (44 MB) go to build/apache-kafka and stay there. A
broker keeps its port and data through `kill` and `restart`, as a machine would. The
benchmarks and tests/kafka share it.
"""

import base64
import shutil
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Self

import attrs
from confluent_kafka.admin import AdminClient

VERSION = "4.3.1"
JARS = Path(__file__).parents[1] / "build" / "apache-kafka"
_SMALL_JVM = ("-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
READY_SECONDS, STOP_SECONDS, FETCH_SECONDS = 90.0, 20.0, 600.0

_POM = """<project xmlns="http://maven.apache.org/POM/4.0.0">
<modelVersion>4.0.0</modelVersion>
<groupId>local</groupId><artifactId>jars</artifactId><version>1</version>
<dependencies>
{}
<dependency><groupId>org.apache.logging.log4j</groupId>
<artifactId>log4j-slf4j-impl</artifactId><version>2.25.4</version></dependency>
</dependencies></project>
"""
_DEPENDENCY = f"""<dependency><groupId>org.apache.kafka</groupId>
<artifactId>{{}}</artifactId><version>{VERSION}</version></dependency>"""
LOG4J = """Configuration:
  Appenders:
    Console: {name: E, target: SYSTEM_ERR, PatternLayout: {pattern: "%d %p %c{1} %m%n"}}
  Loggers: {Root: {level: WARN, AppenderRef: [{ref: E}]}}
"""
# One node, quick groups, compaction and retention within a second.
_PROPERTIES: Mapping[str, object] = {
    "process.roles": "broker,controller",
    "controller.listener.names": "CONTROLLER",
    "auto.create.topics.enable": "false",
    "group.initial.rebalance.delay.ms": 0,
    "group.min.session.timeout.ms": 1000,
    "group.consumer.min.heartbeat.interval.ms": 300,
    "group.consumer.heartbeat.interval.ms": 300,
    "group.consumer.min.session.timeout.ms": 2000,
    "group.consumer.session.timeout.ms": 3000,
    "offsets.topic.replication.factor": 1,
    "offsets.topic.num.partitions": 3,
    "transaction.state.log.replication.factor": 1,
    "transaction.state.log.min.isr": 1,
    "transaction.state.log.num.partitions": 3,
    "share.coordinator.state.topic.replication.factor": 1,
    "share.coordinator.state.topic.min.isr": 1,
    "log.retention.check.interval.ms": 500,
    "log.cleaner.backoff.ms": 200,
}

# Three nodes that notice within some seconds that one of them is gone.
_OF_THREE: Mapping[str, object] = {
    "broker.session.timeout.ms": 3000,
    "broker.heartbeat.interval.ms": 500,
    "controller.quorum.election.timeout.ms": 500,
    "controller.quorum.fetch.timeout.ms": 1500,
    "default.replication.factor": 3,
    "min.insync.replicas": 2,
    "offsets.topic.replication.factor": 3,
    "transaction.state.log.replication.factor": 3,
    "transaction.state.log.min.isr": 2,
    "share.coordinator.state.topic.replication.factor": 3,
    "share.coordinator.state.topic.min.isr": 2,
}


class NoKafkaError(Exception):
    """Java or Maven cannot be had, or the jars cannot be fetched: why."""


def fetch(jars: Path = JARS, artifacts: Sequence[str] = ("kafka_2.13",)) -> None:
    """Fetch these of Kafka's jars unless they are there. Raises `NoKafkaError`."""
    for program in ("java", "mvn"):
        if shutil.which(program) is None:
            raise NoKafkaError(
                f"{program} is not installed (Debian: default-jdk, maven)"
            )
    if all(list(jars.glob(f"{name}-{VERSION}.jar")) for name in artifacts):
        return
    jars.mkdir(parents=True, exist_ok=True)
    pom = jars / "pom.xml"
    pom.write_text(_POM.format("\n".join(map(_DEPENDENCY.format, artifacts))))
    command = ["mvn", "-q", "-B", "-f", str(pom), "dependency:copy-dependencies"]
    command += [f"-DoutputDirectory={jars.resolve()}", "-DincludeScope=runtime"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=FETCH_SECONDS
    )
    if done.returncode:
        raise NoKafkaError(f"Maven cannot fetch Kafka: {done.stdout[-500:]}")


def free_ports(count: int) -> list[int]:
    """Return ports of loopback nobody listens on."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()


@attrs.frozen
class Place:
    """A node's place in a cluster: its number, and everybody's controller port."""

    node: int
    controllers: Mapping[int, int]
    cluster_id: str

    @classmethod
    def of(cls, nodes: int) -> "list[Place]":
        """Return the places of a new cluster."""
        numbers = range(1, nodes + 1)
        controllers = dict(zip(numbers, free_ports(nodes), strict=True))
        cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        return [cls(number, controllers, cluster_id) for number in numbers]


class ApacheKafka:
    """One broker; a context manager, or call `close`.

    `properties` are added to the server's; `listener` is the client's protocol and
    `admin` the client settings by which readiness is asked for. `scram` gives users
    and passwords that exist from the start. With a `place` it is one of several, and
    not started: alone it would wait for the others. `jvm` are Java's options; the
    default is small and quick to start, for tests.
    """

    def __init__(
        self,
        data: Path,
        *,
        properties: Mapping[str, object] | None = None,
        listener: str = "PLAINTEXT",
        admin: Mapping[str, object] | None = None,
        scram: Mapping[str, str] | None = None,
        place: Place | None = None,
        jvm: Sequence[str] = _SMALL_JVM,
    ) -> None:
        fetch()
        self._jvm = jvm
        self.data = data
        data.mkdir(parents=True, exist_ok=True)
        self.place = place or Place.of(1)[0]
        [self.port] = free_ports(1)
        self.bootstrap = f"127.0.0.1:{self.port}"
        self.admin_settings = {"bootstrap.servers": self.bootstrap, **(admin or {})}
        self._configure(listener, properties or {})
        self._format(scram or {})
        self._process: subprocess.Popen[bytes] | None = None
        if place is None:
            self.start()

    @property
    def pid(self) -> int:
        """The broker's process id."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start on the data there is, and wait until it answers."""
        self.spawn()
        self.wait()

    def spawn(self) -> None:
        """Start on the data there is."""
        with (self.data / "broker.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*self._java(self._jvm), "kafka.Kafka", str(self._config)],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait(self) -> None:
        """Wait until it answers. Raises `NoKafkaError`."""
        assert self._process is not None
        give_up = time.monotonic() + READY_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > give_up:
                self.kill()
                said = (self.data / "broker.log").read_text()[-2000:]
                raise NoKafkaError(f"Kafka did not start: {said}")
            time.sleep(0.1)

    def kill(self) -> None:
        """SIGKILL, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def restart(self) -> None:
        """Start again on the same port and data, killed before or not."""
        self.stop()
        self.start()

    def stop(self) -> None:
        """SIGTERM, and SIGKILL only if that takes too long."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def close(self) -> None:
        """Stop, and remove the data."""
        self.stop()
        shutil.rmtree(self.data, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -------------------------------------------------------------------- privately

    def _configure(self, listener: str, properties: Mapping[str, object]) -> None:
        (self.data / "log4j2.yaml").write_text(LOG4J)
        here, place = f"127.0.0.1:{self.port}", self.place
        voters = [f"{n}@127.0.0.1:{port}" for n, port in place.controllers.items()]
        controller = f"CONTROLLER://127.0.0.1:{place.controllers[place.node]}"
        settings = {
            **_PROPERTIES,
            "node.id": place.node,
            "controller.quorum.voters": ",".join(voters),
            "listeners": f"{listener}://{here},{controller}",
            "advertised.listeners": f"{listener}://{here}",
            "listener.security.protocol.map": (
                f"CONTROLLER:PLAINTEXT,{listener}:{listener}"
            ),
            "inter.broker.listener.name": listener,
            "log.dirs": self.data / "log",
            **properties,
        }
        self._config = self.data / "server.properties"
        lines = [f"{name}={value}\n" for name, value in settings.items()]
        self._config.write_text("".join(lines))

    def _format(self, scram: Mapping[str, str]) -> None:
        command = [*self._java(_SMALL_JVM), "kafka.tools.StorageTool", "format"]
        command += ["-t", self.place.cluster_id, "-c", str(self._config)]
        for user, password in scram.items():
            command += ["-S", f"SCRAM-SHA-512=[name={user},password={password}]"]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=READY_SECONDS
        )
        if done.returncode:
            raise NoKafkaError(f"formatting failed: {done.stderr[-1000:]}")

    def _java(self, options: Sequence[str]) -> list[str]:
        log4j = f"-Dlog4j2.configurationFile={self.data / 'log4j2.yaml'}"
        return ["java", *options, log4j, "-cp", f"{JARS.resolve()}/*"]

    def _answers(self) -> bool:
        try:
            with closing(socket.create_connection(("127.0.0.1", self.port), 0.2)):
                pass
            settings: dict[str, Any] = {**self.admin_settings, "log_level": 0}
            admin = AdminClient(settings)
            return bool(admin.list_topics(timeout=2).brokers)
        except Exception:  # noqa: BLE001 — not yet
            return False


class ThreeBrokers:
    """Three brokers of one cluster; a context manager."""

    def __init__(self, data: Path) -> None:
        self.nodes = {
            place.node: ApacheKafka(
                data / str(place.node), properties=_OF_THREE, place=place
            )
            for place in Place.of(3)
        }
        self.bootstrap = ",".join(node.bootstrap for node in self.nodes.values())

    def __enter__(self) -> Self:
        try:
            for node in self.nodes.values():
                node.spawn()
            for node in self.nodes.values():
                node.wait()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def _close(self) -> None:
        for node in self.nodes.values():
            node.kill()  # one by one, the last would wait for a quorum
            node.close()
