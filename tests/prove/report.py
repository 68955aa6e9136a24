"""What the parts of the proof came to, and whether that is what was promised."""

import json
import time
from collections import Counter
from collections.abc import Iterable
from typing import Any

import attrs
import cutting
import killing
import offline
import storming
from killing import Outcome
from outage import Outage
from pipelines import Verdict

KINDS = {
    "kills": killing.KINDS,
    "cuts": cutting.KINDS,
    "storm": storming.KINDS,
}
"""What must have struck. Errors are played one by one, and fail where one did not."""


@attrs.define
class Report:
    """Gathers; `failures` has a line for each thing that is not as promised."""

    kills_wanted: int
    cuts_wanted: int
    histories_wanted: int
    kills: int = 0
    cuts: int = 0
    histories: int = 0
    messages: int = 0
    lost: int = 0
    duplicates: int = 0
    wrong: int = 0
    mutants: dict[str, int] = attrs.field(
        factory=lambda: {"planted": 0, "caught": 0},
    )
    kinds: Counter[str] = attrs.field(factory=Counter)
    peak_memory_mb: float | None = None
    memory_bound_mb: float | None = None
    outage_seconds: float = 0.0
    failures: list[str] = attrs.field(factory=list)
    _began: float = attrs.field(factory=time.monotonic)

    @property
    def kept(self) -> bool:
        """Whether everything is as promised."""
        return not self.failures

    def failed(self, part: str, why: object) -> None:
        """Note that a part is not as promised."""
        self.failures.append(f"{part}: {why}")

    def outcome(self, part: str, outcome: Outcome) -> None:
        """Take a part's faults and its pipelines' verdicts."""
        self._verdicts(part, outcome.verdicts)
        self.kinds += outcome.kinds
        for kind in KINDS.get(part, ()):
            if not outcome.kinds[kind]:
                self.failed(part, f"{kind}: never struck")
        if part == "kills":
            self.kills = outcome.kinds.total() - outcome.kinds[killing.WAREHOUSE]
            self._enough(part, self.kills, self.kills_wanted)
        if part == "cuts":
            self.cuts = cutting.unknown(outcome.kinds)
            self._enough(part, self.cuts, self.cuts_wanted)

    def outage(self, outage: Outage) -> None:
        """Take the outage's verdict and its memory."""
        self._verdicts("outage", [outage.verdict])
        self.outage_seconds = outage.seconds
        self.peak_memory_mb = round(outage.peak_mb, 1)
        self.memory_bound_mb = round(outage.bound_mb, 1)
        self.kinds["outage: an attempt refused"] += outage.attempts
        if not outage.attempts:
            self.failed("outage", "nothing was attempted")
        if not outage.peak_mb < outage.bound_mb:
            self.failed("outage", f"{outage.peak_mb} MB, bound {outage.bound_mb} MB")

    def offline(self, part: str, code: int, last: str) -> None:
        """Take what a program said in its last line."""
        if code:
            self.failed(part, f"exit code {code}: {last[:500]}")
        if part not in (offline.HISTORIES, offline.MUTANTS):
            return
        try:
            said: dict[str, Any] = json.loads(last)
        except ValueError:
            self.failed(part, f"no object in its last line: {last[:500]}")
            return
        if part == offline.MUTANTS:
            self.mutants = {name: said[name] for name in ("planted", "caught")}
            if not 0 < said["planted"] == said["caught"]:
                self.failed(part, self.mutants)
        else:
            self.histories = said["histories"]
            self.kinds += Counter(
                {f"simulated: {k}": n for k, n in said["fault_kinds"].items()}
            )
            self._enough(part, self.histories, self.histories_wanted)

    def _enough(self, part: str, number: int, wanted: int) -> None:
        if number < wanted:
            self.failed(part, f"{number}, wanted {wanted}")

    def _verdicts(self, part: str, verdicts: Iterable[Verdict]) -> None:
        for verdict in verdicts:
            it = verdict.judgement
            self.messages += it.produced
            self.lost += len(it.lost)
            self.duplicates += sum(it.duplicates.values())
            self.wrong += len(it.wrong)
            if not verdict.clean:
                self.failed(part, verdict)

    def as_json(self) -> dict[str, Any]:
        """Return the last line."""
        return {
            "histories": self.histories,
            "mutants": self.mutants,
            "kills": self.kills,
            "cuts": self.cuts,
            "fault_kinds": dict(sorted(self.kinds.items())),
            "lost": self.lost,
            "duplicates": self.duplicates,
            "wrong": self.wrong,
            "messages": self.messages,
            "peak_memory_mb": self.peak_memory_mb,
            "memory_bound_mb": self.memory_bound_mb,
            "outage_seconds": self.outage_seconds,
            "seconds": round(time.monotonic() - self._began),
            "failures": self.failures,
        }
