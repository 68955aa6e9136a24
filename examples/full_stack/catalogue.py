"""The wines the merchant sells, read from the CSV beside this file, and how they sell.

A bad line stops the example at the start, with the line's number: a shop that sells
wines at wrong prices is worse than one that does not open.
"""

import csv
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import Final

import attrs

from winestream.events import Colour

CATALOGUE: Final = Path(__file__).with_name("catalogue.csv")

_BOTTLES_CL: Final = (75, 150)
_VINTAGES: Final = range(1900, 2100)
_SLUG: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
# Two decimals, always: arithmetic downstream is in whole cents.
_AMOUNT: Final = re.compile(r"[0-9]+\.[0-9]{2}")

# What a month does to demand; colours not named keep 1 all year.
_SEASON: Final[Mapping[Colour, tuple[float, ...]]] = {
    Colour.SPARKLING: (0.8, 0.9, 0.8, 0.9, 1, 1, 0.9, 0.8, 0.9, 1, 1.4, 2.5),
    Colour.ROSE: (0.3, 0.3, 0.5, 1, 2, 3, 3, 2.5, 1, 0.5, 0.3, 0.3),
    Colour.SWEET: (0.8, 0.8, 0.8, 1, 0.8, 0.7, 0.6, 0.6, 0.8, 1, 1.4, 2),
}
_EVEN: Final = (1.0,) * 12
# Demand falls with this power of the price: a 9 EUR wine is in 270 baskets for each
# that holds a Pétrus at 4 700 EUR.
_ELASTICITY: Final = -0.9
_TASTE: Final = 0.7  # between wines of one price: sigma of the logarithm

QUANTITIES: Final = (1, 2, 3, 6, 12)
# Up to a price in cents: cumulative weights of those quantities, and the stock to
# fill up to, in bottles. Twelve, the largest quantity, always fits.
_TIERS: Final = (
    (15_00, (20, 42, 56, 88, 100), 240),
    (40_00, (28, 53, 68, 93, 100), 120),
    (120_00, (55, 80, 91, 99, 100), 60),
    (500_00, (80, 94, 97, 100, 100), 24),
    (10**9, (93, 99, 100, 100, 100), 12),
)


class CatalogueError(ValueError):
    """The catalogue cannot be used; the message names the file, the line and why."""


@attrs.frozen
class Wine:
    """One wine of one vintage in one bottle size.

    `price` and `cost` are euros per bottle without tax, to the cent. A `vintage` of
    None is a blend of years, as most Champagne is.
    """

    wine_id: str
    name: str
    estate: str
    region: str
    appellation: str
    colour: Colour
    vintage: int | None
    bottle_cl: int
    price: Decimal
    cost: Decimal


@attrs.frozen
class Offer:
    """A wine with what every basket needs to know of it."""

    wine: Wine
    cents: int
    quantity_weights: tuple[int, ...]
    full_stock: int


_COLUMNS: Final = tuple(field.name for field in attrs.fields(Wine))


def load_catalogue(path: Path = CATALOGUE) -> tuple[Wine, ...]:
    """Return the wines in the file's order, or raise `CatalogueError`."""
    wines: list[Wine] = []
    seen: dict[object, int] = {}
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file, strict=True)
        try:
            _check_header(next(rows, []))
            for row in rows:
                wine = _wine(row)
                _check_unique(wine, rows.line_num, seen)
                wines.append(wine)
        except (ValueError, csv.Error) as error:
            raise CatalogueError(
                f"{path.name}, line {max(rows.line_num, 1)}: {error}"
            ) from error
    if not wines:
        raise CatalogueError(f"{path.name}: no wines; add a line under the header")
    return tuple(wines)


def offer_of(wine: Wine) -> Offer:
    """Return how `wine` is sold and stocked at its price."""
    cents = int(wine.price * 100)
    _, weights, full = next(tier for tier in _TIERS if cents <= tier[0])
    return Offer(wine, cents, weights, full)


def demand_by_month(wines: Sequence[Wine], rng: Random) -> list[list[float]]:
    """Return, from January, the wines' cumulative weights in a customer's choice."""
    base = [
        (wine, float(wine.price) ** _ELASTICITY * rng.lognormvariate(0, _TASTE))
        for wine in wines
    ]
    return [
        list(accumulate(w * _SEASON.get(wine.colour, _EVEN)[month] for wine, w in base))
        for month in range(12)
    ]


def _check_header(row: list[str]) -> None:
    if tuple(row) != _COLUMNS:
        raise ValueError(f"the header must be {','.join(_COLUMNS)}")


def _check_unique(wine: Wine, line: int, seen: dict[object, int]) -> None:
    for key in (wine.wine_id, (wine.name, wine.vintage, wine.bottle_cl)):
        if key in seen:
            raise ValueError(f"{key!r} is on line {seen[key]} already")
        seen[key] = line


def _wine(row: list[str]) -> Wine:
    if len(row) != len(_COLUMNS):
        raise ValueError(f"{len(row)} fields instead of {len(_COLUMNS)}")
    cells = dict(zip(_COLUMNS, row, strict=True))
    wine = Wine(
        wine_id=_slug(cells),
        name=_text(cells, "name"),
        estate=_text(cells, "estate"),
        region=_text(cells, "region"),
        appellation=_text(cells, "appellation"),
        colour=_colour(cells),
        vintage=_vintage(cells),
        bottle_cl=_bottle(cells),
        price=_amount(cells, "price"),
        cost=_amount(cells, "cost"),
    )
    if wine.cost >= wine.price:
        raise ValueError(f"cost {wine.cost} is not below price {wine.price}")
    return wine


def _text(cells: Mapping[str, str], column: str) -> str:
    value = cells[column]
    if not value or value != value.strip():
        raise ValueError(f"{column} {value!r} is empty or has spaces around it")
    return value


def _slug(cells: Mapping[str, str]) -> str:
    value = cells["wine_id"]
    if not _SLUG.fullmatch(value):
        raise ValueError(f"wine_id {value!r} is no slug such as chateau-margaux-2015")
    return value


def _colour(cells: Mapping[str, str]) -> Colour:
    try:
        return Colour(cells["colour"])
    except ValueError:
        known = ", ".join(Colour)
        raise ValueError(f"colour {cells['colour']!r} is none of {known}") from None


def _vintage(cells: Mapping[str, str]) -> int | None:
    value = cells["vintage"]
    if not value:
        return None
    if not (value.isdecimal() and int(value) in _VINTAGES):
        raise ValueError(f"vintage {value!r} is no year; leave it empty for a blend")
    return int(value)


def _bottle(cells: Mapping[str, str]) -> int:
    value = cells["bottle_cl"]
    if value not in map(str, _BOTTLES_CL):
        raise ValueError(f"bottle_cl {value!r} is neither 75 nor 150")
    return int(value)


def _amount(cells: Mapping[str, str], column: str) -> Decimal:
    value = cells[column]
    if not _AMOUNT.fullmatch(value) or not Decimal(value):
        raise ValueError(f"{column} {value!r} is no positive amount such as 12.50")
    return Decimal(value)
