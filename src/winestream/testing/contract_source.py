"""What every `Source` must keep to, as tests: standing, commits, coming and going."""

from datetime import UTC, datetime
from unittest import SkipTest

from winestream.errors import SourceError
from winestream.ports import CommitResult
from winestream.records import LogPartition, Room
from winestream.testing.contract_reading import ReadingContract
from winestream.testing.contract_source_world import (
    Reader,
    Sent,
    SourceWorld,
    Start,
    commit,
    fill,
    opened,
    require,
    same,
)
from winestream.testing.contract_world import raised

# ruff: noqa: FBT003 — `hold` has the port's signature


class SourceContract(ReadingContract):
    """Tests of a `Source`; a runner gives each a new `SourceWorld`."""

    # ---------------------------------------------------------------------- standing

    def test_reached_is_where_reading_stands(self, world: SourceWorld) -> None:
        """Only in polls without runs, and never a position from before a start."""
        fill(world, 60)
        with opened(world) as reader:
            log, _ = reader.join()
            for position in (0, 50, 10):
                reader.source.hold(True)
                reader.start({log: position})
                for _ in range(3):
                    reached = reader.poll(timeout=0.01).reached
                    same(reached.get(log, position), position)
                reader.source.hold(False)
                reader.until(lambda polled: polled.runs and not polled.reached)
                polled = reader.until(lambda polled: not polled.runs and polled.reached)
                same(dict(polled.reached), {log: 60})

    def test_reached_passes_trailing_markers(self, world: SourceWorld) -> None:
        """So that a log which ends without a message can be read to its end."""
        fill(world, 10)
        world.end_with_markers(0)
        with opened(world) as reader:
            log, _ = reader.join()
            reader.start({log: 0})
            reader.read(10)
            last = reader.offsets[log][-1]
            polled = reader.until(lambda polled: polled.reached.get(log, 0) > last + 1)
            ends = reader.source.watermarks()[log]
            same(dict(polled.reached), {log: ends.high})

    def test_watermarks_are_the_logs_ends(self, world: SourceWorld) -> None:
        """Of what is read, without asking anybody."""
        fill(world, 30)
        with opened(world) as reader:
            logs = reader.started()
            reader.read(60)
            ends = reader.source.watermarks()
            known = {log: (ends[log].low, ends[log].high) for log in logs}
            same(known, dict.fromkeys(logs, (0, 30)))

    def test_start_policies(self, world: SourceWorld) -> None:
        """Earliest is the low end, latest the high one; of nothing asked, nothing."""
        fill(world, 30)
        policies: tuple[tuple[Start, int], ...] = (("earliest", 0), ("latest", 30))
        for start, position in policies:
            with opened(world, start) as reader:
                logs = reader.join()
                initial = reader.source.initial_positions
                same(dict(initial(logs)), dict.fromkeys(logs, position))
                same(dict(initial([])), {})

    def test_a_time_to_start_at(self, world: SourceWorld) -> None:
        """The first message of that time or later; the end where there is none."""
        if not world.knows_times:
            raise SkipTest(f"{type(world).__name__} knows no times")
        stamps = [1_700_000_000_000 + 1000 * n for n in range(20)]
        world.send(0, *(Sent(b"x", timestamp=stamp) for stamp in stamps))
        world.send(1, Sent(b"x", timestamp=stamps[3]))
        with opened(world, datetime.fromtimestamp(1_700_000_004.5, UTC)) as reader:
            one, two = reader.join()
            initial = reader.source.initial_positions([one, two])
            same(dict(initial), {one: 5, two: 1})

    def test_a_position_that_retention_deleted(self, world: SourceWorld) -> None:
        """It is reported with the log's ends; the next start goes on."""
        fill(world, 40)
        world.expire(0, 25)
        with opened(world) as reader:
            log, other = reader.join()
            reader.start({log: 10, other: 0})
            found = reader.until(lambda polled: polled.out_of_range).out_of_range
            same([(f.partition, f.low, f.high) for f in found], [(log, 25, 40)])
            require(log not in reader.offsets, reader.offsets)
            reader.start({log: 25})
            reader.read(55)
            reader.require({log: list(range(25, 40)), other: list(range(40))})

    def test_a_position_beyond_the_end(self, world: SourceWorld) -> None:
        """It is out of range as well: the log was cut, or it is another one."""
        fill(world, 40)
        with opened(world) as reader:
            log, other = reader.join()
            reader.start({log: 4000, other: 39})
            found = reader.until(lambda polled: polled.out_of_range).out_of_range
            same([(f.partition, f.low, f.high) for f in found], [(log, 0, 40)])
            reader.start({log: 38})
            reader.read(3)
            reader.require({log: [38, 39], other: [39]})

    # -------------------------------------------------------------------- committing

    def test_commits_are_answered_and_found_by_the_next_member(
        self, world: SourceWorld
    ) -> None:
        """With `wait` at once, else by a later poll; what never was, is absent."""
        fill(world, 10)
        with opened(world) as reader:
            one, two = reader.started()
            reader.read(20)
            same(dict(reader.source.committed([one, two])), {})
            same(reader.source.commit({one: 4}, wait=False), None)
            [answer] = reader.until(lambda polled: polled.commits).commits
            same((dict(answer.positions), dict(answer.errors)), ({one: 4}, {}))
            same(dict(reader.source.committed([one, two])), {one: 4})
            same(commit(reader, {one: 9, two: 10}).errors, {})
        with opened(world) as reader:
            logs = reader.join()
            same(dict(reader.source.committed(logs)), {one: 9, two: 10})

    def test_a_commit_of_what_is_not_owned_is_refused(self, world: SourceWorld) -> None:
        """By name and as gone, and the others of the same commit are taken."""
        fill(world, 10)
        with opened(world) as reader:
            one, _ = reader.started()
            stranger = one._replace(topic_id="another")
            answer = commit(reader, {one: 3, stranger: 9})
            same((set(answer.errors), answer.gone), ({stranger}, {stranger}))
            same(dict(reader.source.committed([one])), {one: 3})

    # ---------------------------------------------------------------- coming and going

    def test_a_partition_that_moves(self, world: SourceWorld) -> None:
        """`on_revoke` is called in time to commit; afterwards nothing of it comes."""
        fill(world, 100)
        seen: list[tuple[frozenset[LogPartition], CommitResult]] = []

        def drain(leaving: frozenset[LogPartition]) -> None:
            ends = {log: reader.offsets[log][-1] + 1 for log in leaving}
            seen.append((leaving, commit(reader, ends)))

        reader = Reader(world.source(), world.patience, drain)
        try:
            logs = reader.started()
            reader.read(200)
            world.take_one(reader)
            [(leaving, answer)] = seen
            if answer.errors and set(answer.errors.values()) <= world.excused:
                raise SkipTest(f"the log refused an owner's commit: {answer.errors}")
            same((len(leaving), answer.errors), (1, {}))
            kept = set(logs) - leaving
            reader.until(lambda polled: polled.assigned == kept)
            fill(world, 10)
            reader.read(210)
            reader.nothing()
            same({len(reader.offsets[log]) for log in leaving}, {100})
            same(commit(reader, dict.fromkeys(leaving, 1)).gone, leaving)
        finally:
            reader.source.close()

    def test_closing_gives_everything_back(self, world: SourceWorld) -> None:
        """By `on_revoke`, once, with all that was assigned, and in time to commit."""
        fill(world, 10)
        answers: list[CommitResult] = []

        revoked: list[frozenset[LogPartition]] = []

        def drain(leaving: frozenset[LogPartition]) -> None:
            revoked.append(leaving)
            answers.append(commit(reader, dict.fromkeys(leaving, 7)))

        reader = Reader(world.source(), world.patience, drain)
        try:
            logs = reader.started()
            reader.read(20)
            same(revoked, [])
        finally:
            reader.source.close()
        same(revoked, [frozenset(logs)])
        same([answer.errors for answer in answers], [{}])
        with opened(world) as after:
            same(dict(after.source.committed(after.started())), dict.fromkeys(logs, 7))

    def test_after_a_failed_poll_a_start_brings_everything(
        self, world: SourceWorld
    ) -> None:
        """What it destroyed is read again from where delivery stood."""
        fill(world, 300)
        with opened(world) as reader:
            logs = reader.started()
            while not reader.offsets:
                reader.poll(Room(10, 1_000_000))
            world.break_next_poll(reader.source)
            raised(SourceError, lambda: reader.until(lambda _: False))
            at = {log: len(reader.offsets.get(log, ())) for log in logs}
            reader.start(at)
            reader.read(600)
            reader.require({log: list(range(300)) for log in logs})
