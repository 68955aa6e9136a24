"""A whole sink on a disk that fails at random: still exactly once."""

import errno
import os
import random
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from file_child import COUNT, PARTITIONS, ROUTES, log
from test_kills import check

from winestream.core import BatchPolicy, RetryPolicy
from winestream.files import FileWriter
from winestream.sink import BatchingSink
from winestream.telemetry import Telemetry, WriteFailed
from winestream.testing import MemorySource

ONE_IN = 25


@pytest.mark.parametrize("seed", [1, 2])
def test_disk_that_fails_at_random(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Syncs and renames fail, before or after they did their work; nothing shows."""
    drawn = random.Random(seed)

    def failing(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: object) -> object:
            if drawn.randrange(ONE_IN) == 0:
                raise OSError(errno.EIO, "planned")
            answer = real(*arguments)
            if drawn.randrange(ONE_IN) == 0:
                raise OSError(errno.ENOSPC, "planned")
            return answer

        return call

    told: list[Telemetry] = []
    writer = FileWriter(tmp_path, pipeline="corks", format="jsonl")
    sink = BatchingSink(
        MemorySource(log()),
        ROUTES,
        writer,
        pipeline="corks",
        batch=BatchPolicy(max_rows=20, linger=timedelta(milliseconds=5)),
        retry=RetryPolicy(
            first=timedelta(milliseconds=1), outage_cap=timedelta(milliseconds=5)
        ),
        hooks=[told.append],
    )
    with sink:
        for name in ("fsync", "replace"):
            monkeypatch.setattr(os, name, failing(getattr(os, name)))
        while sink.step(0.05):
            if sink.snapshot.all_read:
                sink.stop()
    monkeypatch.undo()
    archive = check(tmp_path)
    assert {p: c.position for p, c in archive.cursors.items()} == dict.fromkeys(
        PARTITIONS, COUNT
    )
    kinds = {value.kind for value in told if isinstance(value, WriteFailed)}
    assert kinds >= {"retryable", "unknown"}
