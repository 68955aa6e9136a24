"""`make bench-page`: docs/benchmarks.md and its plots, from results and nothing else.

Takes what `make bench` and `make bench-full` left in build/bench into
docs/benchmarks/results.json, and writes the page from that file. With `--again` it
only writes the page again.
"""

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any, Final

from benchmarks import compare, full, heats, plots
from benchmarks.compare import rounds_of
from benchmarks.roster import FLOOR, TWO, WINESTREAM
from benchmarks.summary import rates, ratio
from benchmarks.table import markdown, table

DOCS: Final = heats.ROOT / "docs"
FOLDER: Final = DOCS / "benchmarks"
RESULTS: Final = FOLDER / "results.json"

Found = Mapping[str, Any]

_BIASES: Final = """\
# Benchmarks

This page is written by `make bench-page` from `benchmarks/results.json`; no number in
it was typed. `make bench` measures the comparison, `make bench-full` the rest.

## Read this first: the biases

- **We wrote all of it.** The messages, the way each peer is used and what is counted
  were chosen by the people whose library is in the first row. The peers are written
  the way their own documentation shows, in `benchmarks/contestants/`, one short file
  each: read them, and tell us what is unfair.
- **The peers do other things.** They are frameworks for processing streams, or clients;
  none of them does what winestream does (validated types, dead letters, sealed Parquet,
  exactly once), and most of what they are good at is not asked here. What each does and
  does not do stands beside its number.
- **Only ratios travel.** All contestants read the same topic in the same run, each in a
  process of its own, in turn, the order rotated from round to round. A ratio is taken
  within a round; the median over the rounds counts, the spread is in brackets.
- **One machine is everything.** Broker and contestant share its cores, so a contestant
  that leaves a core to the broker, or uses two, has an advantage that a real cluster
  would not give. There is no network.
- **The time is the contestant's own**, from the first message its code saw to the last
  one it was done with. Starting, importing and joining the group are in "whole s".
  Kafka Connect is watched from outside by its file, and Java is warming up meanwhile.
- **What a message is worth differs.** Every contestant's count and sum of payload bytes
  are held against what was produced (Kafka Connect's lines and event ids), so nobody
  wins by skipping; but bare `consume` does nothing with what it reads.
- **A queue is warm.** The client may have fetched messages before the first is handed
  out, in all contestants alike; the shorter a run, the more that flatters it.
"""


def collected() -> dict[str, Any]:
    """Put the latest results into docs, and return them."""
    found: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for name, path in (("compare", compare.RESULTS), ("full", full.RESULTS)):
        if path.exists():
            found[name] = found.get(name, {}) | json.loads(path.read_text())
    FOLDER.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(found, indent=None, separators=(",", ":")) + "\n")
    return found


def page(found: Found) -> str:
    """Return the page, and write its plots."""
    parts = [_BIASES]
    if "compare" in found:
        parts += [_machine(found["compare"]["machine"]), _comparison(found["compare"])]
    rest = found.get("full", {})
    if "machine" in rest:
        parts.append(_rest(rest["machine"]))
    for name, write in _SECTIONS.items():
        study = rest.get(name)
        if study and "failed" not in study:
            parts.append(write(study))
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _machine(machine: Found) -> str:
    packages = ", ".join(f"{k} {v}" for k, v in machine["packages"].items())
    return f"""\
## The machine

{machine["cpu"]}, {machine["cpus"]} CPUs, {machine["memory"]} of memory,
{machine["system"]}, Python {machine["python"]};
{packages}.
The load average before the comparison was {machine["load_average"]}: where nothing else
runs it is near 0."""


def _rest(machine: Found) -> str:
    return f"""\
## The rest

What follows is of `make bench-full`, at a load average of {machine["load_average"]}
before its last study."""


def _comparison(found: Found) -> str:
    rounds, load = rounds_of(dict(found)), found["load"]
    plots.contestants(rounds, FOLDER / "comparison.svg")
    mean = found["made"]["payload_bytes"] / found["made"]["messages"]
    return f"""\
## The comparison

{found["broker_version"]}; {load["messages"]:,} JSON orders of {mean:.0f} B on average
in {load["partitions"]} partitions, {load["compression"]}; {len(rounds)} rounds, the
peers in {_least(rounds)} of them. "winestream is" so many times as fast, in one
process, exactly once, with validation, files and commits on. The peers are
{_peers(found["peers"])}.

![rates](benchmarks/comparison.svg)

{table(rounds, found["absent"])}

The line `make bench` ended with:

```json
{json.dumps(found["summary"], indent=1)}
```"""


def _peers(versions: Found) -> str:
    return ",\n".join(f"{name} ({', '.join(each)})" for name, each in versions.items())


def _least(rounds: Sequence[Mapping[str, object]]) -> int:
    names = {name for each in rounds for name in each}
    return min(sum(name in each for each in rounds) for name in names)


def _startup(found: Found) -> str:
    rows = [
        (f"`import {name}`" if name != "python" else "nothing", f"{each['ms']:.0f}",
         ", ".join(each["vendors"]) or "none")
        for name, each in found.items()
    ]  # fmt: skip
    return "### Imports\n\n" + markdown(("statement", "ms", "vendors loaded"), rows)


def _codec(found: Found) -> str:
    measured = {name: each for name, each in found.items() if name != "absent"}
    values = {name: each["us"]["median"] for name, each in measured.items()}
    plots.bars(values, FOLDER / "codec.svg", "µs an order of 440 B")
    rows = [
        (name, f"{each['us']['median']:.2f}", _spread(each["us"]),
         f"{each['memory_mb']:.0f}" if "memory_mb" in each else "-")
        for name, each in measured.items()
    ]  # fmt: skip
    return f"""\
### Decoding

One process a library. `json` and `orjson` validate nothing; the others check every
type, with money as `Decimal` and times with their zone. `inspect` is what the sink
does: it validates and keeps the head, not the object. With validators of the class's
own it has to make the object, and drops it; `decode` makes it and hands it over.

![codecs](benchmarks/codec.svg)

{markdown(("library", "µs", "spread", "MB"), rows)}"""


