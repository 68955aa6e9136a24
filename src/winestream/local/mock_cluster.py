"""librdkafka's mock cluster, which is inside the confluent-kafka wheel, by ctypes.

It is a broker in C threads: real protocol, real consumer groups, no disk. Its
limits: 5 MiB per partition, then the oldest goes; transactions are pretended; mixed
assignors in one group abort the process, which is why a process of its own holds it.
"""

import contextlib
import ctypes
import secrets
import socket
import struct
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from winestream.errors import ConfigurationError, WinestreamError

_BROKER = 1  # one broker, number 1, which is the controller as well
_ID_SIZE = 32  # bytes of the cluster's id, at the very start of its structure
_ID_PREFIX = b"mockCluster"
_FIRST_BROKER = 48  # offset of the list of brokers: id, client pointer, controller
_ADDRESS_WITHIN = 256  # bytes of a broker's structure in which its address must be
_TOPIC_EXISTS = 36
_FIRST_REBALANCE_MS = 100  # real brokers wait 3 s for a group's members
_KIP848_HEARTBEAT_MS = 300

_POINTER, _TEXT, _INT = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
_I16, _I32 = ctypes.c_int16, ctypes.c_int32
_SIGNATURES = {
    "rd_kafka_conf_new": (_POINTER, []),
    "rd_kafka_conf_set": (
        _INT,
        [_POINTER, _TEXT, _TEXT, _TEXT, ctypes.c_size_t],
    ),
    "rd_kafka_new": (_POINTER, [_INT, _POINTER, _TEXT, ctypes.c_size_t]),
    "rd_kafka_destroy": (None, [_POINTER]),
    "rd_kafka_mock_cluster_new": (_POINTER, [_POINTER, _INT]),
    "rd_kafka_mock_cluster_destroy": (None, [_POINTER]),
    "rd_kafka_mock_cluster_bootstraps": (_TEXT, [_POINTER]),
    "rd_kafka_mock_set_controller_id": (_INT, [_POINTER, _I32]),
    "rd_kafka_mock_topic_create": (_INT, [_POINTER, _TEXT, _INT, _INT]),
    "rd_kafka_mock_push_request_errors_array": (
        None,
        [_POINTER, _I16, ctypes.c_size_t, ctypes.POINTER(_INT)],
    ),
    "rd_kafka_mock_clear_request_errors": (None, [_POINTER, _I16]),
    "rd_kafka_mock_start_request_tracking": (None, [_POINTER]),
    "rd_kafka_mock_clear_requests": (None, [_POINTER]),
    "rd_kafka_mock_get_requests": (
        ctypes.POINTER(_POINTER),
        [_POINTER, ctypes.POINTER(ctypes.c_size_t)],
    ),
    "rd_kafka_mock_request_api_key": (_I16, [_POINTER]),
    "rd_kafka_mock_request_destroy_array": (
        None,
        [ctypes.POINTER(_POINTER), ctypes.c_size_t],
    ),
    "rd_kafka_mock_broker_set_down": (_INT, [_POINTER, _I32]),
    "rd_kafka_mock_broker_set_up": (_INT, [_POINTER, _I32]),
    "rd_kafka_mock_broker_set_rtt": (_INT, [_POINTER, _I32, _INT]),
    "rd_kafka_mock_broker_set_host_port": (None, [_POINTER, _I32, _TEXT, _INT]),
    "rd_kafka_mock_group_initial_rebalance_delay_ms": (None, [_POINTER, _I32]),
    "rd_kafka_mock_set_group_consumer_session_timeout_ms": (None, [_POINTER, _INT]),
    "rd_kafka_mock_set_group_consumer_heartbeat_interval_ms": (
        None,
        [_POINTER, _INT],
    ),
}


def _library() -> ctypes.CDLL:
    import confluent_kafka  # noqa: PLC0415 - the holder's process only

    package = Path(confluent_kafka.__file__).parent
    folders = (package.parent / "confluent_kafka.libs", package / ".dylibs")
    found = [f for folder in folders for f in sorted(folder.glob("librdkafka*"))]
    if not found:
        raise ConfigurationError(
            "this build of confluent-kafka does not bundle librdkafka, so there is no "
            "embedded broker in it: install the wheel from PyPI."
        )
    # The same file as the one already loaded, hence the same library.
    library = ctypes.CDLL(str(found[0].resolve()))
    for name, (result, arguments) in _SIGNATURES.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


