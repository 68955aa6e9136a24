"""Leaving a group within a limit, which the client does not have.

It waits for commits that are under way. In the middle of a rebalance the coordinator
answers those only when the slowest member has joined, which may be its poll interval of
five minutes; a broker that is gone for good costs a minute or more.
"""

from concurrent.futures import Future
from threading import Thread

from confluent_kafka import Consumer


def leave(consumer: Consumer, seconds: float) -> bool:
    """Close the consumer; return whether that was done within `seconds`.

    Raises what closing raises. It runs in a thread of its own, callbacks included, and
    is left to itself when the time is over.
    """
    done: Future[None] = Future()

    def close() -> None:
        try:
            consumer.close()
        except BaseException as error:  # noqa: BLE001 — raised where it is waited for
            done.set_exception(error)
        else:
            done.set_result(None)

    # Whoever ends the process does not wait for it.
    Thread(target=close, name="winestream-leave", daemon=True).start()
    try:
        done.result(seconds)
    except TimeoutError:
        if not done.done():
            return False
        raise
    return True
