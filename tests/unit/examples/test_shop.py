from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from decimal import ROUND_HALF_UP, Decimal
from itertools import islice, pairwise, takewhile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from full_stack.catalogue import load_catalogue
from full_stack.customers import COUNTRIES, make_customers
from full_stack.shop import Publication, Shop
from winestream.events import Channel, Colour, InventoryAdjusted, OrderCreated, Reason

WINES = load_catalogue()
MONDAY = datetime(2025, 1, 6, tzinfo=UTC)
CENT = Decimal("0.01")

seeds = st.integers(min_value=0, max_value=2**64)
# Each example tells thousands of events: few examples, no deadline.
few = settings(max_examples=8, deadline=None)


def _shop(seed: int = 7, start: datetime = MONDAY, run: str = "demo") -> Shop:
    return Shop(WINES, seed=seed, start=start, run=run)


def _told(shop: Shop, count: int) -> list[Publication]:
    return list(islice(shop.publications(), count))


def _orders(shop: Shop) -> Iterator[OrderCreated]:
    for publication in shop.publications():
        if isinstance(publication.event, OrderCreated):
            yield publication.event


def _orders_until(shop: Shop, end: datetime) -> list[OrderCreated]:
    return list(takewhile(lambda order: order.occurred_at < end, _orders(shop)))


def _adjustments(told: list[Publication]) -> list[InventoryAdjusted]:
    return [p.event for p in told if isinstance(p.event, InventoryAdjusted)]


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_HALF_UP)


@few
@given(seeds)
def test_a_seed_is_a_story(seed: int) -> None:
    """The same seed and run tell the same story, to the id and the millisecond."""
    assert _told(_shop(seed), 500) == _told(_shop(seed), 500)


def test_the_story_starts_over() -> None:
    """A shop has no state: a second iterator starts at the beginning."""
    shop = _shop()
    assert _told(shop, 200) == _told(shop, 200)


def test_another_seed_is_another_story() -> None:
    """Seeds change who buys what, and every id with it."""
    one, other = _told(_shop(1), 1_000), _told(_shop(2), 1_000)
    assert not {p.event.event_id for p in one} & {p.event.event_id for p in other}
    assert [p.event.occurred_at for p in one] != [p.event.occurred_at for p in other]


def test_another_run_has_other_ids_only() -> None:
    """Event and order ids are unique across two runs of one story."""
    one, other = _told(_shop(run="1"), 3_000), _told(_shop(run="2"), 3_000)
    ids = {p.event.event_id for p in one} | {p.event.event_id for p in other}
    assert len(ids) == 6_000
    orders = [p.key for p in one + other if p.topic == "wine.orders"]
    assert len(set(orders)) == len(orders)
    assert [p.event.occurred_at for p in one] == [p.event.occurred_at for p in other]


@few
@given(seeds)
def test_time_only_moves_forward(seed: int) -> None:
    """No two publications share an instant, so the latest stock is never ambiguous."""
    told = _told(_shop(seed), 1_000)
    times = [publication.event.occurred_at for publication in told]
    assert times[0] > MONDAY
    assert all(early < late for early, late in pairwise(times))


def test_a_clock_stamps_but_does_not_steer() -> None:
    """With a clock, `occurred_at` is its time, and what happens stays the same."""
    noon = datetime(2030, 5, 1, 12, tzinfo=UTC)
    shop = Shop(WINES, seed=7, start=MONDAY, clock=lambda: noon)
    stamped, plain = _told(shop, 300), _told(_shop(), 300)
    assert {p.event.occurred_at for p in stamped} == {noon}
    assert [p.event.event_id for p in stamped] == [p.event.event_id for p in plain]
    assert [p.key for p in stamped] == [p.key for p in plain]


