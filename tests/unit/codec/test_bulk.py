"""What a lens does with a run: nothing is decoded or looked at more than need be."""

from collections import Counter

import attrs
import pytest
from codec_examples import CELLAR, CORK, HEAD, STOCK, routes, text

from winestream.codec import Routes
from winestream.codec.bulk import Lens, Walk, decoded
from winestream.codec.fast import Inspector
from winestream.events import Event

FINE = text(STOCK)
EXTRA = text(STOCK | {"zzz": 1})
CUT = FINE[:-3]
UNKNOWN = text(HEAD | {"event_type": "BOTTLE_SOLD"})


@pytest.mark.parametrize("before", [0, 1, 5, 200])
def test_what_was_decoded_before_a_fault_is_kept(before: int) -> None:
    """A list extended by an iterator that raises has what came before."""
    assert decoded(int, [b"7"] * before + [b"x", b"7"]) == [7] * before
    assert decoded(int, [b"7"] * before + [None, b"7"]) == [7] * before


class Counted:
    """How often each lens was tried on a message, and how many were looked at."""

    def __init__(self) -> None:
        self.times: Counter[str] = Counter()

    def run(self, values: list[bytes | None]) -> Counter[str]:
        """Return the counts of one run."""
        inspector: Inspector = routes()._inspector
        self.times.clear()

        def look(value: bytes | None) -> object:
            self.times["looks"] += 1
            return inspector._look(value)

        quick = self._lens(inspector._quick, "quick")
        Walk(values, quick, self._lens(inspector._exact, "exact"), look).take()
        return self.times

    def _lens(self, lens: Lens, name: str) -> Lens:
        def decode(value: bytes) -> object:
            self.times[name] += 1
            return lens.decode(value)

        return attrs.evolve(lens, decode=decode)


RUN = Counted().run


def test_a_fault_costs_one_look_and_nothing_is_decoded_twice() -> None:
    """Sparse faults leave their neighbours to the quick lens, which sees each once."""
    values = ([FINE] * 40 + [CUT] + [FINE] * 59) * 5
    assert RUN(values) == {"quick": 500, "looks": 5}


def test_a_fault_in_money_is_looked_at_alone() -> None:
    """What the guard refuses among many is found without a look at the others."""
    fine = routes().encode(CELLAR)
    nan = fine.replace(b'"money":"', b'"money":"sNaN')
    assert nan != fine
    assert RUN([fine] * 77 + [nan] + [fine] * 50)["looks"] == 1
    assert RUN([fine] * 77 + [nan] + [fine] * 50 + [UNKNOWN])["looks"] == 2


def test_messages_with_a_new_field_go_to_the_exact_lens() -> None:
    """A stretch of them costs one look at its beginning, two later on."""
    assert RUN([EXTRA] * 300) == {"quick": 1, "looks": 1, "exact": 299}
    later = RUN([FINE] * 30 + [EXTRA] * 300)
    assert (later["looks"], later["exact"]) == (2, 298)


def test_a_rare_one_with_a_new_field_leaves_the_rest_to_the_quick_lens() -> None:
    """The quick lens is worth a look now and then."""
    assert RUN(([FINE] * 50 + [EXTRA]) * 8) == {"quick": 408, "looks": 8}


@pytest.mark.parametrize("value", [None, CUT, UNKNOWN])
def test_a_stretch_of_faults_is_looked_at_one_by_one(value: bytes | None) -> None:
    """The quick lens is tried on one in sixteen, and soon back when it is over."""
    times = RUN([value] * 320 + [FINE] * 300)
    assert times["looks"] < 340
    assert times["quick"] < 30 + 300


def test_who_checks_itself_is_not_looked_at_alone() -> None:
    """Such a class costs its own check, once a message, and nothing else."""
    assert RUN([text(CORK)] * 200 + [FINE] * 100) == {"quick": 300}
    assert RUN([text(CORK), FINE] * 100) == {"quick": 200}


def test_who_refuses_itself_costs_one_look() -> None:
    """Its neighbours are asked once, and the lens stays."""
    refused = text(CORK | {"corks": -1})
    values = ([text(CORK)] * 40 + [refused] + [FINE] * 9) * 6
    assert RUN(values) == {"quick": 300, "looks": 6}
    assert RUN([refused] * 300) == {"quick": 300, "looks": 300}


def test_a_class_is_asked_once_about_each_message() -> None:
    """However many are refused among them; a refused one is looked at once more."""
    asked: Counter[str] = Counter()

    def note(_event: object, _field: object, value: str) -> None:
        asked[value] += 1
        if value.startswith("bad"):
            raise ValueError

    @attrs.frozen(kw_only=True)
    class CaskOpened(Event):
        cask: str = attrs.field(validator=note)

    codec = Routes({CaskOpened: "RAW_CASKS"})
    head = HEAD | {"event_type": "CASK_OPENED"}
    names = [f"{'bad' if n % 17 == 3 else 'fine'}{n}" for n in range(200)]
    found = codec.inspect([text(head | {"cask": name}) for name in names])
    assert [*found.failures] == [n for n in range(200) if n % 17 == 3]
    assert {asked[name] for name in names if name.startswith("fine")} == {1}
