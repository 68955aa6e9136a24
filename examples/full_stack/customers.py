"""Who buys, when and how: a fixed population, its rhythm, and its countries' rates.

The population is the same in every run and for every seed of the shop, so that a
customer id means one person in the warehouse, whoever ran the producer.
Names are invented; e-mail addresses are at domains reserved for examples (RFC 2606).
"""

import unicodedata
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from random import Random
from types import MappingProxyType
from typing import Final

import attrs

from winestream.events import Channel, Customer

POPULATION: Final = 3_000
_SEED: Final = 1855  # the year of the classification

# Pareto with this shape: a tenth of the customers places half the orders.
_LOYALTY: Final = 1.25
# Uncapped, the luckiest of 3 000 would place one order in twenty-five.
_MOST_LOYAL: Final = 40.0
_DOMAINS: Final = ("example.com", "example.org", "example.net")
_FOLDED: Final = str.maketrans({"ß": "ss", "ø": "o", "Ø": "O", "æ": "ae", "Æ": "Ae"})

# A mean over the year; the three rhythms share it out.
_ORDERS_A_DAY: Final = 180
_BY_HOUR: Final = (
    *(4, 2, 1, 1, 1, 2, 6, 14, 30, 45, 60, 80),
    *(105, 90, 60, 55, 65, 95, 120, 110, 80, 55, 30, 12),
)
_BY_WEEKDAY: Final = (85, 85, 95, 105, 130, 150, 50)  # from Monday
_BY_MONTH: Final = (70, 80, 90, 90, 100, 100, 85, 75, 110, 100, 120, 190)
_HOUR: Final = timedelta(hours=1)

SHOP_CITY: Final = "Paris"
_SHOP_HOURS: Final = range(10, 20)
_PHONE_HOURS: Final = range(9, 19)
_SUNDAY: Final = 6
# In those hours a Parisian comes with the first chance, anyone calls above the second.
_WALKS_IN, _CALLS = 0.6, 0.92


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _listed(text: str) -> tuple[str, ...]:
    return tuple(text.split(", "))


@attrs.frozen
class Country:
    """What an order from a country costs besides its wines.

    `tax_percent` is the standard VAT rate, 0 for exports. `shipping_cents` includes
    its tax and is waived from a subtotal of `free_from_cents`.
    """

    weight: int  # of 1000 customers
    tax_percent: int
    shipping_cents: int
    free_from_cents: int
    first_names: tuple[str, ...] = attrs.field(converter=_words)
    last_names: tuple[str, ...] = attrs.field(converter=_words)
    cities: tuple[str, ...] = attrs.field(converter=_listed)


# Cents: the parcel, and the subtotal from which it is free.
_HOME: Final = (9_90, 150_00)
_UNION: Final = (14_90, 300_00)
_NEIGHBOUR: Final = (24_90, 400_00)
_OVERSEAS: Final = (59_00, 900_00)