@pytest.mark.parametrize("seed", [1, 2])
def test_totals_add_up(seed: int) -> None:
    """In 2,000 orders every amount follows from its lines, to the cent."""
    for order in islice(_orders(_shop(seed)), 2_000):
        subtotal = tax_total = Decimal(0)
        bottles = sum(line.quantity for line in order.lines)
        off = Decimal("0.10" if bottles >= 12 else "0.05" if bottles >= 6 else "0.00")
        for line in order.lines:
            gross = line.quantity * line.unit_price
            assert line.discount == _cents(gross * off)
            subtotal += gross - line.discount
            tax_total += _cents((gross - line.discount) * line.tax_rate)
        assert order.subtotal == subtotal
        assert order.tax_total == tax_total
        assert order.total == subtotal + tax_total + order.shipping
        amounts = (order.subtotal, order.tax_total, order.shipping, order.total)
        assert {amount.as_tuple().exponent for amount in amounts} == {-2}
        assert order.currency == "EUR"


def test_lines_are_the_catalogues() -> None:
    """A line repeats its wine; baskets hold 1 to 6 wines, each once, mostly few."""
    wines = {wine.wine_id: wine for wine in WINES}
    sizes: Counter[int] = Counter()
    for order in islice(_orders(_shop()), 1_000):
        sizes[len(order.lines)] += 1
        assert len({line.wine_id for line in order.lines}) == len(order.lines)
        for line in order.lines:
            wine = wines[line.wine_id]
            assert (line.name, line.unit_price) == (wine.name, wine.price)
            assert (line.unit_cost, line.vintage) == (wine.cost, wine.vintage)
            assert line.quantity in {1, 2, 3, 6, 12}
    assert set(sizes) == {1, 2, 3, 4, 5, 6}
    assert sizes[1] > sizes[2] > sizes[4] > sizes[6]


def test_tax_and_shipping_follow_the_country() -> None:
    """France pays 20 %, the Union its own rates, exports none; dear parcels go free."""
    rates: dict[str, set[Decimal]] = {}
    for order in islice(_orders(_shop()), 5_000):
        country = COUNTRIES[order.customer.country]
        found = rates.setdefault(order.customer.country, set())
        found.update(line.tax_rate for line in order.lines)
        free = order.subtotal * 100 >= country.free_from_cents
        free |= order.channel is Channel.SHOP
        assert order.shipping * 100 == (0 if free else country.shipping_cents)
    assert rates["FR"] == {Decimal("0.20")}
    assert (rates["DE"], rates["BE"]) == ({Decimal("0.19")}, {Decimal("0.21")})
    assert rates["CH"] == rates["GB"] == rates["US"] == rates["JP"] == {Decimal(0)}


@few
@given(seeds)
def test_stock_is_the_sum_of_its_events(seed: int) -> None:
    """`stock_after` is always the running sum, never negative; a delivery opens."""
    stock: Counter[str] = Counter()
    opened: set[str] = set()
    for event in _adjustments(_told(_shop(seed), 8_000)):
        if event.wine_id not in opened:
            assert event.reason is Reason.DELIVERY
            opened.add(event.wine_id)
        stock[event.wine_id] += event.quantity
        assert event.quantity != 0
        assert event.stock_after == stock[event.wine_id] >= 0


def test_the_last_bottle_breaks_once() -> None:
    """A cellar with few bottles runs dry, never further; no event moves nothing."""
    icon = next(wine for wine in WINES if wine.price > 1_000)
    shop = Shop((icon,), seed=3, start=MONDAY)
    stock = 0
    levels = set()
    for event in _adjustments(_told(shop, 30_000)):
        stock += event.quantity
        levels.add(stock)
        assert event.quantity != 0
        assert event.stock_after == stock
    assert min(levels) == 0


