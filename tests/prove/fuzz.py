"""Fuzzed bytes through codec and router: an event or a reason, and nothing else.

    python tests/prove/fuzz.py --count 1000000

Every value goes two ways: in a run through `inspect`, which keeps columns only, and by
itself through `decode`, which builds the event. Both must come to one verdict. What was
accepted must have a table and make a row in Arrow that holds the very bytes; together
rows and dead letters must be every offset of the run, each once. One JSON line says
what came of it; exit code 1 if anything else than an event or a reason did.
"""

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any, Final

import attrs

# These programs are no package: what they share is found by its folder.
sys.path.append(str(Path(__file__).parent))
sys.path.append(str(Path(__file__).parents[1] / "unit" / "codec"))

from codec_examples import CELLAR, CORK, HEAD, STOCK, routes, text
from fuzz_mutator import Template, mutated
from orphans import end_with_parent

from winestream.errors import DecodeError
from winestream.ports import Codec
from winestream.records import Failure, LogPartition, Run, Segment, Slice, dense
from winestream.sink.segments import segment_of
from winestream.snowflake.tables import loads_of

REASONS: Final = (
    *("null-value", "invalid-utf8", "malformed-json", "not-an-object", "too-deep"),
    *("missing-field", "wrong-type", "naive-time", "invalid-value"),
)
CHUNK: Final = 5_000
"""So many values have a seed of their own, so that workers change nothing."""

_MOST_IN_A_RUN: Final = 200
_LOG: Final = LogPartition("fuzz", "fuzz", "fuzz", 0)
_LINE: Final = {
    "wine_id": "w",
    "name": "Château",
    "estate": "e",
    "region": "r",
    "appellation": "a",
    "colour": "red",
    "vintage": 2019,
    "bottle_cl": 75,
    "quantity": 6,
    "unit_price": "19.90",
    "unit_cost": "9.10",
    "discount": "0.00",
    "tax_rate": "0.20",
}
ORDER: Final = HEAD | {
    "event_type": "ORDER_CREATED",
    "order_id": "o-1",
    "customer": {
        "customer_id": "c",
        "name": "Zoë",
        "email": "z@example.org",
        "country": "FR",
        "city": "Dole",
    },
    "channel": "web",
    "currency": "EUR",
    "lines": [_LINE, _LINE | {"vintage": None}],
    "shipping": "5.00",
    "subtotal": "238.80",
    "tax_total": "47.76",
    "total": "291.56",
}
ROUTES: Final = routes()
TEMPLATES: Final = tuple(
    Template.of(value)
    for value in (
        text(ORDER),
        text(STOCK),
        text(CORK),
        ROUTES.encode(CELLAR),
        text(HEAD | {"event_type": "BOTTLE_SOLD", "bottle": {"size": [75, None]}}),
    )
)


@attrs.define
class Outcome:
    """What came of some values. `wrong` describes the first few wrong ones."""

    fuzzed: int = 0
    events: Counter[str] = attrs.field(factory=Counter)
    reasons: Counter[str] = attrs.field(factory=Counter)
    wrong_count: int = 0
    wrong: list[str] = attrs.field(factory=list)

    def blame(self, what: str, value: bytes | None) -> None:
        """Note something that is neither an event nor a reason."""
        self.wrong_count += 1
        if len(self.wrong) < 10:
            self.wrong.append(f"{what}: {None if value is None else value[:400]!r}")

    def add(self, other: "Outcome") -> None:
        """Take another outcome in."""
        self.fuzzed += other.fuzzed
        self.events += other.events
        self.reasons += other.reasons
        self.wrong_count += other.wrong_count
        self.wrong += other.wrong[: 10 - len(self.wrong)]

    def as_json(self) -> dict[str, Any]:
        """Return the outcome as one JSON object."""
        return {
            "fuzzed": self.fuzzed,
            "events": self.events.total(),
            "event_tables": dict(sorted(self.events.items())),
            "reasons": {name: self.reasons[name] for name in REASONS},
            "wrong": self.wrong_count,
            "examples": self.wrong,
        }


def fuzz(count: int, seed: int = 1, workers: int = 1) -> Outcome:
    """Fuzz so many values, the same for a seed however many workers there are."""
    sizes = [min(CHUNK, count - at) for at in range(0, count, CHUNK)]
    whole = Outcome()
    for outcome in _chunks(seed, sizes, workers):
        whole.add(outcome)
    for reason in REASONS:
        if not whole.reasons[reason] and count >= 20_000:
            whole.blame(f"nothing was refused as {reason}", None)
    return whole


