"""Graceful stop on SIGINT and SIGTERM, for applications that let `run` own the loop."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stop_on_signals(stop: Callable[[], None], *, enabled: bool) -> Iterator[None]:
    """Call `stop` on the first signal; a second one has its default effect, at once.

    Does nothing outside the main thread, where Python allows no handlers. The handler
    raises nothing: an exception inside a poll would destroy messages.
    """
    if not enabled or threading.current_thread() is not threading.main_thread():
        yield
        return

    stopping = False

    def handle(number: int, _frame: FrameType | None) -> None:
        # No Event: a signal that comes while its lock is held would wait for ever.
        nonlocal stopping
        if stopping:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        stopping = True
        stop()

    before = {number: signal.signal(number, handle) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            # None: not installed from Python, so it cannot be put back.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