def test_a_low_stock_is_delivered_in_two_days() -> None:
    """A wine under a fourth of its full stock is filled up two days later at most."""
    full: dict[str, int] = {}
    low_since: dict[str, datetime] = {}
    waits = []
    told = _told(_shop(), 40_000)
    for event in _adjustments(told):
        wine = event.wine_id
        if event.reason is Reason.DELIVERY:
            full.setdefault(wine, event.stock_after)
            assert event.stock_after >= full[wine]
            if since := low_since.pop(wine, None):
                waits.append(event.occurred_at - since)
        elif event.stock_after * 4 < full[wine]:
            low_since.setdefault(wine, event.occurred_at)
    still = [told[-1].event.occurred_at - since for since in low_since.values()]
    assert len(waits) > 300
    assert max(waits + still) < timedelta(days=2, seconds=1)


def test_a_full_cellar_takes_no_delivery() -> None:
    """A wine filled up again before its delivery is due gets none."""
    cheap = [wine for wine in WINES if wine.price < 15][:60]
    icons = [wine for wine in WINES if wine.price > 1_000][:12]
    # With this seed a return fills an icon up while a delivery is under way.
    shop = Shop((*cheap, *icons), seed=2, start=MONDAY)
    for event in _adjustments(_told(shop, 6_000)):
        assert event.reason is not Reason.DELIVERY or event.quantity > 0


def test_every_line_leaves_the_cellar_once() -> None:
    """Each order line has one SALE of its bottles, after its order."""
    owed: dict[tuple[str, str], int] = {}
    for publication in _told(_shop(), 10_000):
        event = publication.event
        if isinstance(event, OrderCreated):
            assert not owed
            lines = event.lines
            owed = {(event.order_id, line.wine_id): line.quantity for line in lines}
        elif event.reason is Reason.SALE:
            assert event.order_id
            assert owed.pop((event.order_id, event.wine_id)) == -event.quantity


def test_reasons_keep_their_signs() -> None:
    """Every reason occurs, with its sign, and an order id where there is an order."""
    signs: dict[Reason, set[bool]] = {reason: set() for reason in Reason}
    for event in _adjustments(_told(_shop(), 30_000)):
        signs[event.reason].add(event.quantity > 0)
        assert (event.order_id is not None) == (
            event.reason in {Reason.SALE, Reason.RETURN}
        )
    assert signs == {
        Reason.SALE: {False},
        Reason.DELIVERY: {True},
        Reason.RETURN: {True},
        Reason.BREAKAGE: {False},
        Reason.COUNT: {False, True},
    }


def test_nothing_comes_back_that_was_not_sold() -> None:
    """A return names an order that sold at least that many bottles of that wine."""
    sold: dict[tuple[str | None, str], int] = {}
    for event in _adjustments(_told(_shop(), 20_000)):
        key = (event.order_id, event.wine_id)
        if event.reason is Reason.SALE:
            sold[key] = -event.quantity
        elif event.reason is Reason.RETURN:
            assert event.quantity <= sold.pop(key)


def test_each_event_is_on_its_topic() -> None:
    """`wine.orders` is keyed by order, `wine.inventory` by wine."""
    for topic, key, event in ((p.topic, p.key, p.event) for p in _told(_shop(), 2_000)):
        if isinstance(event, OrderCreated):
            assert (topic, key) == ("wine.orders", event.order_id)
        else:
            assert (topic, key) == ("wine.inventory", event.wine_id)


def test_the_week_and_the_day_have_a_rhythm() -> None:
    """Over four weeks Saturday beats Sunday, and 18 h and noon beat 15 h and 4 h."""
    orders = _orders_until(_shop(), MONDAY + timedelta(weeks=4))
    days = Counter(order.occurred_at.weekday() for order in orders)
    hours = Counter(order.occurred_at.hour for order in orders)
    saturday, sunday = 5, 6
    assert days.most_common()[0][0] == saturday
    assert days.most_common()[-1][0] == sunday
    assert days[saturday] > 2 * days[sunday]
    assert hours[18] > hours[15] > hours[4]
    assert hours[12] > hours[15]
    assert hours[18] > 10 * hours[4]


