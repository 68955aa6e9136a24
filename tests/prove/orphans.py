"""Parts of the proof that do not outlive it."""

import os
from multiprocessing import parent_process
from threading import Thread


def end_with_parent() -> None:
    """Let this process end when the one that made it has, however that ended.

    What it started itself ends with its input. A process pool's own workers would go on
    with their part, for minutes, after a `kill`.
    """
    parent = parent_process()
    assert parent is not None, "made by multiprocessing"

    def follow() -> None:
        parent.join()
        os._exit(1)

    Thread(target=follow, name="parent", daemon=True).start()