COUNTRIES: Final[Mapping[str, Country]] = MappingProxyType(
    {
        "FR": Country(
            620,
            20,
            *_HOME,
            first_names="Camille Léa Chloé Manon Inès Jeanne Louise Alice Élodie "
            "Hélène Sophie Claire Anaïs Margaux Julie Nathalie Françoise Monique "
            "Lucas Hugo Louis Jules Arthur Gabriel Théo Mathieu Nicolas Antoine "
            "Julien Benoît Guillaume François Étienne Rémi Pascal Gérard Michel "
            "Henri Mehdi Karim",
            last_names="Martin Bernard Dubois Thomas Robert Richard Petit Durand "
            "Leroy Moreau Simon Laurent Lefebvre Michel Garcia Bertrand Roux Vincent "
            "Fournier Morel Girard André Lefèvre Mercier Dupont Lambert Bonnet "
            "François Martinez Legrand Garnier Faure Rousseau Blanc Guérin Muller "
            "Henry Roussel Perrin Chevalier Gauthier Nguyen Benali Besson Le-Goff "
            "Pélissier",
            # The shop is in Paris, and so is one French customer in four.
            cities="Paris, Paris, Paris, Paris, Paris, Paris, Paris, Lyon, "
            "Marseille, Bordeaux, Lille, Nantes, Toulouse, Strasbourg, Nice, Rennes, "
            "Montpellier, Dijon, Reims, Grenoble, Tours, Angers, Rouen, Versailles, "
            "Annecy, La Rochelle, Beaune, Orléans",
        ),
        "BE": Country(
            80,
            21,
            *_UNION,
            first_names="Emma Louise Olivia Charlotte Elise Marie Arthur Noah Jules "
            "Wout Pieter",
            last_names="Peeters Janssens Maes Jacobs Mertens Willems Claes Dubois "
            "Lambert Dupont",
            cities="Bruxelles, Antwerpen, Gent, Liège, Namur, Brugge, Leuven",
        ),
        "DE": Country(
            70,
            19,
            *_UNION,
            first_names="Anna Lena Katharina Sabine Jürgen Thomas Stefan Lukas Felix "
            "Jörg Heike",
            last_names="Müller Schmidt Schneider Fischer Weber Meyer Becker Schäfer "
            "Koch Groß",
            cities="Berlin, München, Hamburg, Köln, Frankfurt am Main, Stuttgart, "
            "Freiburg",
        ),
        "CH": Country(
            45,
            0,
            *_NEIGHBOUR,
            first_names="Laura Nina Céline Corinne Urs Reto Marc Beat Luca Yves",
            last_names="Müller Meier Keller Favre Rochat Brunner Baumann Gerber "
            "Bianchi",
            cities="Genève, Lausanne, Zürich, Bern, Basel, Neuchâtel, Lugano",
        ),
        "GB": Country(
            45,
            0,
            *_NEIGHBOUR,
            first_names="Oliver George Harry Emily Charlotte Fiona Alistair Rhys "
            "Amelia Priya",
            last_names="Smith Jones Taylor Brown Wilson Evans Campbell Hughes Patel "
            "Clarke",
            cities="London, Edinburgh, Manchester, Bristol, Oxford, Cardiff, Leeds",
        ),
        "US": Country(
            35,
            0,
            *_OVERSEAS,
            first_names="James Michael David Jennifer Emily Sarah Daniel Grace Maria "
            "Kevin",
            last_names="Smith Johnson Williams Miller Davis Rodriguez Anderson Lee "
            "Nguyen Cohen",
            cities="New York, San Francisco, Chicago, Boston, Washington, Seattle, "
            "Austin",
        ),
        "LU": Country(
            25,
            17,
            *_UNION,
            first_names="Anne Marc Claude Sandra Paul Tom Martine",
            last_names="Schmit Weber Hoffmann Wagner Thill Kremer",
            cities="Luxembourg, Esch-sur-Alzette, Differdange",
        ),
        "NL": Country(
            25,
            21,
            *_UNION,
            first_names="Daan Sem Sanne Lotte Anouk Maarten Jeroen Fleur",
            last_names="de-Jong Jansen Bakker Visser Smit Meijer Mulder Bos",
            cities="Amsterdam, Utrecht, Rotterdam, Den Haag, Maastricht",
        ),
        "JP": Country(
            18,
            0,
            *_OVERSEAS,
            first_names="Haruto Yuki Sakura Kenji Akiko Naoko Hiroshi Yui",
            last_names="Sato Suzuki Takahashi Tanaka Watanabe Ito Yamamoto Nakamura",
            cities="Tokyo, Osaka, Kyoto, Yokohama, Fukuoka",
        ),
        "DK": Country(
            12,
            25,
            *_UNION,
            first_names="Søren Mette Lars Freja Kirsten Emil",
            last_names="Nielsen Jensen Hansen Pedersen Sørensen Kjær",
            cities="København, Aarhus, Odense",
        ),
        "IT": Country(
            10,
            22,
            *_UNION,
            first_names="Giulia Marco Francesca Luca Chiara Alessandro",
            last_names="Rossi Russo Ferrari Bianchi Romano Colombo",
            cities="Milano, Torino, Roma, Bologna",
        ),
        "IE": Country(
            8,
            23,
            *_UNION,
            first_names="Aoife Ciarán Niamh Seán Siobhán Conor",
            last_names="Murphy Kelly Byrne Ryan Doyle Walsh",
            cities="Dublin, Cork, Galway",
        ),
        "SG": Country(
            7,
            0,
            *_OVERSEAS,
            first_names="Wei-Ling Jia-Hui Kai Mei Arjun Rachel",
            last_names="Tan Lim Lee Ng Wong Chua",
            cities="Singapore",
        ),
    }
)