class MockCluster:
    """One broker on a port of 127.0.0.1. Lives as long as the process."""

    def __init__(self, port: int | None, session_timeout_ms: int) -> None:
        self._library = _library()
        configuration = self._library.rd_kafka_conf_new()
        reason = ctypes.create_string_buffer(512)
        self._library.rd_kafka_conf_set(
            configuration, b"log_level", b"2", reason, len(reason)
        )
        self._client = self._library.rd_kafka_new(0, configuration, reason, len(reason))
        if not self._client:
            raise WinestreamError(f"librdkafka: {reason.value.decode()}")
        self._cluster = self._library.rd_kafka_mock_cluster_new(self._client, 1)
        if not self._cluster:
            raise WinestreamError("librdkafka could not start its mock cluster")
        self.cluster_id = self._name_anew()
        call = self._library
        # Without a controller there is no describe_cluster, hence no cluster id.
        call.rd_kafka_mock_set_controller_id(self._cluster, _BROKER)
        call.rd_kafka_mock_group_initial_rebalance_delay_ms(
            self._cluster, _FIRST_REBALANCE_MS
        )
        call.rd_kafka_mock_set_group_consumer_session_timeout_ms(
            self._cluster, session_timeout_ms
        )
        call.rd_kafka_mock_set_group_consumer_heartbeat_interval_ms(
            self._cluster, _KIP848_HEARTBEAT_MS
        )
        self._seen: Counter[int] | None = None
        self._pushed: dict[int, tuple[int, int]] = {}
        bootstraps = call.rd_kafka_mock_cluster_bootstraps(self._cluster)
        self.bootstrap: str = bootstraps.decode()
        if port is not None:
            self._move_to(port)

    def _name_anew(self) -> str:
        # The library's own id is an address in memory, so two starts may share it.
        # Offsets start over with every process, and so must the log's identity.
        current = ctypes.string_at(self._cluster, _ID_SIZE)
        if not current.startswith(_ID_PREFIX):
            return ""  # another layout: the random topic ids still tell logs apart
        name = _ID_PREFIX + secrets.token_hex(8).encode()
        ctypes.memmove(self._cluster, name + b"\0", len(name) + 1)
        return name.decode()

    def _move_to(self, port: int) -> None:
        # There is no call for it. The listening address lies in the broker's
        # structure and is used whenever the broker comes up: change it there, and
        # refuse if it is not exactly where it should be. Binding first turns a taken
        # port into an error, where the library would abort the process.
        with contextlib.closing(socket.socket()) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trial.bind(("127.0.0.1", port))
            except OSError as error:
                raise ConfigurationError(
                    f"port {port} of 127.0.0.1 cannot be used: {error.strerror}"
                ) from error
        old = int(self.bootstrap.rsplit(":", 1)[1])
        address = struct.pack("=H", socket.AF_INET) + struct.pack(">H", old)
        address += socket.inet_aton("127.0.0.1")
        head = ctypes.string_at(self._cluster, _FIRST_BROKER + 8)
        (broker,) = struct.unpack_from("=Q", head, _FIRST_BROKER)
        at = ctypes.string_at(broker, _ADDRESS_WITHIN).find(address)
        if at < 0:
            raise ConfigurationError(
                "this librdkafka lays its mock broker out differently, so it cannot "
                "be given a port: leave `port` unset."
            )
        ctypes.memmove(broker + at + 2, struct.pack(">H", port), 2)
        self._library.rd_kafka_mock_broker_set_host_port(
            self._cluster, _BROKER, b"127.0.0.1", port
        )
        self.down()
        self.up()
        self.bootstrap = f"127.0.0.1:{port}"

    def create_topic(self, topic: str, partitions: int) -> None:
        """Make a topic; one that exists keeps its partitions."""
        error = self._library.rd_kafka_mock_topic_create(
            self._cluster, topic.encode(), partitions, 1
        )
        if error not in (0, _TOPIC_EXISTS):
            raise WinestreamError(f"topic {topic} was refused, code {error}")

    def fail(self, api_key: int, error_codes: Sequence[int]) -> None:
        """Answer the next requests of this kind with these errors, one each."""
        if self._seen is None:
            self._seen = Counter()
            self._library.rd_kafka_mock_start_request_tracking(self._cluster)
        codes = (_INT * len(error_codes))(*error_codes)
        self._library.rd_kafka_mock_push_request_errors_array(
            self._cluster, api_key, len(error_codes), codes
        )
        # Counted from after the push: too late by a request rather than too early.
        self._pushed[api_key] = len(error_codes), self._requests()[api_key]

    def failures_answered(self, api_key: int) -> int:
        """Return how many of the last `fail`'s errors are certain to be answered."""
        pushed, before = self._pushed.get(api_key, (0, 0))
        return min(pushed, self._requests()[api_key] - before)

    def _requests(self) -> Counter[int]:
        """Count the requests since the first `fail`, by API key."""
        seen = self._seen if self._seen is not None else Counter()
        count = ctypes.c_size_t()
        library = self._library
        requests = library.rd_kafka_mock_get_requests(self._cluster, count)
        # What comes in between these two calls is not counted: an answer looked for
        # in vain, where it repeats itself, and never one made up.
        library.rd_kafka_mock_clear_requests(self._cluster)
        for index in range(count.value):
            seen[library.rd_kafka_mock_request_api_key(requests[index])] += 1
        library.rd_kafka_mock_request_destroy_array(requests, count)
        return seen

    def clear_failures(self, api_key: int) -> None:
        """Forget the errors that have not been answered yet."""
        self._pushed.pop(api_key, None)
        self._library.rd_kafka_mock_clear_request_errors(self._cluster, api_key)

    def down(self) -> None:
        """Close every connection and accept none."""
        self._library.rd_kafka_mock_broker_set_down(self._cluster, _BROKER)

    def up(self) -> None:
        """Accept connections again; nothing is forgotten."""
        self._library.rd_kafka_mock_broker_set_up(self._cluster, _BROKER)

    def set_round_trip(self, milliseconds: int) -> None:
        """Delay every answer by this."""
        self._library.rd_kafka_mock_broker_set_rtt(self._cluster, _BROKER, milliseconds)
