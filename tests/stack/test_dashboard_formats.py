import csv
import io
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from full_stack.dashboard import charts, formats, parts, path
from full_stack.dashboard.export import csv_bytes
from full_stack.dashboard.slots import by_slots
from full_stack.dashboard.views.inventory import cover_classes, to_order
from full_stack.dashboard.vitals import NOBODY, Vitals

THIN = "\u202f"
NOW = datetime(2026, 11, 27, 23, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (Decimal("1234.5"), "1 234,50 €"),
        (Decimal("1234567.891"), "1 234 567,89 €"),
        (Decimal("0.005"), "0,01 €"),
        (Decimal("-19.90"), "\u221219,90 €"),
        (0, "0,00 €"),
        (None, "\u2013"),
    ],
)
def test_money_is_written_as_in_france(value: Decimal | None, written: str) -> None:
    """Narrow no-break spaces, a decimal comma, the sign behind, a real minus."""
    assert formats.money(value) == written.replace(" ", THIN)


def test_a_headline_is_short_and_a_currency_of_its_own() -> None:
    """Thousands and millions are shortened from five digits on; codes stay codes."""
    assert formats.short_money(9999) == f"9{THIN}999{THIN}€"
    assert formats.short_money(Decimal("241032.34")) == f"241,0{THIN}k€"
    assert formats.short_money(3_400_000, "CHF") == f"3,4{THIN}MCHF"
    assert formats.percent(Decimal("0.3456")) == f"34,6{THIN}%"


def test_a_day_is_the_shops_in_paris() -> None:
    """The warehouse's times are UTC without a zone; the page's are Paris', with DST."""
    assert formats.moment(datetime(2026, 11, 27, 23, 30)) == (  # noqa: DTZ001
        f"28{THIN}nov.{THIN}2026, 00:30"
    )
    assert formats.clock(datetime(2026, 7, 1, 12, 0, 5)) == "14:00:05"  # noqa: DTZ001
    assert formats.day(date(2026, 2, 1)) == f"1{THIN}févr.{THIN}2026"


@pytest.mark.parametrize(
    ("before", "said"),
    [
        (timedelta(seconds=1), "now"),
        (timedelta(seconds=42), f"42{THIN}s ago"),
        (timedelta(minutes=3, seconds=50), f"3{THIN}min ago"),
        (timedelta(hours=5), f"5{THIN}h ago"),
        (timedelta(days=2), f"26{THIN}nov.{THIN}2026, 00:30"),
    ],
)
def test_an_age_is_said_in_one_unit(before: timedelta, said: str) -> None:
    """What is older than a day says when it was."""
    assert formats.age(NOW - before, NOW) == said


def test_a_wine_is_named_with_its_vintage_and_its_bottle() -> None:
    """A usual bottle goes without saying, no vintage is NV, the unsold has an id."""
    assert formats.wine("Château Palmer", 2016, 75) == "Château Palmer 2016"
    assert formats.wine("Château Palmer", 2016, 150) == "Château Palmer 2016, magnum"
    assert formats.wine("Bollinger", None, 37) == f"Bollinger NV, 37{THIN}cl"
    assert formats.wine(None, None, None, "clos-x-2019") == "Clos x 2019"
    assert formats.short_wine("Château Palmer 2016, magnum") == "Ch. Palmer 2016, mag."


def test_what_came_from_outside_is_text_and_never_markup() -> None:
    """A wine may be named as badly as it likes."""
    assert "<script>" not in parts.cell("<script>", "<i>")
    assert parts.advice("run `a<b` now") == "run <code>a&lt;b</code> now"


def test_a_file_opens_in_a_french_spreadsheet_and_runs_nothing_there() -> None:
    """Semicolons, decimal commas, Paris' time; a text like a formula is defused."""
    content = csv_bytes(
        [{"name": "=HYPERLINK(1)", "worth": Decimal("-1.50"), "at": NOW, "none": None}]
    )
    assert content.startswith(b"\xef\xbb\xbf")
    text = io.StringIO(content.decode("utf-8-sig"))
    head, row = csv.reader(text, delimiter=";")
    assert head == ["name", "worth", "at", "none"]
    assert row == ["'=HYPERLINK(1)", "-1,50", "2026-11-28 00:30:00", ""]
    assert csv_bytes([]) == b"\xef\xbb\xbf"


