"""The simulation on the command line.

    python -m winestream.testing.world --seed 7             one history again, told
    python -m winestream.testing.world --seed 7 --whole     with all of its events
    python -m winestream.testing.world --histories 10000    the proof

The proof's last line is one JSON object; it fails when a promise was broken, and when a
kind of fault never struck.
"""

import argparse
import json
import sys
import time

from winestream.testing.world.proof import Proof, prove, tell

_TELL_EVERY = 1000


def main() -> int:
    """Read the arguments and do it; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m winestream.testing.world",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seed", type=int, help="tell this history")
    parser.add_argument("--whole", action="store_true", help="with all of its events")
    parser.add_argument("--histories", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    if options.seed is not None:
        words, held = tell(options.seed, whole=options.whole)
        _say(words)
        return 0 if held else 1
    return _prove(range(options.first, options.first + options.histories), options.jobs)


def _prove(seeds: range, jobs: int) -> int:
    began, proof, next_word = time.monotonic(), Proof(), _TELL_EVERY
    for proof in prove(seeds, jobs):
        if proof.histories >= next_word:
            next_word += _TELL_EVERY
            _say(f"{proof.histories} histories, {len(proof.failures)} failed")
    seconds = time.monotonic() - began
    for seed in sorted(proof.failures)[:1]:
        _say(tell(seed)[0])
    for seed, broken in sorted(proof.failures.items())[:20]:
        _say(f"seed {seed}: {broken}")
    _say(
        json.dumps(
            {
                "histories": proof.histories,
                "seconds": round(seconds, 1),
                "failed": sorted(proof.failures),
                "acts": proof.acts,
                "landed": proof.landed,
                "fault_kinds": dict(sorted(proof.faults.items())),
                "never_struck": proof.missing,
            }
        )
    )
    return 1 if proof.failures or proof.missing else 0


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
