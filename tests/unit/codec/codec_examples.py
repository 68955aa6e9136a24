"""Event classes and JSON fragments that the codec's tests share."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum, StrEnum
from typing import Any, Literal
from uuid import UUID

import attrs

from winestream.codec import Routes
from winestream.events import Event, InventoryAdjusted, OrderCreated


class Size(Enum):
    SMALL = 1
    LARGE = 2


class Grape(StrEnum):
    MERLOT = "merlot"
    SYRAH = "syrah"


@attrs.frozen(kw_only=True)
class Barrel:
    litres: int
    price: Decimal
    filled: date | None = None


@attrs.frozen(kw_only=True)
class CellarCounted(Event):
    """Has a field of every type that a mirror takes."""

    text: str
    number: int
    ratio: float
    flag: bool
    money: Decimal
    moment: datetime
    day: date
    key: UUID
    size: Size
    grape: Grape
    mode: Literal["full", "partial", 3]
    barrels: tuple[Barrel, ...]
    by_name: dict[str, Barrel]
    by_grape: dict[Grape, Decimal]
    pair: tuple[int, Decimal]
    tags: frozenset[str]
    either: int | str | None
    amounts: list[Decimal | None] = attrs.field(factory=list)
    spare: Barrel | None = None
    bonus: Decimal = Decimal("0.50")
    rate: Decimal | None = None


@attrs.frozen(kw_only=True)
class Seal:
    code: str = attrs.field(validator=attrs.validators.max_len(4))


@attrs.frozen(kw_only=True)
class CorkReturned(Event):
    """Checks itself in every way attrs has."""

    corks: int = attrs.field(validator=attrs.validators.gt(0))
    ratio: Decimal = attrs.field(converter=lambda value: 1 / value)
    seal: Seal
    name: str = "cork"

    def __attrs_post_init__(self) -> None:
        if self.name == "screw cap":
            raise ValueError(self.name)


TABLES: dict[type[Event], str] = {
    OrderCreated: "RAW_ORDERS",
    InventoryAdjusted: "RAW_INVENTORY",
    CellarCounted: "RAW_CELLAR",
    CorkReturned: "RAW_CORKS",
}


def routes() -> Routes:
    """Return routes of all classes here."""
    return Routes(TABLES, unknown="RAW_EVENTS")


HEAD: dict[str, Any] = {
    "event_id": "e-1",
    "event_type": "INVENTORY_ADJUSTED",
    "occurred_at": "2026-11-23T07:00:00Z",
    "schema_version": 1,
}
STOCK = HEAD | {"wine_id": "w", "quantity": -1, "reason": "SALE", "stock_after": 3}
CORK = HEAD | {
    "event_type": "CORK_RETURNED",
    "corks": 3,
    "ratio": "2",
    "seal": {"code": "ab"},
}
BARREL = Barrel(litres=225, price=Decimal("19.990"), filled=date(2026, 1, 2))
CELLAR = CellarCounted(
    event_id="e-2",
    occurred_at=datetime(2026, 11, 23, 7, tzinfo=UTC),
    text="Château",
    number=-7,
    ratio=0.1,
    flag=True,
    money=Decimal("19.99999999999999999999"),
    moment=datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC),
    day=date(2026, 1, 2),
    key=UUID(int=5),
    size=Size.LARGE,
    grape=Grape.SYRAH,
    mode="full",
    barrels=(BARREL, BARREL),
    by_name={"a": BARREL},
    by_grape={Grape.SYRAH: Decimal("1.0")},
    pair=(1, Decimal(2)),
    tags=frozenset({"x"}),
    either=None,
    amounts=[Decimal("1.10"), None],
    spare=BARREL,
    rate=Decimal("0.2"),
)


def text(fields: dict[str, Any]) -> bytes:
    """Return JSON with characters beyond ASCII as they are."""
    return json.dumps(fields, ensure_ascii=False).encode()


def raw(fields: dict[str, Any], **fragments: str) -> bytes:
    """Return JSON with these fields' values written as given, whatever they are."""
    members = {name: json.dumps(value) for name, value in fields.items()} | fragments
    inner = ",".join(f"{json.dumps(name)}:{value}" for name, value in members.items())
    return b"{" + inner.encode("utf-8", "surrogatepass") + b"}"