def _chunks(seed: int, sizes: Sequence[int], workers: int) -> Iterator[Outcome]:
    numbers = range(len(sizes))
    seeds = [seed] * len(sizes)
    if workers <= 1:
        yield from map(fuzz_chunk, seeds, numbers, sizes)
        return
    with ProcessPoolExecutor(workers, initializer=end_with_parent) as pool:
        yield from pool.map(fuzz_chunk, seeds, numbers, sizes)


def fuzz_chunk(seed: int, number: int, size: int, codec: Codec = ROUTES) -> Outcome:
    """Fuzz one chunk, in runs of one to some hundred messages."""
    chance, outcome = Random(f"{seed}/{number}"), Outcome()
    while outcome.fuzzed < size:
        run = min(chance.choice((1, 7, _MOST_IN_A_RUN)), size - outcome.fuzzed)
        examine(codec, [mutated(chance, TEMPLATES) for _ in range(run)], outcome)
    return outcome


def examine(codec: Codec, values: Sequence[bytes | None], outcome: Outcome) -> None:
    """Put a run both ways through the codec, and on into rows and dead letters."""
    outcome.fuzzed += len(values)
    count = len(values)
    run = Run(_LOG, dense(range(count)), values, [None] * count, [-1] * count)
    try:
        part = segment_of(run, codec.inspect(values))
        by_columns = _verdicts(part, count)
    except Exception as error:  # noqa: BLE001 — whatever it is, it is wrong
        outcome.blame(f"a run failed: {error!r}", b" ".join(filter(None, values)))
        return
    if sorted(by_columns) != list(range(count)):
        outcome.blame(f"{sorted(by_columns)} of {count} came out", values[0])
        return
    for place, value in enumerate(values):
        by_itself = _decoded(codec, value)
        if by_itself != by_columns[place]:
            told = f"inspect said {by_columns[place]}, decode {by_itself}"
            outcome.blame(told, value)
    outcome.reasons.update(letter.reason for letter in part.dead)
    for rows in part.rows:
        outcome.events[rows.table] += len(rows)
    _written(part, values, outcome)


def _verdicts(part: Segment, count: int) -> dict[int, Any]:
    found: dict[int, Any] = {
        letter.offset: Failure(letter.reason, letter.path) for letter in part.dead
    }
    total = len(part.dead)
    for rows in part.rows:
        total += len(rows)
        heads = zip(
            *(rows.event_ids, rows.event_types, rows.occurred_at, rows.schema_versions),
            strict=True,
        )
        found |= {
            offset: (*head, rows.table)
            for offset, head in zip(rows.offsets, heads, strict=True)
        }
    # One that is there twice is not hidden by its key.
    return found if total == count else {}


def _decoded(codec: Codec, value: bytes | None) -> Any:
    try:
        event = codec.decode(value)
    except DecodeError as error:
        return Failure(error.reason, error.path)
    except Exception as error:  # noqa: BLE001 — whatever it is, it is wrong
        return repr(error)
    return (
        event.event_id,
        event.event_type,
        event.occurred_at.timestamp(),
        event.schema_version,
        ROUTES.table_for(event.event_type),
    )


def _written(part: Segment, values: Sequence[bytes | None], outcome: Outcome) -> None:
    """Build what would be staged; every payload must come out as it went in."""
    try:
        for load in loads_of(
            Slice("fuzz/1", (part,)), datetime(2026, 1, 1, tzinfo=UTC)
        ):
            load.rows.validate(full=True)
            offsets = load.rows["KAFKA_OFFSET"].to_pylist()
            name = "PAYLOAD" if load.data else "VALUE"
            for offset, payload in zip(
                offsets, load.rows[name].to_pylist(), strict=True
            ):
                kept = payload.encode() if load.data else payload
                if kept != values[offset]:
                    outcome.blame("a row holds something else", values[offset])
    except Exception as error:  # noqa: BLE001 — whatever it is, it is wrong
        outcome.blame(f"no rows can be made: {error!r}", values[0])


def main() -> int:
    """Fuzz, print one JSON line, return the exit code."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--count", type=int, default=1_000_000)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--workers", type=int, default=2)
    asked = options.parse_args()
    begun = time.monotonic()
    outcome = fuzz(asked.count, asked.seed, asked.workers)
    seconds = round(time.monotonic() - begun, 1)
    print(json.dumps({"seed": asked.seed, **outcome.as_json(), "seconds": seconds}))
    return 1 if outcome.wrong_count else 0


if __name__ == "__main__":
    sys.exit(main())
