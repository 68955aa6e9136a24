"""The shop as a seeded simulation: customers order, stock moves, nothing is real.

Pure: no clock but the one it is given, no global randomness, no I/O. Time is the
shop's own and every publication is at least a millisecond after the one before, so
that "the latest stock of a wine" has one answer. The shop's day is a UTC day: a local
one would need a time-zone database and repeat an hour each autumn.

Money is computed in whole cents. Per line, with `half_up` rounding halves away from
zero to the cent: `discount = half_up(quantity * price * rate)`, then
`tax = half_up((quantity * price - discount) * tax rate)`. An order's `subtotal` and
`tax_total` are the sums of its rounded lines; nothing is rounded twice.
"""

from bisect import bisect
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import blake2b
from itertools import accumulate, count
from random import Random
from typing import Final

import attrs

from full_stack.catalogue import QUANTITIES, Wine, demand_by_month, offer_of
from full_stack.customers import COUNTRIES, choose_channel, make_customers, next_arrival
from winestream.events import (
    Channel,
    Customer,
    InventoryAdjusted,
    OrderCreated,
    OrderLine,
    Reason,
)

ORDERS_TOPIC: Final = "wine.orders"
INVENTORY_TOPIC: Final = "wine.inventory"
CURRENCY: Final = "EUR"

_LINES: Final = ((1, 2, 3, 4, 5, 6), (40, 67, 83, 92, 97, 100))
_DISCOUNTS: Final = ((12, 10), (6, 5))  # bottles in the basket: percent off

_REORDER_BELOW: Final = 4  # a fourth of the full stock
_LEAD_TIME: Final = timedelta(days=2)
_CASE: Final = 6  # merchants buy by the case
# After each order, with these chances, one of:
_RETURN, _BREAKAGE, _COUNT = 0.02, 0.012, 0.006
_RETURNABLE: Final = 500  # sold lines remembered: about a day and a half
_FIRST_RETURN: Final = 100  # nobody returns what has hardly left the shop
_TICK: Final = timedelta(milliseconds=1)


@attrs.frozen
class Publication:
    """One event and where to publish it."""

    topic: str
    key: str
    event: OrderCreated | InventoryAdjusted