@attrs.frozen
class Customers:
    """The population, and how likely each is to be the next to order."""

    people: tuple[Customer, ...]
    loyalty: tuple[float, ...]


def make_customers(count: int = POPULATION) -> Customers:
    """Return the first `count` people of the population; always the same ones."""
    rng = Random(_SEED)
    codes = tuple(COUNTRIES)
    shares = [country.weight for country in COUNTRIES.values()]
    taken: Counter[str] = Counter()
    people = []
    loyalty = []
    for number in range(1, count + 1):
        code = rng.choices(codes, shares)[0]
        people.append(_customer(rng, number, code, taken))
        loyalty.append(min(rng.paretovariate(_LOYALTY), _MOST_LOYAL))
    return Customers(tuple(people), tuple(loyalty))


def _customer(rng: Random, number: int, code: str, taken: Counter[str]) -> Customer:
    country = COUNTRIES[code]
    first = rng.choice(country.first_names)
    last = rng.choice(country.last_names)
    mailbox = _ascii(f"{first}.{last}")
    taken[mailbox] += 1
    # The second Camille Martin has to be camille.martin2, as everywhere.
    again = taken[mailbox] if taken[mailbox] > 1 else ""
    return Customer(
        customer_id=f"C{number:05d}",
        name=f"{first} {last.replace('-', ' ')}",
        email=f"{mailbox}{again}@{rng.choice(_DOMAINS)}",
        country=code,
        city=rng.choice(country.cities),
    )


def _ascii(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text.translate(_FOLDED))
    return plain.encode("ascii", "ignore").decode().lower()


def next_arrival(rng: Random, now: datetime) -> datetime:
    """Return when the next order comes: a Poisson process, its rate set by the hour.

    Exact without rejected draws: an exponential amount of waiting is spent hour by
    hour, at each hour's rate.
    """
    waiting = rng.expovariate(1.0)
    while True:
        next_hour = now.replace(minute=0, second=0, microsecond=0) + _HOUR
        rate = _orders_an_hour(now)
        spent = (next_hour - now) / _HOUR * rate
        if waiting <= spent:
            return now + waiting / rate * _HOUR
        waiting -= spent
        now = next_hour


def _orders_an_hour(now: datetime) -> float:
    hour = _BY_HOUR[now.hour] / sum(_BY_HOUR)
    weekday = _BY_WEEKDAY[now.weekday()] * 7 / sum(_BY_WEEKDAY)
    month = _BY_MONTH[now.month - 1] * 12 / sum(_BY_MONTH)
    return _ORDERS_A_DAY * hour * weekday * month


def choose_channel(rng: Random, customer: Customer, now: datetime) -> Channel:
    """Return how `customer` orders at this hour; only Parisians come to the shop."""
    chance = rng.random()
    weekday = now.weekday() != _SUNDAY
    local = customer.city == SHOP_CITY
    if local and weekday and now.hour in _SHOP_HOURS and chance < _WALKS_IN:
        return Channel.SHOP
    if weekday and now.hour in _PHONE_HOURS and chance > _CALLS:
        return Channel.PHONE
    return Channel.WEB
