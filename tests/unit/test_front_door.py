"""The front door: what `import winestream` gives, and what it costs."""

import subprocess
import sys

import pytest

import winestream

_VENDORS = (
    "cattrs",
    "confluent_kafka",
    "duckdb",
    "fakesnow",
    "hypothesis",
    "msgspec",
    "prometheus_client",
    "pyarrow",
    "rich",
    "snowflake",
    "structlog",
)


def _loaded_by(statement: str) -> set[str]:
    """Return the vendors that a fresh interpreter has loaded after a statement."""
    code = f"import sys; {statement}; print(*(set(sys.modules) & set({_VENDORS!r})))"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    return set(run.stdout.split())


def test_importing_the_library_loads_no_vendor() -> None:
    """`import winestream` is cheap: no client, no driver, no codec."""
    assert _loaded_by("import winestream") == set()


def test_testing_and_local_load_no_vendor_either() -> None:
    """The fakes and the embedded pair are cheap to import."""
    assert _loaded_by("import winestream.testing, winestream.local") == set()


def test_every_public_name_is_there_and_sorted() -> None:
    """`__all__` is sorted, complete and has no ghost."""
    assert list(winestream.__all__) == sorted(winestream.__all__)
    assert set(winestream.__all__) == set(winestream._HOME_OF)
    assert set(winestream.__all__) <= set(dir(winestream))
    for name in winestream.__all__:
        assert getattr(winestream, name).__doc__ or name in ("Hook", "Telemetry")


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    """A typo reads like any module's: AttributeError with the name."""
    with pytest.raises(AttributeError, match="BatchSink"):
        winestream.BatchSink  # noqa: B018
