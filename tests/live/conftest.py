"""A real account for the checks of this folder, or the reason why there is none.

WINESTREAM_LIVE_ACCOUNT, _USER, _KEY_FILE, _DATABASE, _WAREHOUSE and _ROLE say where
(_KEY_PASSPHRASE, _HOST, and _LOADER_ROLE, _READER_ROLE, _AUDITOR_ROLE may). The
database must be one that `winestream deploy` has built and that nothing runs on; the
role must own its tables and may make schemas in it. Each test has a pipeline and a log
of its own and removes what it wrote; probes live in a schema that is dropped.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# Tests are no package: what they share is found by its folder.
sys.path.append(str(Path(__file__).parent))

from live_account import NEEDED, Account, Scratch, variable

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder, and skip it unless an account is given."""
    missing = [variable(name) for name in NEEDED if not os.environ.get(variable(name))]
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.live)
            item.add_marker(pytest.mark.timeout(300))
            if missing:
                reason = f"needs a Snowflake account: set {', '.join(missing)}"
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture
def account() -> Iterator[Account]:
    """Sign in with a pipeline of the test's own; its rows are deleted afterwards."""
    with Account() as account:
        yield account


@pytest.fixture
def scratch(account: Account) -> Iterator[Scratch]:
    """Make a schema that is dropped after the test."""
    with Scratch(account) as scratch:
        yield scratch
