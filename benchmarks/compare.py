"""`make bench`: all contestants on the same messages in the same run.

    python -m benchmarks.compare --rounds 3 --messages 400000

The order is rotated from round to round. The last line is one JSON object; everything
else is in build/bench/compare.json.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from benchmarks import heats, peers
from benchmarks.brokers import Broker, Kind, broker
from benchmarks.heats import Heat, HeatError
from benchmarks.load import TOPIC, Load, Made, produce
from benchmarks.machine import import_ms, machine
from benchmarks.roster import ROSTER, Contestant
from benchmarks.summary import last_line
from benchmarks.table import table

RESULTS: Final = heats.ROOT / "build" / "bench" / "compare.json"


@dataclass
class Comparison:
    """What a run has found so far."""

    load: Load
    rounds: list[dict[str, Heat]] = field(default_factory=list)
    absent: dict[str, str] = field(default_factory=dict)
    """Who did not take part, and why."""


def load_options(parser: argparse.ArgumentParser) -> None:
    """Add the load's own options."""
    fields = Load.__dataclass_fields__
    for name, kind in (
        ("messages", int),
        ("partitions", int),
        ("bytes", int),
        ("mix", float),
        ("poison", float),
        ("seed", int),
        ("compression", str),
    ):
        parser.add_argument(f"--{name}", type=kind, default=fields[name].default)


def load_of(options: argparse.Namespace) -> Load:
    """Return the load that was asked for."""
    return Load(**{name: getattr(options, name) for name in Load.__dataclass_fields__})


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    load_options(parser)
    parser.add_argument("--rounds", type=int, default=3, help="of all contestants")
    parser.add_argument("--extra", type=int, default=4, help="rounds of the fast ones")
    parser.add_argument("--broker", choices=["apache-kafka", "embedded"])
    parser.add_argument("--only", default="", help="contestants, by name and comma")
    parser.add_argument("--add", action="store_true", help="to the rounds in --into")
    parser.add_argument("--into", type=Path, default=RESULTS)
    return parser.parse_args(given)


def entrants(only: str, kind: Kind, absent: dict[str, str]) -> dict[Contestant, str]:
    """Return who takes part with the Python of each; say who does not, and why."""
    wanted = set(filter(None, only.split(",")))
    if unknown := wanted - {each.name for each in ROSTER}:
        raise SystemExit(f"no contestant is called {', '.join(sorted(unknown))}")
    found = {}
    for each in ROSTER:
        if wanted and each.name not in wanted:
            continue
        if each.real_only and kind == "embedded":
            absent[each.name] = "needs a real Apache Kafka"
        else:
            try:
                found[each] = peers.python_of(each.peer)
            except peers.NoPeerError as error:
                absent[each.name] = str(error)
        if each.name in absent:
            print(f"{each.title} does not take part: {absent[each.name]}", flush=True)
    return found


def play(
    comparison: Comparison, who: dict[Contestant, str], made: Made, at: Broker
) -> None:
    """Run one round; a contestant that fails is named, and tried again next round."""
    turn = len(comparison.rounds) % max(1, len(who))
    names = list(who)
    results: dict[str, Heat] = {}
    comparison.rounds.append(results)
    for each in names[turn:] + names[:turn]:
        try:
            heat = heats.run(each, at, made, who[each])
        except HeatError as error:
            comparison.absent[each.name] = str(error)
            print(f"{each.title}: {error}", flush=True)
            continue
        comparison.absent.pop(each.name, None)
        results[each.name] = heat
        print(
            f"round {len(comparison.rounds)}  {each.title:32}{heat.rate:12,.0f}/s  "
            f"{heat.seconds:6.2f} s of {heat.whole_seconds:6.2f} s",
            flush=True,
        )


def earlier(path: Path, load: Load, kind: str) -> list[dict[str, Heat]]:
    """Return the rounds of a file; SystemExit unless they are of the same load."""
    stored = json.loads(path.read_text())
    if (stored["load"], stored["broker"]) != (asdict(load), kind):
        raise SystemExit(f"{path} is of another load or broker: leave out --add")
    return rounds_of(stored)


def rounds_of(stored: dict[str, Any]) -> list[dict[str, Heat]]:
    """Return the rounds of stored results."""
    return [
        {name: Heat(**heat) for name, heat in each.items()} for each in stored["rounds"]
    ]


def main(given: Sequence[str] | None = None) -> None:
    """Compare, store, print."""
    options = arguments(given)
    load = load_of(options)
    comparison = Comparison(load)
    here = machine()
    peers.install(
        [
            each
            for each in ROSTER
            if not options.only or each.name in options.only.split(",")
        ]
    )
    with broker({TOPIC: load.partitions}, options.broker) as at:
        if options.add and options.into.exists():
            comparison.rounds += earlier(options.into, load, at.kind)
        who = entrants(options.only, at.kind, comparison.absent)
        made = produce(load, at.bootstrap)
        print(f"{at.version}: {made.messages:,} messages, {made.payload_bytes:,} bytes")
        for _ in range(options.rounds):
            play(comparison, who, made, at)
        fast = {each: python for each, python in who.items() if each.core}
        for _ in range(options.extra if len(fast) > 1 else 0):
            play(comparison, fast, made, at)
    last = last_line(comparison.rounds, at.kind, import_ms())
    results = {
        "broker": at.kind,
        "broker_version": at.version,
        "load": asdict(load),
        "made": asdict(made),
        "machine": here,
        "peers": peers.versions(),
        "absent": comparison.absent,
        "rounds": [
            {name: asdict(heat) for name, heat in each.items()}
            for each in comparison.rounds
        ],
        "summary": last,
    }
    options.into.parent.mkdir(parents=True, exist_ok=True)
    options.into.write_text(json.dumps(results, indent=1))
    print(table(comparison.rounds, comparison.absent))
    print(json.dumps(last))


if __name__ == "__main__":
    main()