def test_days_without_sales_are_drawn_and_long_times_become_weeks() -> None:
    """Revenue is kept, whatever the bars."""

    def sold(day: date) -> dict[str, object]:
        return {"shop_day": day, "revenue": 5, "margin": 1, "orders": 1, "bottles": 2}

    few = charts.filled([sold(date(2026, 1, 5)), sold(date(2026, 1, 8))])
    assert [each["revenue"] for each in few] == [5, 0, 0, 5]
    many = charts.filled([sold(date(2026, 1, 7)), sold(date(2026, 12, 31))])
    assert len(many) == 52
    assert many[0]["said"] == f"Week of 5{THIN}janv.{THIN}2026"
    assert sum(each["revenue"] for each in many) == 10


@pytest.mark.parametrize("minutes", [0, 1, 4, 59, 600, 2880])
def test_a_short_time_is_cut_into_slots_that_fit(minutes: int) -> None:
    """Nothing sold falls between two slots, and there are never too many of them."""
    first = datetime(2026, 11, 27, 22, 58, 17)  # noqa: DTZ001 — as the warehouse says
    sold = [
        {"sold_at": first + timedelta(minutes=each), "revenue": Decimal("1.10")}
        for each in sorted({0, minutes // 2, minutes})
    ]
    size, slots = by_slots(sold)
    assert sum(each["revenue"] for each in slots) == Decimal("1.10") * len(sold)
    assert len(slots) <= 62
    assert size <= 3600


def test_an_order_is_in_whole_cases_and_makes_four_weeks_of_cover() -> None:
    """Only for wines to reorder; a stock below nothing counts as none."""

    def row(stock: int, sold: int, *, reorder: bool = True) -> dict[str, object]:
        return {"stock": stock, "sold_28_days": sold, "reorder": reorder}

    assert to_order(row(5, 30)) == 30  # 25 bottles wanted
    assert to_order(row(-4, 6)) == 6
    assert to_order(row(0, 30, reorder=False)) == 0


def test_every_wine_is_in_one_class_of_cover() -> None:
    """The classes add up, at their edges too."""
    covers: list[tuple[int, int | None]]
    covers = [(0, 0), (-3, 0), (1, 0), (9, 6), (9, 7), (9, 14), (9, 28), (9, 90)]
    covers += [(9, 10**6), (4, None), (0, None)]
    rows = [{"stock": stock, "days_of_cover": cover} for stock, cover in covers]
    classes = cover_classes(rows)
    assert [each["wines"] for each in classes] == [2, 2, 1, 1, 1, 2, 2]


def _layer(name: str, at: datetime | None, held: int = 5) -> dict[str, object]:
    return {
        "layer": name,
        "name": f"{name}_ORDERS",
        "held": held,
        "written_at": at,
        "newest_at": at,
    }


def test_a_layer_is_behind_by_the_newest_event_that_it_lacks() -> None:
    """Its objective says whether that is late; RAW is measured by what waits."""
    at = datetime(2026, 11, 27, 23, 0)  # noqa: DTZ001 — as the warehouse says
    rows = [
        _layer("RAW", at),
        _layer("STAGING", at - timedelta(seconds=299)),
        _layer("PRODUCTION", at - timedelta(seconds=601)),
        _layer("ANALYTICS", None, 0),
    ]
    held = path.layers(rows, raw_waits=11.0)
    assert [each.late for each in held.values()] == [True, False, True, False]
    states = {n.name: n.state for n in path.nodes(NOBODY, held, 0, 4)}
    assert states["STAGING"] == "waiting"
    assert states["PRODUCTION"] == "away"
    assert states["Producer"] == states["Consumer"] == "unknown"


def test_a_consumer_that_falls_silent_is_shown_as_away() -> None:
    """When others still tell, its silence says something."""
    held = path.layers([_layer("RAW", None)])
    silent = {n.name: n for n in path.nodes(Vitals("x", produced=9.0), held, 0, 4)}
    assert silent["Consumer"].state == "away"
    busy = Vitals("x", produced=9.0, written=4.0, lag=5.0)
    assert {n.name: n.state for n in path.nodes(busy, held, 0, 4)}[
        "Consumer"
    ] == "waiting"
    drawn = path.drawing(path.gone(path.nodes(busy, held, 0, 4)))
    assert drawn.count("ca-node away") == 4
