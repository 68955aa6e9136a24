"""Figures, dates and wines as a French merchant writes them. Pure."""

from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Final
from zoneinfo import ZoneInfo

PARIS: Final = ZoneInfo("Europe/Paris")
THIN: Final = "\u202f"
"""The narrow no-break space: between thousands, before a unit."""
NOTHING: Final = "\u2013"
"""What stands where there is no figure."""

_MINUS: Final = "\u2212"
_SYMBOLS: Final = {"EUR": "€", "GBP": "£", "USD": "$US", "CHF": "CHF"}
SHORT_MONTHS: Final = (
    "janv.",
    "févr.",
    "mars",
    "avr.",
    "mai",
    "juin",
    "juil.",
    "août",
    "sept.",
    "oct.",
    "nov.",
    "déc.",
)
_FORMATS: Final = {75: "", 150: "magnum", 300: "double magnum"}
_SHORT: Final = {
    "Château ": "Ch. ",
    "Domaine ": "Dom. ",
    "Premier Cru": "1er Cru",
    "Saint-": "St-",
    ", double magnum": ", dbl mag.",
    ", magnum": ", mag.",
}
_COUNTRIES: Final = {
    "AT": "Austria",
    "BE": "Belgium",
    "CA": "Canada",
    "CH": "Switzerland",
    "DE": "Germany",
    "DK": "Denmark",
    "ES": "Spain",
    "FR": "France",
    "GB": "United Kingdom",
    "IE": "Ireland",
    "IT": "Italy",
    "HK": "Hong Kong",
    "JP": "Japan",
    "LU": "Luxembourg",
    "NL": "Netherlands",
    "PT": "Portugal",
    "SE": "Sweden",
    "SG": "Singapore",
    "US": "United States",
}

Figure = Decimal | float | int

_TEN, _MINUTE, _HOUR, _DAY = 10, 60, 3600, 86_400
_SOON: Final = 2  # younger than so many seconds is "now"


def decimal(value: Figure | None, places: int = 0) -> str:
    """Return a figure, half a unit rounded away from zero: `1 234,50`."""
    if value is None:
        return NOTHING
    exact = Decimal(str(value)).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    digits = f"{abs(exact):,.{places}f}"
    text = digits.replace(",", THIN).replace(".", ",")
    return f"{_MINUS}{text}" if exact < 0 else text


def money(value: Figure | None, currency: str = "EUR", *, cents: bool = True) -> str:
    """Return an amount: `1 234,50 €`."""
    if value is None:
        return NOTHING
    return f"{decimal(value, 2 if cents else 0)}{THIN}{symbol(currency)}"


def short_money(value: Figure | None, currency: str = "EUR") -> str:
    """Return an amount for a headline, four digits at most: `12,3 k€`."""
    if value is None:
        return NOTHING
    sign = symbol(currency)
    for limit, unit in ((Decimal(1_000_000), "M"), (Decimal(10_000), "k")):
        scale = Decimal(1_000_000) if unit == "M" else Decimal(1000)
        if abs(Decimal(str(value))) >= limit:
            scaled = Decimal(str(value)) / scale
            places = 1 if abs(scaled) < 1000 else 0  # noqa: PLR2004 — four digits
            return f"{decimal(scaled, places)}{THIN}{unit}{sign}"
    return money(value, currency, cents=False)


def symbol(currency: str) -> str:
    """Return a currency's sign, or its code where it has none of its own."""
    return _SYMBOLS.get(currency, currency)


def percent(share: Figure | None, places: int = 1) -> str:
    """Return a fraction as a percentage: `34,5 %`."""
    if share is None:
        return NOTHING
    return f"{decimal(Decimal(str(share)) * 100, places)}{THIN}%"


def day(value: date | None) -> str:
    """Return a date: `27 nov. 2026`."""
    if value is None:
        return NOTHING
    return f"{value.day}{THIN}{SHORT_MONTHS[value.month - 1]}{THIN}{value.year}"


def short_day(value: date) -> str:
    """Return a date without its year, as an axis has it: `27 nov.`."""
    return f"{value.day}{THIN}{SHORT_MONTHS[value.month - 1]}"


def paris(value: datetime) -> datetime:
    """Return a time in Europe/Paris; the warehouse's have no zone and are UTC."""
    aware = value if value.tzinfo else value.replace(tzinfo=UTC)
    return aware.astimezone(PARIS)


def clock(value: datetime | None) -> str:
    """Return the time of the day in Paris: `14:03:05`."""
    return NOTHING if value is None else f"{paris(value):%H:%M:%S}"


def moment(value: datetime | None) -> str:
    """Return date and time in Paris: `27 nov. 2026, 14:03`."""
    if value is None:
        return NOTHING
    local = paris(value)
    return f"{day(local.date())}, {local:%H:%M}"


def age(value: datetime | None, now: datetime) -> str:
    """Return how long ago something was, or when, if that was days ago."""
    if value is None:
        return NOTHING
    seconds = int((paris(now) - paris(value)).total_seconds())
    if seconds < _SOON:
        return "now"
    if seconds < _MINUTE:
        return f"{seconds}{THIN}s ago"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE}{THIN}min ago"
    if seconds < _DAY:
        return f"{seconds // _HOUR}{THIN}h ago"
    return moment(value)


def span(seconds: Figure | None) -> str:
    """Return a length of time: `4 s`, `3 min`."""
    if seconds is None:
        return NOTHING
    whole = float(seconds)
    if whole < _MINUTE:
        places = 0 if whole >= _TEN or round(whole, 1).is_integer() else 1
        return f"{decimal(whole, places)}{THIN}s"
    if whole < _HOUR:
        return f"{decimal(whole / _MINUTE)}{THIN}min"
    if whole < _DAY:
        return f"{decimal(whole / _HOUR)}{THIN}h"
    return f"{decimal(whole / _DAY)}{THIN}d"


def wine(
    name: str | None,
    vintage: int | None,
    bottle_cl: int | None = None,
    wine_id: str = "",
) -> str:
    """Return a wine as a list names it: `Château Margaux 2015, magnum`.

    A wine that nobody has ordered yet has only its id.
    """
    if not name:
        return wine_id.replace("-", " ").capitalize() or NOTHING
    year = str(vintage) if vintage else "NV"
    size = _FORMATS.get(bottle_cl, f"{bottle_cl}{THIN}cl") if bottle_cl else ""
    return f"{name} {year}" + (f", {size}" if size else "")


def short_wine(text: str) -> str:
    """Return a wine's name as a narrow place has it: `Ch. Margaux 2015`."""
    for long, short in _SHORT.items():
        text = text.replace(long, short)
    return text


def country(code: str | None) -> str:
    """Return a country's name, or its code where it is none of our usual ones."""
    return _COUNTRIES.get(code or "", code or NOTHING)


def plural(count: int, one: str, many: str = "") -> str:
    """Return a count with its noun: `1 order`, `1 234 orders`."""
    noun = one if count == 1 else many or f"{one}s"
    return f"{decimal(count)} {noun}"


def first_of(most: int, count: int, one: str, many: str = "") -> str:
    """Return how many of a list are shown: `The first 25 of 514 wines`, `16 wines`."""
    there = plural(count, one, many)
    return f"The first {decimal(most)} of {there}" if count > most else there
