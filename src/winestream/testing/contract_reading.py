"""What every `Source` must keep to when it delivers and holds, as tests."""

from winestream.records import Room
from winestream.testing.contract_source_world import (
    Sent,
    SourceWorld,
    fill,
    opened,
    require,
    same,
)

# ruff: noqa: FBT003 — `hold` has the port's signature


class ReadingContract:
    """Tests of what a source delivers, from where, and when."""

    # -------------------------------------------------------------------- delivering

    def test_nothing_is_delivered_before_its_start(self, world: SourceWorld) -> None:
        """A new partition is reported with its identity and held until `start`."""
        fill(world, 20)
        with opened(world) as reader:
            logs = reader.join()
            same([log.partition for log in logs], [0, 1])
            one_log = {(log.cluster_id, log.topic_id, log.topic) for log in logs}
            same(len(one_log), 1)
            reader.nothing()
            reader.start({logs[0]: 7})
            reader.read(13)
            reader.nothing()
            reader.require({logs[0]: list(range(7, 20))})

    def test_columns_are_what_was_sent(self, world: SourceWorld) -> None:
        """Values, keys, times and headers, null and empty ones included."""
        sent = [
            Sent(b"a", b"k", 1_700_000_000_001),
            Sent(None, None, 1_700_000_000_002),
            Sent(b"", b"", 1_700_000_000_003, [("h", b"1"), ("h", None), ("", b"")]),
            Sent(b"\x00\xff", b"\xff\x00", 1_700_000_000_004),
        ]
        world.send(1, *sent)
        with opened(world) as reader:
            _, log = reader.join()
            reader.start({log: 0})
            runs = reader.runs(len(sent))
        same({run.partition for run in runs}, {log})
        got = [
            Sent(
                value,
                run.keys[place],
                run.timestamps[place],
                list(found) if run.headers and (found := run.headers[place]) else None,
            )
            for run in runs
            for place, value in enumerate(run.values)
        ]
        same(got, sent)

    def test_offsets_ascend_and_are_a_range_where_none_is_missing(
        self, world: SourceWorld
    ) -> None:
        """And a run is of one partition: another begins with another run."""
        fill(world, 50)
        with opened(world) as reader:
            reader.started()
            runs = reader.runs(100)
        for run in runs:
            require(isinstance(run.offsets, range), run.offsets)
            lengths = {len(run.offsets), len(run.keys), len(run.timestamps)}
            same(lengths, {len(run)})

    def test_what_comes_later_is_delivered(self, world: SourceWorld) -> None:
        """The end of the log is no end."""
        with opened(world) as reader:
            logs = reader.started()
            reader.nothing()
            for number in range(3):
                fill(world, 5)
                reader.read(10 * (number + 1))
            reader.require({log: list(range(15)) for log in logs})

    def test_a_new_start_forgets_the_old_position(self, world: SourceWorld) -> None:
        """What an older position would have brought never comes, fetched or not."""
        fill(world, 400)
        with opened(world) as reader:
            log, _ = reader.join()
            for position in (0, 150, 20, 399, 3):
                reader.start({log: position})
                reader.offsets.clear()
                reader.until(lambda polled: polled.runs)
                same(reader.offsets[log][0], position)
                reader.until(lambda _: reader.offsets[log][-1] == 399)  # noqa: PLR2004
                reader.require({log: list(range(position, 400))})

    def test_a_start_of_what_is_not_assigned_changes_nothing(
        self, world: SourceWorld
    ) -> None:
        """It raises nothing either: the assignment may have moved meanwhile."""
        fill(world, 10)
        with opened(world) as reader:
            logs = reader.join()
            reader.start({logs[0]._replace(topic_id="another"): 0})
            reader.start({logs[0]._replace(partition=77): 0})
            reader.nothing()

    def test_a_poll_brings_no_more_than_there_is_room_for(
        self, world: SourceWorld
    ) -> None:
        """In rows, in bytes by the largest value seen, and always one at least."""
        fill(world, 200, size=1000)
        with opened(world) as reader:
            reader.started()
            for room, most in (
                (Room(7, 1_000_000), 7),
                (Room(500, 5_500), 5),
                (Room(0, 0), 1),
            ):
                polled = reader.poll(room, 1.0)
                while not polled.runs:
                    polled = reader.poll(room, 1.0)
                require(sum(map(len, polled.runs)) <= most, (room, polled.runs))

    # ----------------------------------------------------------------------- holding

    def test_a_hold_delivers_nothing_and_loses_nothing(
        self, world: SourceWorld
    ) -> None:
        """Polling goes on meanwhile, and what was begun goes on afterwards."""
        fill(world, 300)
        with opened(world) as reader:
            logs = reader.started()
            while not reader.offsets:
                reader.poll(Room(10, 1_000_000))
            for _ in range(3):
                reader.source.hold(True)
                reader.nothing()
                reader.source.hold(False)
                reader.until(lambda polled: polled.runs, Room(10, 1_000_000))
            reader.read(600)
            reader.require({log: list(range(300)) for log in logs})

    def test_a_start_under_a_hold_begins_when_it_is_lifted(
        self, world: SourceWorld
    ) -> None:
        """A claim may be answered in the middle of an outage."""
        fill(world, 20)
        with opened(world) as reader:
            log, _ = reader.join()
            reader.source.hold(True)
            reader.start({log: 5})
            reader.nothing()
            reader.source.hold(False)
            reader.read(15)
            reader.require({log: list(range(5, 20))})
