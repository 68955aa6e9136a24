"""One library decodes the standard orders, in a process and an environment of its own.

    python -m benchmarks.studies.codec_one LIBRARY < lines of JSON

Prints µs an event and the memory the process grew by, the library included. `json` and
`orjson` validate nothing, all others check every type.
"""

import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from benchmarks.contestants.meter import resident_mb
from benchmarks.studies.stopwatch import microseconds


@dataclass
class Line:
    sku: str
    name: str
    quantity: int
    unit_price: Decimal


@dataclass
class Order:
    event_id: str
    event_type: str
    occurred_at: datetime
    schema_version: int
    order_id: str
    customer_id: str
    lines: list[Line]
    total: Decimal
    email: str | None = None
    country: str | None = None
    currency: str = "EUR"
    note: str = ""


Decode = Callable[[bytes], object]


def by_json() -> Decode:
    """Parse only."""
    return json.loads


def by_orjson() -> Decode:
    """Parse only."""
    import orjson

    loads: Decode = orjson.loads
    return loads


def _converter() -> Any:
    import cattrs

    converter = cattrs.Converter(forbid_extra_keys=False)
    converter.register_structure_hook(datetime, lambda v, _: datetime.fromisoformat(v))
    converter.register_structure_hook(Decimal, lambda v, _: Decimal(v))
    return converter


def by_cattrs() -> Decode:
    """Parse with json, structure with cattrs."""
    structure = _converter().structure
    return lambda value: structure(json.loads(value), Order)


def by_cattrs_orjson() -> Decode:
    """Parse with orjson, structure with cattrs."""
    import orjson

    structure = _converter().structure
    return lambda value: structure(orjson.loads(value), Order)


def by_msgspec() -> Decode:
    """Parse and validate in one pass, into the same dataclass."""
    import msgspec

    return msgspec.json.Decoder(Order).decode


def by_pydantic() -> Decode:
    """Parse and validate in one pass, into the same dataclass."""
    import pydantic

    validate: Decode = pydantic.TypeAdapter(Order).validate_json
    return validate


LIBRARIES = {
    "json": by_json,
    "orjson": by_orjson,
    "cattrs": by_cattrs,
    "cattrs+orjson": by_cattrs_orjson,
    "msgspec": by_msgspec,
    "pydantic": by_pydantic,
}


def each(decode: Decode, values: Iterable[bytes]) -> None:
    """Decode and drop."""
    for value in values:
        decode(value)


def main() -> None:
    """Decode, say."""
    values = sys.stdin.buffer.read().splitlines()
    before = resident_mb() or 0.0
    decode = LIBRARIES[sys.argv[1]]()
    times = microseconds(lambda: each(decode, values), len(values))
    grown = (resident_mb() or 0.0) - before
    print(json.dumps({"us": times, "memory_mb": round(grown, 1)}))


if __name__ == "__main__":
    main()
