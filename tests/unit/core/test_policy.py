"""The arithmetic of the policies."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from winestream.core import BatchPolicy, RetryPolicy, SafetyPolicy
from winestream.errors import ConfigurationError


@pytest.mark.parametrize(
    ("attempt", "fraction", "pause"),
    [
        (1, 0.0, 0.25),
        (1, 0.5, 0.375),
        (2, 0.0, 0.5),
        (3, 0.0, 1.0),
        (4, 0.0, 2.0),
        (8, 0.0, 30.0),
        (1000, 0.0, 30.0),
    ],
)
def test_pauses_double_up_to_their_cap(
    attempt: int, fraction: float, pause: float
) -> None:
    """Half of each pause is fixed and half is drawn."""
    assert RetryPolicy().pause(attempt, fraction) == pause


def test_quick_retries_have_a_cap_of_their_own() -> None:
    """Before the outage no pause is longer than `cap`."""
    policy = RetryPolicy(quick_retries=30, cap=timedelta(seconds=4))
    assert policy.pause(30, 0.999) < 4
    assert policy.pause(31, 0.0) == 30


@given(st.integers(1, 10_000), st.floats(0, 1, exclude_max=True))
def test_no_pause_is_longer_than_the_outage_cap(attempt: int, fraction: float) -> None:
    """However often it failed and whatever the jitter."""
    assert 0.25 <= RetryPolicy().pause(attempt, fraction) <= 60


@pytest.mark.parametrize(
    ("refused", "rows", "too_many"),
    [(10, 10, False), (10, 900, False), (11, 900, True), (50, 5000, False)],
)
def test_one_percent_but_at_least_ten_rows_may_be_refused(
    refused: int, rows: int, too_many: bool
) -> None:
    """The bound is generous to small slices."""
    assert SafetyPolicy().too_many(refused, rows) is too_many
    assert SafetyPolicy().too_many(51, 5000)


@pytest.mark.parametrize(
    ("policy", "setting"),
    [
        (lambda: BatchPolicy(max_rows=0), "max_rows"),
        (lambda: BatchPolicy(max_bytes=-1), "max_bytes"),
        (lambda: BatchPolicy(linger=timedelta(0)), "linger"),
        (lambda: BatchPolicy(linger=5), "linger must be a timedelta"),
        (lambda: RetryPolicy(first=timedelta(0)), "first"),
        (lambda: RetryPolicy(quick_retries=-1), "quick_retries"),
        (lambda: RetryPolicy(on_exhausted="stp"), "'outage' or 'stop', got 'stp'"),
        (lambda: SafetyPolicy(on_retention_loss="stpo"), "on_retention_loss"),
        (lambda: SafetyPolicy(on_new_log="begin"), "on_new_log"),
        (lambda: SafetyPolicy(max_rejected=1.5), "max_rejected"),
        (lambda: SafetyPolicy(min_rejected=0), "min_rejected"),
    ],
)
def test_a_setting_that_cannot_work_is_refused_by_name(
    policy: object, setting: str
) -> None:
    """The error names the setting."""
    with pytest.raises(ConfigurationError, match=setting):
        policy()
