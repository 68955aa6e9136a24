"""The simulation can fail: it notices each of these mistakes in the real code.

All of them: `python tests/simulation/mutants.py`. Here those that show soonest.
"""

import pytest
from mutants import PLANTED, TOLERATED
from planting import Mutant, hunt

SOON = range(100)
"""Each of the mutants hunted here is caught within so many histories."""

QUICK = [
    "commit_before_write",
    "ledger_after_copy",
    "no_row_count_check",
    "set_not_joined_to_the_ledger",
    "no_claim_in_set",
    "no_from_in_set",
    "unknown_is_retryable",
    "dead_letters_are_not_written",
    "an_error_leaves_the_transaction_open",
    "a_position_is_one_too_far",
    "a_failed_poll_restarts_nothing",
    "a_gap_is_believed_at_once",
    "a_drain_has_no_deadline",
    "fenced_is_never_taken_again",
    "a_refused_row_is_dropped",
    "nothing_is_trimmed",
    "lost_is_not_forgotten",
    "an_unknown_slice_is_sent_again",
    "halves_are_out_of_order",
    "a_claim_of_an_earlier_term_counts",
    "what_came_before_a_restart_is_fed",
    "kafkas_refusal_is_not_heard",
    "what_is_idle_is_not_confirmed",
    "kafka_is_told_at_written",
    "a_confirm_is_believed_unread",
    "rows_are_not_counted",
]


@pytest.mark.parametrize(
    "mutant", [m for m in PLANTED if m.name in QUICK], ids=lambda m: m.name
)
def test_a_planted_bug_breaks_its_promise(mutant: Mutant) -> None:
    """With this one mistake the named promise does not hold."""
    assert hunt(mutant, SOON) is not None


def test_every_mutant_says_what_it_is() -> None:
    """Each has a name of its own and a description; a tolerated one has its reason."""
    mutants = PLANTED + TOLERATED
    assert len({m.name for m in mutants}) == len(mutants)
    assert set(QUICK) <= {m.name for m in PLANTED}
    assert all(m.plant.__doc__ for m in mutants)
    assert all(m.reason for m in TOLERATED)
    assert not any(m.reason for m in PLANTED)
