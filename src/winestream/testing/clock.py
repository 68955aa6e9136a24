"""A clock that moves only when told."""

import attrs


@attrs.define
class FakeClock:
    """Call it for the time in seconds; `advance` moves it."""

    seconds: float = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.seconds

    def advance(self, seconds: float) -> None:
        """Move forward."""
        if seconds < 0:
            raise ValueError("a monotonic clock cannot go back")
        self.seconds += seconds