def _spread(times: Found) -> str:
    return f"{times['low']:.2f}-{times['high']:.2f}"


def _bookkeeping(found: Found) -> str:
    return f"""\
### Bookkeeping

The sink without broker, validation and files, over runs of a thousand messages:
{found["us"]["median"]:.3f} µs an event ({_spread(found["us"])})."""


def _files(found: Found) -> str:
    rows = [
        (f"{int(size):,}", f"{each['us']['median']:.2f}", _spread(each["us"]),
         f"{each['bytes_a_row']:.0f} of {each['payload_bytes']:.0f}")
        for size, each in found.items()
    ]  # fmt: skip
    head = ("rows a slice", "µs a row", "spread", "bytes in the file, of the payload")
    return f"""\
### Columns and Parquet

A slice's columns into a Parquet file, synced and committed with its cursor.

{markdown(head, rows)}"""


def _kilo(rounds: Sequence[Mapping[str, heats.Heat]], name: str) -> str:
    found = rates(rounds, name)
    return f"{median(found):,.0f}" if found else "-"


def _compared(found: Found, what: str, note: str) -> str:
    rows = []
    for key, each in found.items():
        rounds = rounds_of(each)
        two = ratio(rounds, TWO, WINESTREAM)
        rows.append(
            (
                f"{int(key):,}",
                _kilo(rounds, WINESTREAM),
                _kilo(rounds, FLOOR),
                str(ratio(rounds, WINESTREAM, FLOOR)),
                str(two or "-"),
            )
        )
    lines = {
        name: {key: median(rates(rounds_of(each), name)) for key, each in found.items()}
        for name in (WINESTREAM, FLOOR)
    }
    plots.series(lines, FOLDER / f"{what}.svg", what, "messages a second")
    head = (what, "winestream/s", "floor/s", "of the floor", "two processes to one")
    note += f"\n\n![{what}](benchmarks/{what}.svg)"
    return f"{note}\n\n{markdown(head, rows)}"


def _size(found: Found) -> str:
    note = (
        "### Message size\n\nThe mean payload in bytes; of large messages there are "
        "fewer, so that the topic is at most 160 MB."
    )
    return _compared(found, "bytes", note)


def _partitions(found: Found) -> str:
    return _compared(found, "partitions", "### Partitions and processes")


def _mixed(found: Found) -> str:
    rounds = rounds_of(dict(found))
    return f"""\
### Mixed and spoiled

{found["load"]["mix"]:.0%} of the messages are of a second type with a table of its own,
{found["load"]["poison"]:.0%} are broken and become dead letters:
{_kilo(rounds, WINESTREAM)} a second, {ratio(rounds, WINESTREAM, FLOOR)} of the
floor."""


def _embedded(found: Found) -> str:
    return f"""\
### On the embedded broker

librdkafka's mock cluster, {found["load"]["partitions"]} partitions; a broker in C on
the same cores, so that the floor is another one.

{table(rounds_of(dict(found)), found["absent"])}"""


def _warehouse(found: Found) -> str:
    rows = [
        (f"{int(size):,}", f"{each['rate']:,.0f}", str(each["slices"]),
         f"{each['cpu_us']:.1f}")
        for size, each in found.items()
    ]  # fmt: skip
    head = ("rows a slice, at most", "messages/s", "slices", "CPU µs")
    return f"""\
### Into the embedded warehouse

End to end on this machine: PUT, COPY, ledger and compare-and-set in DuckDB behind the
genuine connector. It says what the bookkeeping costs, not how fast Snowflake is.

{markdown(head, rows)}"""


def _latency(found: Found) -> str:
    rows = [
        (each["target"], f"{each['rate']:,}", f"{each['linger']:.1f}",
         *(f"{each[name]:.2f}" for name in ("p50", "p99", "worst")),
         str(each["slices"]))
        for each in found["cases"]
    ]  # fmt: skip
    head = ("target", "events/s", "linger s", "p50 s", "p99 s", "worst s", "slices")
    return f"""\
### From event to queryable

Seconds from a message's own time in Kafka until the commit that makes it queryable has
returned, for several rates and `linger`s ({found["broker"]}).

{markdown(head, rows)}"""


def _memory(found: Found) -> str:
    plots.memory(found, FOLDER / "memory.svg")
    over = found["peak_mb"] - found["idle_mb"]
    begin, end = found["outage"]
    return f"""\
### Memory over time

{found["rate"]:,} messages a second, an outage from second {begin:.0f} to {end:.0f}, and
the recovery: at most {over:.0f} MB over the {found["idle_mb"]:.0f} MB of an idle
process.

![memory](benchmarks/memory.svg)"""


_SECTIONS: Final[Mapping[str, Callable[[Found], str]]] = {
    "size": _size,
    "partitions": _partitions,
    "mixed": _mixed,
    "embedded": _embedded,
    "warehouse": _warehouse,
    "latency": _latency,
    "memory": _memory,
    "codec": _codec,
    "bookkeeping": _bookkeeping,
    "files": _files,
    "startup": _startup,
}


def main() -> None:
    """Collect, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--again", action="store_true", help="collect nothing new")
    options = parser.parse_args()
    found = json.loads(RESULTS.read_text()) if options.again else collected()
    (DOCS / "benchmarks.md").write_text(page(found))
    print(f"wrote {Path('docs/benchmarks.md')} and {Path('docs/benchmarks')}/")


if __name__ == "__main__":
    main()
