"""The planted bugs: which promise each breaks, and who has to notice.

`python tests/simulation/mutants.py` hunts them all, with `--tolerated` also those that
the protocol tolerates. The last line is one JSON object.
"""

import argparse
import json
import sys
import time
from functools import partial
from multiprocessing import get_context

import mutants_of_core as core
import mutants_of_protocol as protocol
from machines import planted as machine
from planting import SEEDS, Catch, Mutant, hunt

from winestream.testing.world import Promise

PLANTED = [
    Mutant(protocol.commit_before_write, Promise.LEDGER),
    Mutant(protocol.ledger_after_copy, Promise.LEDGER),
    Mutant(protocol.no_row_count_check, Promise.LEDGER),
    Mutant(protocol.set_not_joined_to_the_ledger, Promise.LEDGER),
    Mutant(protocol.no_claim_in_set, Promise.OWNER),
    Mutant(protocol.no_owner_in_set, Promise.OWNER),
    Mutant(protocol.no_from_in_set, Promise.LEDGER),
    Mutant(protocol.write_without_lock, Promise.OWNER),
    Mutant(protocol.claim_does_not_look, Promise.ONE),
    Mutant(protocol.unknown_is_retryable, Promise.ALONE),
    Mutant(protocol.unknown_is_done, Promise.ALONE),
    Mutant(protocol.a_failed_copy_is_gone_on_from, Promise.LEDGER),
    Mutant(protocol.dead_letters_are_not_written, Promise.LEDGER),
    Mutant(protocol.an_error_leaves_the_transaction_open, Promise.LEDGER),
    Mutant(core.a_position_is_one_too_far, Promise.ALONE),
    Mutant(core.kafka_is_told_of_a_birth, Promise.KAFKA),
    Mutant(core.a_trailing_gap_is_believed_at_once, Promise.CONTENT),
    Mutant(core.a_failed_poll_restarts_nothing, Promise.CONTENT),
    Mutant(core.an_interrupt_restarts_nothing, Promise.CONTENT),
    Mutant(core.a_drain_has_no_deadline, Promise.DRAIN),
    Mutant(core.fenced_is_never_taken_again, Promise.LIVES),
    Mutant(core.a_refused_row_is_dropped, Promise.TILES),
    Mutant(core.nothing_is_trimmed, Promise.ALONE),
    Mutant(core.lost_is_not_forgotten, Promise.LIVES),
    Mutant(core.an_unknown_slice_is_sent_again, Promise.ALONE),
    Mutant(core.halves_are_out_of_order, Promise.ALONE),
    Mutant(core.a_claim_of_an_earlier_term_counts, Promise.GOES_ON),
    Mutant(core.what_a_drain_restarted_is_fed, Promise.CONTENT),
    Mutant(core.what_came_before_a_restart_is_fed, Promise.CONTENT),
    Mutant(core.the_last_row_is_blamed, Promise.CONTENT),
    Mutant(core.the_hold_is_never_lifted, Promise.LIVES),
    Mutant(core.retention_is_asked_again, Promise.LIVES),
    Mutant(core.kafkas_refusal_is_not_heard, Promise.LIVES),
    Mutant(core.what_is_idle_is_not_confirmed, Promise.LIVES),
    Mutant(core.a_fence_drops_nothing, Promise.LIVES),
    Mutant(machine.kafka_is_told_at_written, Promise.KAFKA),
    Mutant(machine.a_confirm_is_believed_unread, Promise.KAFKA),
    Mutant(machine.a_gap_is_believed_at_once, Promise.CONTENT),
    Mutant(machine.trust_survives_a_failed_poll, Promise.CONTENT),
    Mutant(machine.a_trim_takes_one_too_many, Promise.ALONE),
    Mutant(machine.rows_are_not_counted, Promise.BOUNDS),
    Mutant(machine.a_lost_partition_is_written_again, Promise.GOES_ON),
    Mutant(machine.a_fenced_partition_keeps_its_rows, Promise.ALONE),
    Mutant(machine.a_claim_failed_is_a_claim_lost, Promise.LIVES),
    Mutant(machine.a_stale_answer_counts, Promise.TILES, "state machine"),
    Mutant(machine.refusals_are_never_forgotten, Promise.GOES_ON, "state machine"),
]

TOLERATED = [
    Mutant(
        core.a_keep_is_a_take,
        Promise.TILES,
        reason="it takes a cursor from its new owner, who is fenced and takes it back; "
        "what is held is trimmed to the cursor's place all the same",
    ),
    Mutant(
        protocol.a_keep_is_always_granted,
        Promise.TILES,
        reason="it then writes under the epoch of another, and the position in the "
        "compare-and-set still lets only one of them move the cursor",
    ),
    Mutant(
        protocol.claim_without_lock,
        Promise.TILES,
        reason="two claims that raise the epoch from one stale snapshot share it; the "
        "position in the compare-and-set still lets only one of them move the cursor",
    ),
    Mutant(
        protocol.takeover_has_no_patience,
        Promise.TILES,
        reason="a living owner whose transaction is ended under it notices at the "
        "compare-and-set: slower, not wrong",
    ),
    Mutant(
        protocol.nothing_is_taken_over,
        Promise.LIVES,
        reason="the server ends a detached transaction by itself: later, not never",
    ),
    Mutant(
        core.everything_is_released_at_once,
        Promise.TILES,
        reason="the next owner reads again what was dropped: slower, not wrong",
    ),
]


def main() -> int:
    """Hunt in parallel; return 1 when one survives."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--tolerated", action="store_true")
    parser.add_argument("--seeds", type=int, default=len(SEEDS))
    parser.add_argument("names", nargs="*", help="only these")
    options = parser.parse_args()
    mutants = PLANTED + (TOLERATED if options.tolerated else [])
    if options.names:
        mutants = [m for m in PLANTED + TOLERATED if m.name in options.names]
    began, caught = time.monotonic(), 0
    with get_context("spawn").Pool(options.jobs) as pool:
        found = pool.imap(partial(hunt, seeds=range(options.seeds)), mutants)
        for mutant, catch in zip(mutants, found, strict=True):
            caught += catch is not None
            print(_line(mutant, catch), flush=True)
    seconds = round(time.monotonic() - began, 1)
    print(json.dumps({"planted": len(mutants), "caught": caught, "seconds": seconds}))
    return 0 if caught == len(mutants) else 1


def _line(mutant: Mutant, catch: Catch | None) -> str:
    if catch is None:
        return f"SURVIVED  {mutant.name}: {mutant.reason or mutant.breaks}"
    where = "state machine" if catch.seed is None else f"seed {catch.seed}"
    return f"caught    {mutant.name} by {where}: {catch.how[:150]}"


if __name__ == "__main__":
    sys.exit(main())
