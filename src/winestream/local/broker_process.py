"""Holds the embedded broker: `python -m winestream.local.broker_process`.

Started by `EmbeddedBroker`, not by hand.
"""

import os
from collections.abc import Mapping
from typing import Any

from winestream.local.holding import Operation, hold, settings


def main() -> None:
    """Serve until the input ends; everything is in memory and goes with it."""
    given = settings()

    def prepare() -> tuple[dict[str, Any], Mapping[str, Operation]]:
        # Imported here so that a missing extra is reported, not a traceback.
        from winestream.local.mock_cluster import MockCluster  # noqa: PLC0415

        cluster = MockCluster(given["port"], given["session_timeout_ms"])
        for topic, partitions in given["topics"].items():
            cluster.create_topic(topic, partitions)
        operations: dict[str, Operation] = {
            "create_topic": cluster.create_topic,
            "fail": cluster.fail,
            "failures_answered": cluster.failures_answered,
            "clear_failures": cluster.clear_failures,
            "down": cluster.down,
            "up": cluster.up,
            "set_round_trip": cluster.set_round_trip,
        }
        ready = {"bootstrap": cluster.bootstrap, "cluster_id": cluster.cluster_id}
        return ready, operations

    hold(prepare)
    # Destroying the cluster waits for its clients; there is nothing to save.
    os._exit(0)


if __name__ == "__main__":
    main()
