"""What is made of a mirror is what the slow path makes of the message."""

from datetime import UTC, datetime
from typing import Annotated, Any, NewType

import attrs
import pytest
from codec_examples import HEAD, Barrel, Seal, text
from hypothesis import given
from hypothesis import strategies as st

from winestream.codec import Routes
from winestream.events import Event

Plain = NewType("Plain", Seal)


@attrs.frozen(kw_only=True)
class CrateShipped(Event):
    """Holds other classes in every way a mirror can."""

    seal: Seal
    _number: int
    layers: list[list[Seal]]
    first: tuple[Seal, int]
    by_row: dict[str, tuple[Seal, ...]]
    either: Seal | int | None
    many: list[Seal] | Seal
    few: tuple[Seal, ...] | Seal
    named: dict[str, Seal] | str
    plain: Plain
    noted: Annotated[Seal, "note"]
    spare: Seal | None = None
    spares: tuple[Seal | None, ...] = ()
    barrel: Barrel | None = None
    copies: int = attrs.field(
        default=attrs.Factory(lambda self: self._number + 1, takes_self=True)
    )
    _mark: str = ""
    made: int = attrs.field(init=False, default=7)


ROUTES = Routes({CrateShipped: "RAW_CRATES"})
seals = st.builds(Seal, code=st.text(max_size=4))
crates = st.builds(
    CrateShipped,
    event_id=st.text(min_size=1, max_size=3),
    occurred_at=st.just(datetime(2026, 11, 23, 7, tzinfo=UTC)),
    seal=seals,
    number=st.integers(),
    layers=st.lists(st.lists(seals, max_size=2), max_size=2),
    first=st.tuples(seals, st.integers()),
    by_row=st.dictionaries(
        st.text(max_size=2), st.lists(seals, max_size=2).map(tuple), max_size=2
    ),
    either=st.one_of(st.none(), st.integers(), seals),
    many=st.one_of(seals, st.lists(seals, max_size=2)),
    few=st.one_of(seals, st.lists(seals, max_size=2).map(tuple)),
    named=st.one_of(
        st.text(max_size=3), st.dictionaries(st.text(max_size=2), seals, max_size=2)
    ),
    plain=seals.map(Plain),
    noted=seals,
    spare=st.none() | seals,
    spares=st.lists(st.none() | seals, max_size=2).map(tuple),
    copies=st.integers(),
    mark=st.text(max_size=2),
)


def made_of(value: bytes) -> Any:
    """Return what is made of the mirror, None if it has to be read the slow way."""
    return ROUTES._inspector.event_of(value)


@given(crates)
def test_what_was_encoded_is_made_again(crate: CrateShipped) -> None:
    """Records in lists, tuples, dicts and unions; a private field by its alias."""
    value = ROUTES.encode(crate)
    assert made_of(value) == crate == ROUTES._strict.decode(value)


SEAL = {"code": "a"}
FIELDS: dict[str, Any] = HEAD | {
    "event_type": "CRATE_SHIPPED",
    "seal": SEAL,
    "_number": 4,
    "layers": [],
    "first": [SEAL, 1],
    "by_row": {},
    "either": None,
    "many": [],
    "few": SEAL,
    "named": "x",
    "plain": SEAL,
    "noted": SEAL,
    "spare": SEAL,
    "spares": [None],
    "barrel": {"litres": 1, "price": "1.10"},
    "copies": 1,
    "_mark": "m",
    "made": 9,
}


@pytest.mark.parametrize(
    "left_out", ["spare", "spares", "barrel", "copies", "_mark", "made"]
)
def test_what_a_message_leaves_out_has_its_default(left_out: str) -> None:
    """A default, and one that is made of other fields; null is not left out."""
    value = text({name: FIELDS[name] for name in FIELDS if name != left_out})
    made = made_of(value)
    assert repr(made) == repr(ROUTES._strict.decode(value))
    assert made.made == 7
    assert made.copies == (5 if left_out == "copies" else 1)
    assert (made.spare is None) == (left_out == "spare")
    assert (made.barrel is None) == (left_out == "barrel")
