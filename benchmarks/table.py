"""The comparison as a table, for a terminal and for a Markdown page alike."""

from collections.abc import Mapping, Sequence
from statistics import median

from benchmarks.roster import ROSTER, WINESTREAM, Contestant
from benchmarks.summary import Round, memory_mb, rates, ratio

_HEAD = (
    "contestant",
    "messages/s",
    "winestream is",
    "CPU µs",
    "whole s",
    "MB over idle",
    "does",
    "does not",
)


def table(rounds: Sequence[Round], absent: Mapping[str, str]) -> str:
    """Return a Markdown table; who is absent stands in it with the reason."""
    rows = [_row(each, rounds) for each in ROSTER if rates(rounds, each.name)]
    for each in ROSTER:
        if each.name in absent and not rates(rounds, each.name):
            why = f"took no part: {_short(absent[each.name])}"
            rows.append((each.title, *"-----", "", why))
    return markdown(_HEAD, rows)


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table that is also readable as it is."""
    columns = zip(head, *rows, strict=True)
    widths = [max(map(len, column)) for column in columns]
    lines = [
        " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in (head, ["-" * width for width in widths], *rows)
    ]
    return "\n".join(f"| {line} |" for line in lines)


def _short(reason: str) -> str:
    """Return a reason that fits a cell: the last line says what went wrong."""
    lines = reason.strip().splitlines() or [""]
    return (lines[0] if len(lines) == 1 else f"{lines[0][:60]} ... {lines[-1]}")[:200]


def _row(each: Contestant, rounds: Sequence[Round]) -> tuple[str, ...]:
    found = rates(rounds, each.name)
    heats = [one[each.name] for one in rounds if each.name in one]
    times = ratio(rounds, WINESTREAM, each.name)
    work = [heat.cpu_seconds / heat.messages for heat in heats if heat.cpu_seconds]
    memory = memory_mb(rounds, each.name)
    return (
        each.title,
        f"{median(found):,.0f} ({min(found):,.0f}-{max(found):,.0f})",
        f"{times} x" if times and each.name != WINESTREAM else "",
        f"{1e6 * median(work):.2f}" if work else "-",
        f"{median(heat.whole_seconds for heat in heats):.1f}",
        "-" if memory is None else f"{memory:.0f}",
        each.does,
        each.lacks,
    )
