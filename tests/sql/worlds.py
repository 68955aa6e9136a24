"""Small worlds drawn at random, with everything in them that the SQL has to bear.

A world is a few customers, orders and wines whose keys no other world has, so that many
worlds fit into one database and one hundred cost little more than one.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final

import attrs
from elt import LOADS, Message, Pipeline, message
from wine_events import line, moved, order

from winestream.events import OrderLine, Reason

# Around midnight in Paris, both changes of the clock, and a year's end; in UTC.
_MOMENTS: Final = tuple(
    datetime.fromisoformat(text).replace(tzinfo=UTC)
    for text in (
        "2025-03-29T22:59:59.999999",
        "2025-03-29T23:00:00",
        "2025-03-30T21:59:59.999999",
        "2025-03-30T22:00:00",
        "2025-10-25T21:59:59",
        "2025-10-25T22:00:00",
        "2025-10-26T22:59:59",
        "2025-10-26T23:00:00",
        "2025-12-31T23:00:00",
    )
)
_BROKEN_ORDERS: Final[tuple[dict[str, Any], ...]] = (
    {"total": "NaN"},
    {"shipping": "1.005"},
    {"subtotal": "1e11"},
    {"currency": "euros"},
    {"lines": []},
    {"customer.customer_id": "  "},
    {"lines.0.quantity": 1.5},
    {"lines.0.unit_price": "cheap"},
    {"lines.0.vintage": 20150},
)
_BROKEN_MOVES: Final[tuple[dict[str, Any], ...]] = (
    {"quantity": 10**12},
    {"wine_id": ""},
    {"stock_after": None},
)


@attrs.frozen
class World:
    """Messages in the order in which they happened, each once."""

    messages: tuple[Message, ...]


def draw(rng: Random, name: str) -> World:
    """Draw a world whose keys begin with `name`."""
    messages = [*_orders(rng, name), *_moves(rng, name)]
    return World(tuple(messages))


def _at(rng: Random) -> datetime:
    # Moments repeat on purpose: then the event id decides.
    return rng.choice(_MOMENTS) + timedelta(seconds=rng.choice((0, 0, 1, -1)))


def _lines(rng: Random, name: str) -> list[OrderLine]:
    return [
        line(
            f"{name}-w{rng.randint(1, 2)}",
            rng.randint(1, 6),
            rng.choice(("0.01", "9.99", "1208.33")),
            rng.choice(("0.00", "0.01")),
            region=rng.choice(("Jura", "Loire")),
            vintage=rng.choice((None, 2015)),
        )
        for _ in range(rng.randint(1, 3))
    ]


def _orders(rng: Random, name: str) -> Iterator[Message]:
    for number in range(rng.randint(1, 3)):
        for version in range(rng.choice((1, 1, 2, 3))):
            event = order(
                f"{name}-o{number}",
                *_lines(rng, name),
                customer=f"{name}-c{rng.randint(1, 2)}",
                at=_at(rng),
                event_id=f"{name}-{number}-{version}",
                shipping=rng.choice(("0.00", "9.90")),
            )
            broken = rng.random() < 0.25
            yield message(event, **(rng.choice(_BROKEN_ORDERS) if broken else {}))
            if rng.random() < 0.1:  # the same id with another content
                yield message(event, shipping="1.23")


def _moves(rng: Random, name: str) -> Iterator[Message]:
    for number in range(rng.randint(0, 4)):
        event = moved(
            rng.choice((-3, -1, 2, 12)),
            rng.randint(-3, 20),
            wine_id=f"{name}-w{rng.randint(1, 2)}",
            reason=rng.choice(tuple(Reason)),
            at=_at(rng),
            event_id=f"{name}-m{number}",
        )
        broken = rng.random() < 0.2
        yield message(event, **(rng.choice(_BROKEN_MOVES) if broken else {}))
        if rng.random() < 0.15:  # and it even names another wine
            yield message(event, wine_id=f"{name}-w{rng.randint(1, 2)}", quantity=1)


def play_in_order(pipeline: Pipeline, worlds: list[World]) -> None:
    """Land everything at once, then run each task once, layer by layer."""
    pipeline.land([each for world in worlds for each in world.messages])
    pipeline.drain()


def play_at_random(pipeline: Pipeline, worlds: list[World], rng: Random) -> None:
    """Land in any order, some of it again and again, with any tasks in between."""
    messages = [each for world in worlds for each in world.messages]
    again = rng.choices(messages, k=len(messages) // 2)
    dealt = [*messages, *again]
    rng.shuffle(dealt)
    cuts = sorted(rng.sample(range(len(dealt) + 1), 3))
    for start, stop in zip([0, *cuts], [*cuts, len(dealt)], strict=True):
        pipeline.land(dealt[start:stop])
        pipeline.run(*rng.sample(LOADS, rng.randint(1, len(LOADS))))
    # To the end, and still in any order: until nothing is left anywhere.
    while waiting := pipeline.waiting():
        pipeline.run(*rng.sample(waiting, rng.randint(1, len(waiting))))
