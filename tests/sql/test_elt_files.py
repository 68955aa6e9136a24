"""Every file of `sql/` runs on the embedded warehouse as it stands."""

from collections.abc import Callable

import pytest
from elt import CONTENTS, Pipeline
from sql_files import SQL, files, read
from wine_events import moved, order

EVENTS = order("A"), order("B", customer="C2"), moved(12, 12), moved(-3, 9)


def test_repeatable_files_may_be_applied_again(pipeline: Pipeline) -> None:
    """With rows in the tables and twice: nothing is lost, nothing changes."""
    pipeline.play(*EVENTS)
    before = pipeline.contents()
    for _ in range(2):
        for folder in ("migrations", "repeatable"):
            for file in files(folder):
                pipeline.execute(*(statement.text for statement in file.statements))
    assert pipeline.contents() == before
    assert pipeline.waiting() == []
    pipeline.play(order("C"))
    assert len(pipeline.rows("PRODUCTION.PROD_ORDERS")) == 3


def test_a_backfill_after_a_lost_stream_brings_everything(pipeline: Pipeline) -> None:
    """Streams gone with unread rows in them; run twice, nothing doubles."""
    pipeline.play(*EVENTS[:1])
    pipeline.play(*EVENTS)
    pipeline.play(order("A", event_id="late"), moved(1, 1, wine_id="other"))
    wanted = pipeline.contents()
    for table in CONTENTS:
        if table.startswith(("STAGING.STAGING_", "PRODUCTION.")):
            pipeline.execute(f"DELETE FROM {table}")
    for name in ("staging_orders", "staging_order_lines", "staging_inventory") * 2:
        _backfill(pipeline, name)
    for name in ("prod_orders", "prod_order_lines", "prod_inventory") * 2:
        _backfill(pipeline, name)
    assert pipeline.contents() == wanted


def _backfill(pipeline: Pipeline, name: str) -> None:
    file = read(SQL / "backfill" / f"{name}.sql")
    pipeline.execute(*(statement.text for statement in file.statements))


@pytest.fixture(scope="module")
def sold(make_pipeline: Callable[[], Pipeline]) -> Pipeline:
    """Sell something to somebody with a name."""
    pipeline = make_pipeline()
    pipeline.play(order("A"))
    return pipeline


@pytest.mark.parametrize(
    ("variables", "name", "email"),
    [
        ({"masking": "none"}, "Name of C1", "c1@example.org"),
        ({"masking": "policy"}, "Name of C1", "c1@example.org"),
        ({"masking": "views"}, "***", "***"),
        # The one role of the embedded warehouse, told that it is the auditor's.
        (
            {"masking": "views", "auditor_role": "SYSADMIN"},
            "Name of C1",
            "c1@example.org",
        ),
    ],
)
def test_customer_metrics_knows_who_may_see_names(
    sold: Pipeline, variables: dict[str, str], name: str, email: str
) -> None:
    """Masked by the view only where the view is asked to; amounts never are."""
    file = read(SQL / "repeatable" / "32_customer_metrics.sql", **variables)
    sold.execute(*(statement.text for statement in file.statements))
    row = sold.one("ANALYTICS.CUSTOMER_METRICS")
    assert (row["CUSTOMER_NAME"], row["CUSTOMER_EMAIL"]) == (name, email)
    assert row["FREQUENCY"] == 1


def test_teardown_leaves_nothing(pipeline: Pipeline) -> None:
    """Not a table, a view or a stream; and a new deploy starts from there."""
    pipeline.play(*EVENTS)
    file = read(SQL / "teardown.sql")
    pipeline.execute(*(statement.text for statement in file.statements))
    for schema in ("RAW", "OPS", "STAGING", "PRODUCTION", "ANALYTICS"):
        assert pipeline.columns(schema) == {}
