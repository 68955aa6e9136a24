"""What the variables of a demo ask for, checked before anything is started."""

import math
import tempfile
from collections.abc import Mapping
from pathlib import Path

import attrs

from full_stack.stack import Wish

DEFAULT_EVENTS = 5000
DEFAULT_RATE = 40.0
DEFAULT_SEED = 1855


class AskedError(Exception):
    """Variables that cannot be; the message has a line for each."""


@attrs.frozen
class Asked:
    """What to do, whether with a page, and whether DATA is to be kept."""

    wish: Wish
    open: bool
    keep: bool


def asked_for(environ: Mapping[str, str]) -> Asked:
    """Read the variables. Raises `AskedError`, and has made no folder then."""
    headless = environ.get("HEADLESS", "") not in ("", "0")
    folder = environ.get("DATA")
    wrong: list[str] = []

    def number(name: str, default: float, must: str, most: float = math.inf) -> float:
        given = environ.get(name)
        if not given:
            return default
        try:
            value = float(given)
        except ValueError:
            value = math.nan
        if not (0 <= value <= most and math.isfinite(value)):
            wrong.append(f"{name}={given}: it must be {must}")
            return default
        return value

    def whole(name: str, default: int) -> int:
        given = environ.get(name)
        if given and not (given.isascii() and given.isdecimal()):
            wrong.append(f"{name}={given}: it must be a whole number from 0 on")
            return default
        return int(given) if given else default

    events = whole("EVENTS", DEFAULT_EVENTS if headless else 0)
    rate = number("RATE", 0.0 if headless else DEFAULT_RATE, "a number from 0 on")
    seed = whole("SEED", DEFAULT_SEED)
    poison = number("POISON", 0.0, "a share from 0 to 1, as 0.05", most=1)
    if folder and Path(folder).exists() and not Path(folder).is_dir():
        wrong.append(f"DATA={folder}: it must be a folder, or not there yet")
    if wrong:
        raise AskedError("\n".join(wrong))
    wish = Wish(
        events=events,
        rate=rate,
        seed=seed,
        poison=poison,
        data=Path(folder or tempfile.mkdtemp(prefix="winestream-demo-")),
        live=rate > 0,
    )
    return Asked(wish, open=not headless, keep=bool(folder))