def test_orders_come_at_the_rate_announced() -> None:
    """180 orders a day over the year are 3,500 in four weeks of January, within 5 %."""
    orders = _orders_until(_shop(), MONDAY + timedelta(weeks=4))
    assert len(orders) == pytest.approx(3_500, rel=0.05)


def test_december_is_high_and_sparkles() -> None:
    """A December week has twice January's orders and a larger share of sparkling."""
    december = datetime(2025, 12, 8, tzinfo=UTC)
    january_orders = _orders_until(_shop(), MONDAY + timedelta(weeks=1))
    orders = _orders_until(_shop(start=december), december + timedelta(weeks=1))

    def sparkling(of: list[OrderCreated]) -> float:
        colours = Counter(line.colour for order in of for line in order.lines)
        return colours[Colour.SPARKLING] / colours.total()

    assert len(orders) > 2 * len(january_orders)
    assert sparkling(orders) > 1.5 * sparkling(january_orders)


def test_cheap_wines_sell_and_icons_hardly() -> None:
    """Most bottles cost under 40 EUR; wines over 500 EUR are under 2 % of lines."""
    prices = [
        (line.unit_price, line.quantity)
        for order in islice(_orders(_shop()), 5_000)
        for line in order.lines
    ]
    bottles = sum(quantity for _, quantity in prices)
    assert sum(q for price, q in prices if price < 40) > bottles * 0.6
    assert 0 < sum(price > 500 for price, _ in prices) < len(prices) * 0.02


def test_customers_come_from_afar_and_come_back() -> None:
    """Most orders are French, a dozen countries order, and regulars carry the shop."""
    orders = list(islice(_orders(_shop()), 5_000))
    countries = Counter(order.customer.country for order in orders)
    assert countries.most_common()[0][0] == "FR"
    assert len(countries) >= 12
    visits = Counter(order.customer.customer_id for order in orders)
    tenth = len(make_customers().people) // 10
    regulars = sum(times for _, times in visits.most_common(tenth))
    assert regulars > 0.4 * len(orders)
    assert visits.most_common()[0][1] < 0.02 * len(orders)
    assert min(visits.values()) == 1


def test_channels_follow_place_and_hour() -> None:
    """All three channels are used; only Parisians walk in, and in opening hours."""
    orders = list(islice(_orders(_shop()), 3_000))
    assert {order.channel for order in orders} == set(Channel)
    for order in orders:
        if order.channel is Channel.SHOP:
            assert order.customer.city == "Paris"
            assert 10 <= order.occurred_at.hour < 20
            assert order.occurred_at.weekday() < 6


def test_customers_are_the_same_for_everyone() -> None:
    """Ids and mailboxes are unique, and every mailbox is at a reserved domain."""
    people = make_customers().people
    assert people == make_customers().people
    assert len({person.customer_id for person in people}) == len(people) == 3_000
    mailboxes = {person.email.partition("@")[0] for person in people}
    assert len(mailboxes) == len(people)
    assert all(person.email.isascii() for person in people)
    domains = {person.email.partition("@")[2] for person in people}
    assert domains == {"example.com", "example.org", "example.net"}


def test_a_shop_says_what_it_needs() -> None:
    """Without a time zone or without wines a shop does not open."""
    with pytest.raises(ValueError, match="start needs a time zone"):
        _shop(start=datetime(2025, 1, 6))  # noqa: DTZ001 - the mistake under test
    with pytest.raises(ValueError, match="catalogue"):
        Shop((), seed=1, start=MONDAY)


def test_any_zone_is_read_as_its_instant() -> None:
    """A start given in another zone is the same instant, told in UTC."""
    tokyo = MONDAY.astimezone(timezone(timedelta(hours=9)))
    assert _told(_shop(start=tokyo), 100) == _told(_shop(), 100)


def test_a_tiny_catalogue_is_enough() -> None:
    """One wine makes a shop: baskets are as large as the catalogue allows."""
    shop = Shop(WINES[:1], seed=3, start=MONDAY)
    for order in islice(_orders(shop), 200):
        assert len(order.lines) == 1
