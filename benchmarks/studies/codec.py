"""Decoding the standard orders: json, cattrs, msgspec, pydantic, and our own codec."""

import json
import subprocess
from decimal import Decimal
from typing import Final

import attrs
from attrs.validators import ge, min_len

from benchmarks import peers
from benchmarks.events import Line, OrderPlaced, routes
from benchmarks.heats import ROOT
from benchmarks.load import Load, messages
from benchmarks.studies.codec_one import LIBRARIES, each
from benchmarks.studies.stopwatch import microseconds
from winestream import Routes

_EVENTS: Final = 20_000
_RUN: Final = 1_000


@attrs.frozen(kw_only=True)
class CheckedOrder(OrderPlaced):
    """The same order with checks of its own, so that objects have to be made."""

    EVENT_TYPE = "ORDER_PLACED"

    customer_id: str = attrs.field(validator=min_len(1))
    lines: tuple[Line, ...] = attrs.field(validator=min_len(1))
    total: Decimal = attrs.field(validator=ge(Decimal(0)))


def payloads(load: Load | None = None) -> list[bytes]:
    """Return sound messages' values."""
    made = messages(load or Load(messages=_EVENTS))
    return [value for _, value, _, _ in made if value is not None]


def measure() -> dict[str, object]:
    """Return µs an event for each way of decoding."""
    values = payloads()
    found: dict[str, object] = {}
    try:
        peers.ensure("codec")
        python = peers.python_of("codec")
    except peers.NoPeerError as error:
        found["absent"] = str(error)
        python = ""
    for name in LIBRARIES if python else ():
        said = subprocess.check_output(
            [python, "-m", "benchmarks.studies.codec_one", name],
            input=b"\n".join(values),
            cwd=ROOT,
        )
        found[name] = json.loads(said.splitlines()[-1])
    codec = routes()
    runs = [values[at : at + _RUN] for at in range(0, len(values), _RUN)]
    found["winestream inspect"] = {
        "us": microseconds(lambda: [codec.inspect(run) for run in runs], len(values))
    }
    strict = Routes({CheckedOrder: "RAW_ORDERS"})
    found["winestream inspect, validators"] = {
        "us": microseconds(lambda: [strict.inspect(run) for run in runs], len(values))
    }
    found["winestream decode"] = {
        "us": microseconds(lambda: each(codec.decode, values), len(values))
    }
    return found