def _in_utc(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("start needs a time zone: datetime(2025, 1, 6, tzinfo=UTC)")
    return value.astimezone(UTC)


@attrs.frozen
class Shop:
    """A shop, told by its seed.

    Event and order ids come from `seed` and `run`: pick a new `run` for each time the
    story is published, or its events are taken for ones seen before. With a `clock`,
    events are stamped with its time instead of the shop's; it is called once for each
    publication, and what happens stays the same.
    """

    catalogue: tuple[Wine, ...] = attrs.field(validator=attrs.validators.min_len(1))
    seed: int = attrs.field(kw_only=True)
    start: datetime = attrs.field(kw_only=True, converter=_in_utc)
    run: str = attrs.field(kw_only=True, default="demo")
    clock: Callable[[], datetime] | None = attrs.field(kw_only=True, default=None)

    def publications(self) -> Iterator[Publication]:
        """Tell the story from its start, without end; each call tells it again."""
        story = _Story(self)
        while True:
            yield from story.until_next_order()


class _Ids:
    """Ids that a run can make again and that no other run makes."""

    def __init__(self, seed: int, run: str) -> None:
        self._key = blake2b(f"{seed}/{run}".encode(), digest_size=32).digest()
        self._order_prefix = f"CA-{self._key.hex()[:8]}-"
        self._counters = {OrderCreated: count(1), InventoryAdjusted: count(1)}
        self._orders = count(1)

    def event_id(self, kind: type[OrderCreated | InventoryAdjusted]) -> str:
        name = f"{kind.__name__}/{next(self._counters[kind])}".encode()
        return blake2b(name, digest_size=16, key=self._key).hexdigest()

    def order_id(self) -> str:
        return f"{self._order_prefix}{next(self._orders):07d}"


def _line(wine: Wine, quantity: int, discount: int, tax_percent: int) -> OrderLine:
    return OrderLine(
        wine_id=wine.wine_id,
        name=wine.name,
        estate=wine.estate,
        region=wine.region,
        appellation=wine.appellation,
        colour=wine.colour,
        vintage=wine.vintage,
        bottle_cl=wine.bottle_cl,
        quantity=quantity,
        unit_price=wine.price,
        unit_cost=wine.cost,
        discount=_euros(discount),
        tax_rate=Decimal(tax_percent).scaleb(-2),
    )


def _discount_percent(bottles: int) -> int:
    return next((off for least, off in _DISCOUNTS if bottles >= least), 0)


def _share(cents: int, percent: int) -> int:
    """Return that share of a non-negative amount, half a cent rounded up."""
    return (cents * percent + 50) // 100


def _euros(cents: int) -> Decimal:
    return Decimal(cents).scaleb(-2)


def _pick(rng: Random, cumulative: Sequence[float]) -> int:
    """Return an index, with the chances of `accumulate(weights)`."""
    return bisect(cumulative, rng.random() * cumulative[-1], hi=len(cumulative) - 1)


class _Story:
    """The shop's state while the story is told."""

    def __init__(self, shop: Shop) -> None:
        self._clock = shop.clock
        self._now = shop.start
        self._ids = _Ids(shop.seed, shop.run)
        self._rng = Random(shop.seed)
        self._offers = [offer_of(wine) for wine in shop.catalogue]
        self._demand = demand_by_month(shop.catalogue, self._rng)
        customers = make_customers()
        self._people = customers.people
        self._loyalty = tuple(accumulate(customers.loyalty))
        self._stock: dict[int, int] = {}  # by index; a wine is there once opened
        self._opened: list[int] = []
        self._deliveries: deque[tuple[datetime, int]] = deque()
        self._awaited: set[int] = set()
        self._sold: deque[tuple[int, int, str]] = deque(maxlen=_RETURNABLE)

    def until_next_order(self) -> Iterator[Publication]:
        arrival = next_arrival(self._rng, self._now)
        while self._deliveries and self._deliveries[0][0] <= arrival:
            due, index = self._deliveries.popleft()
            self._awaited.discard(index)
            self._now = max(self._now, due)
            if self._stock[index] < self._offers[index].full_stock:
                yield self._deliver(index)
        self._now = max(self._now, arrival)
        yield from self._order()
        yield from self._mishap()

    def _order(self) -> Iterator[Publication]:
        customer = self._people[_pick(self._rng, self._loyalty)]
        basket = self._basket()
        for index, quantity in basket.items():
            if self._stock.get(index, 0) < quantity:
                yield self._deliver(index)
        channel = choose_channel(self._rng, customer, self._now)
        order = self._priced(customer, channel, basket)
        yield Publication(ORDERS_TOPIC, order.order_id, order)
        for index, quantity in basket.items():
            self._sold.append((index, quantity, order.order_id))
            yield self._adjust(index, -quantity, Reason.SALE, order.order_id)

    def _basket(self) -> dict[int, int]:
        """Return bottles by wine; the dearer the wine, the fewer."""
        rng = self._rng
        sizes, weights = _LINES
        lines = min(sizes[_pick(rng, weights)], len(self._offers))
        demand = self._demand[self._now.month - 1]
        basket: dict[int, int] = {}
        while len(basket) < lines:
            index = _pick(rng, demand)
            wanted = _pick(rng, self._offers[index].quantity_weights)
            basket.setdefault(index, QUANTITIES[wanted])
        return basket

    def _priced(
        self, customer: Customer, channel: Channel, basket: dict[int, int]
    ) -> OrderCreated:
        country = COUNTRIES[customer.country]
        off = _discount_percent(sum(basket.values()))
        subtotal = tax_total = 0
        lines = []
        for index, quantity in basket.items():
            offer = self._offers[index]
            gross = quantity * offer.cents
            discount = _share(gross, off)
            subtotal += gross - discount
            tax_total += _share(gross - discount, country.tax_percent)
            lines.append(_line(offer.wine, quantity, discount, country.tax_percent))
        carried = channel is not Channel.SHOP and subtotal < country.free_from_cents
        shipping = country.shipping_cents if carried else 0
        return OrderCreated(
            event_id=self._ids.event_id(OrderCreated),
            occurred_at=self._stamp(),
            order_id=self._ids.order_id(),
            customer=customer,
            channel=channel,
            currency=CURRENCY,
            lines=tuple(lines),
            shipping=_euros(shipping),
            subtotal=_euros(subtotal),
            tax_total=_euros(tax_total),
            total=_euros(subtotal + tax_total + shipping),
        )

    def _mishap(self) -> Iterator[Publication]:
        """Tell what happens in a cellar besides sales, now and then."""
        rng = self._rng
        chance = rng.random()
        if chance < _RETURN:
            if len(self._sold) >= _FIRST_RETURN:
                # Popped, so that no bottle comes back twice.
                index, sold, order_id = self._sold.popleft()
                back = rng.randint(1, sold)
                yield self._adjust(index, back, Reason.RETURN, order_id)
            return
        if chance >= _RETURN + _BREAKAGE + _COUNT:
            return
        index = rng.choice(self._opened)
        if chance < _RETURN + _BREAKAGE:
            reason, change = Reason.BREAKAGE, -rng.choice((1, 1, 1, 2, 3))
        else:
            reason, change = Reason.COUNT, rng.choice((-2, -1, -1, 1, 2))
        change = max(change, -self._stock[index])
        if change:
            yield self._adjust(index, change, reason)

    def _deliver(self, index: int) -> Publication:
        if index not in self._stock:
            self._stock[index] = 0
            self._opened.append(index)
        missing = self._offers[index].full_stock - self._stock[index]
        return self._adjust(index, -(-missing // _CASE) * _CASE, Reason.DELIVERY)

    def _adjust(
        self, index: int, quantity: int, reason: Reason, order_id: str | None = None
    ) -> Publication:
        offer = self._offers[index]
        after = self._stock[index] + quantity
        assert after >= 0, f"{offer.wine.wine_id} would fall to {after} bottles"
        self._stock[index] = after
        low = after * _REORDER_BELOW < offer.full_stock
        if low and index not in self._awaited:
            self._awaited.add(index)
            self._deliveries.append((self._now + _LEAD_TIME, index))
        event = InventoryAdjusted(
            event_id=self._ids.event_id(InventoryAdjusted),
            occurred_at=self._stamp(),
            wine_id=offer.wine.wine_id,
            quantity=quantity,
            reason=reason,
            stock_after=after,
            order_id=order_id,
        )
        return Publication(INVENTORY_TOPIC, event.wine_id, event)

    def _stamp(self) -> datetime:
        self._now += _TICK
        return self._now if self._clock is None else self._clock()
