"""`winestream rewind`: set cursors back, so that a part of the log is read again."""

import sys
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from winestream.cli.connection import DEFAULTS, ConnectionOptions
from winestream.cli.kafka_properties import kafka_properties as read_properties
from winestream.errors import ConfigurationError

if TYPE_CHECKING:
    from winestream.operations.rewind import Broker, Plan


def run(  # noqa: PLR0913 — options, each with a default
    options: ConnectionOptions = DEFAULTS,
    *,
    pipeline: str,
    topic: str,
    to_offset: int | None = None,
    to_time: str | None = None,
    partition: Annotated[list[int] | None, Parameter(negative=())] = None,
    topic_id: str | None = None,
    bootstrap: str | None = None,
    kafka_properties: Path | None = None,
    yes: Annotated[bool, Parameter(negative=())] = False,
    dry_run: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """Set a pipeline's cursors back to an offset or a time; what follows is read again.

    Shows what it would do, and does it with --yes. Consumers may run meanwhile.

    Parameters
    ----------
    pipeline
        The pipeline, as its sink is named.
    topic
        The topic whose cursors go back.
    to_offset
        The next offset to read.
    to_time
        The same by time, with a zone, as in 2026-01-31T00:00:00Z; needs --bootstrap.
    partition
        A partition; once for each. All of the topic otherwise.
    topic_id
        Which log is meant, where the topic was made again under its name.
    bootstrap
        Brokers to ask what the log still holds, host:port and commas.
    kafka_properties
        A file of key=value lines with the Kafka client's TLS and SASL settings.
    yes
        Do it.
    dry_run
        Only show it, which is what happens without --yes.
    """
    if yes and dry_run:
        raise ConfigurationError("--yes or --dry-run: give one of them")
    # Not at the top: loads the connector, and --help must not.
    from winestream.operations.rewind import Rewind, Wish  # noqa: PLC0415

    wish = Wish(
        topic=topic,
        to=_target(to_offset, to_time),
        partitions=frozenset(partition or ()),
        topic_id=topic_id,
    )
    with ExitStack() as stack:
        broker: Broker | None = None
        if bootstrap:
            from winestream.operations.audit_broker import (  # noqa: PLC0415
                KafkaBroker,
            )

            # A group's name is needed and nothing is asked of the group.
            config = read_properties(kafka_properties)
            broker = stack.enter_context(
                KafkaBroker(bootstrap, "winestream-rewind", config)
            )
        rewind = stack.enter_context(Rewind(options.settings(), pipeline))
        plan = rewind.plan(wish, broker)
        if not yes:
            _print(plan)
            _say("nothing was changed: --yes does it")
            return
        done = rewind.apply(plan)
    _print(done)
    _say(
        f"{pipeline}: {len(done.steps)} cursors set back, {done.again} offsets are "
        f"read again; in the ledger as {done.note}"
    )


def _target(to_offset: int | None, to_time: str | None) -> int | datetime:
    if to_time is None and to_offset is not None:
        if to_offset < 0:
            raise ConfigurationError(f"--to-offset {to_offset} is none")
        return to_offset
    if to_time is None or to_offset is not None:
        raise ConfigurationError("where to: give one of --to-offset and --to-time")
    try:
        at = datetime.fromisoformat(to_time)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise ConfigurationError(
            f"--to-time {to_time}: write a time with a zone, as in 2026-01-31T00:00:00Z"
        )
    return at


def _print(plan: "Plan") -> None:
    for step in plan.steps:
        _say(
            f"{step.log}: from {step.position} back to {step.target}, {step.again} "
            f"offsets (the cursor was born at {step.first})"
        )
    for step in plan.stays:
        _say(f"{step.log}: stays at {step.position}, which is not beyond that")
    if not plan.checked:
        _say("not checked, for want of --bootstrap: whether the log still holds them")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
