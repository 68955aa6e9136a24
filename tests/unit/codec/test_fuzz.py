"""Fuzzed bytes: an event or a reason. WINESTREAM_FUZZ=1000000 fuzzes a million."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from winestream.errors import DecodeError
from winestream.events import Event
from winestream.records import Inspection

# Tests are no package: what they share is found by its folder.
sys.path.append(str(Path(__file__).parents[2] / "prove"))

import fuzz
from fuzz_mutator import Template

COUNT = int(os.environ.get("WINESTREAM_FUZZ", "20000"))


@pytest.mark.timeout(1800)
def test_an_event_or_a_reason_and_nothing_else() -> None:
    """Both paths come to one verdict, and every reason there is was given."""
    outcome = fuzz.fuzz(COUNT, seed=2026)
    assert outcome.wrong == []
    assert outcome.wrong_count == 0
    assert outcome.fuzzed == COUNT
    assert outcome.events.total() + outcome.reasons.total() == COUNT
    assert outcome.events.total() > COUNT // 10
    assert set(outcome.events) == set(fuzz.ROUTES.tables)
    assert set(outcome.reasons) == set(fuzz.REASONS)


def test_a_seed_is_a_story_that_can_be_told_again() -> None:
    """Whatever is found is found again; another seed finds other things."""
    again = [fuzz.fuzz_chunk(7, 3, 500).as_json() for _ in range(2)]
    assert again[0] == again[1]
    assert fuzz.fuzz_chunk(8, 3, 500).as_json() != again[0]


class _Codec:
    """The routes, with a fault to be found."""

    def inspect(self, values: Sequence[bytes | None]) -> Inspection:
        return fuzz.ROUTES.inspect(values)

    def decode(self, value: bytes | None) -> Event:
        return fuzz.ROUTES.decode(value)

    def encode(self, event: Event) -> bytes:
        return fuzz.ROUTES.encode(event)


class _Raises(_Codec):
    def decode(self, value: bytes | None) -> Event:
        if value and b"\\ud800" in value:
            raise UnicodeDecodeError("utf-8", value, 0, 1, "planned")
        return super().decode(value)


class _Forgives(_Codec):
    """Refuses what has no time zone for another reason than the fast path does."""

    def decode(self, value: bytes | None) -> Event:
        try:
            return super().decode(value)
        except DecodeError as error:
            if error.reason == "naive-time":
                raise DecodeError("invalid-value", error.path) from None
            raise


class _LosesOne(_Codec):
    """A run with a null has one verdict too few."""

    def inspect(self, values: Sequence[bytes | None]) -> Inspection:
        found = super().inspect(values)
        kept = {n: why for n, why in found.failures.items() if values[n] is not None}
        return Inspection(
            found.event_ids,
            found.event_types,
            found.occurred_at,
            found.schema_versions,
            found.tables,
            kept,
        )


@pytest.mark.parametrize("codec", [_Raises, _Forgives, _LosesOne])
def test_it_finds_what_is_wrong(codec: type[_Codec]) -> None:
    """A codec with a fault that only some bytes show is found out."""
    outcomes = [fuzz.fuzz_chunk(1, n, 4000, codec()) for n in range(2)]
    assert sum(outcome.wrong_count for outcome in outcomes) > 0


def test_a_template_is_taken_apart_as_json_is() -> None:
    """Every value, name and member stands where it says."""
    text = b'{"a":[1,{"b":"x,}"},[]],"c":null}'
    template = Template.of(text)
    values = sorted(text[start:stop] for start, stop in template.values)
    inner = [b"1", b'{"b":"x,}"}', b'"x,}"', b"[]", b"null"]
    assert values == sorted([text, b'[1,{"b":"x,}"},[]]', *inner])
    assert [text[a:b] for a, b in template.names] == [b'"b"', b'"a"', b'"c"']
    members = {text[start:stop] for start, stop in template.members}
    assert members == {b'"b":"x,}"', text[1:-10], b'"c":null'}
