"""Leaving a group within a limit, which the client does not have.

It waits for commits that are under way. In the middle of a rebalance the coordinator
answers those only when every member has joined or is given up: with Apache Kafka 4.3
and a frozen member of a session of 45 s, closing took 36 s, and without a commit 5 s,
the client's own limit for leaving. With a frozen broker it was not over after 180 s.
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
