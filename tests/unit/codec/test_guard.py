"""What the quick look at many amounts takes, Decimal takes."""

from decimal import Decimal

import attrs
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from winestream.codec.guard import Guard, guard_of


@attrs.frozen
class Priced:
    price: Decimal


def quick_guard() -> Guard:
    """Return the guard of mirrors that have their money as text."""
    guard = guard_of(Priced, str)
    assert guard is not None
    return guard


FINE = quick_guard()
SURE = [*("1.10", "0.00", "5.", ".5", "-1", "-0.1", "12", "0" * 5000)]
amounts = st.one_of(
    st.sampled_from(SURE),
    st.text("01.", max_size=4),
    st.text("09.-+ \n\0eN\u0661_", max_size=4),
)


def is_money(amount: str) -> bool:
    """Whether it is a finite number to Decimal."""
    try:
        return Decimal(amount).is_finite()
    except ArithmeticError:
        return False


@settings(max_examples=500)
@given(st.lists(amounts, max_size=5))
@example(["."])
@example(["1.", ".", ".1"])
@example(["1.1\n1.1", "1"])
@example(["1.1\n1", "1.1"])
@example(["", "1.1"])
def test_what_the_guard_takes_is_money(found: list[str]) -> None:
    """It may refuse money, but it takes nothing else, in whatever company."""
    if FINE([Priced(amount) for amount in found]):  # type: ignore[arg-type] # as in mirrors
        assert all(map(is_money, found))


@pytest.mark.parametrize("amount", ["1.10", "0.00", "12345678901234567890.5", "5."])
def test_usual_money_is_taken(amount: str) -> None:
    """What is taken at the first look is money with a point; alone or among many."""
    assert FINE([Priced(amount)])  # type: ignore[arg-type]
    assert FINE([Priced(amount)] * 300)  # type: ignore[arg-type]


@pytest.mark.parametrize("amount", ["-1.10", "-7", "12", "0"])
def test_signs_and_whole_numbers_are_taken(amount: str) -> None:
    """The second look takes them, among others too."""
    assert FINE([Priced("1.10"), Priced(amount)])  # type: ignore[arg-type]


@pytest.mark.parametrize("amount", [".", "", "NaN", "1\n2", "1.1\n", "\u0661.1", "1e5"])
def test_one_odd_amount_is_refused_among_many(amount: str) -> None:
    """Where it stands does not matter."""
    usual = [Priced("1.10")] * 3  # type: ignore[arg-type]
    odd = [Priced(amount)]  # type: ignore[arg-type]
    for found in (odd, odd + usual, usual + odd, usual + odd + usual):
        assert not FINE(found)
