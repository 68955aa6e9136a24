import logging
import re
import socket
import time
from collections.abc import Iterator
from decimal import Decimal
from html import unescape

import pytest
from dashboard_world import BROKEN, HOSTILE, World, deployed, fill, told
from streamlit.testing.v1 import AppTest
from test_dashboard_vitals import serve

from full_stack.dashboard.formats import decimal, money, short_money

PAGES = ("sales", "customers", "inventory", "products", "pipeline")
SCRIPT = """\
from full_stack.dashboard.look import dress
from full_stack.dashboard.views.{0} import {0}

dress()
{0}()
"""
NOT_FRESH = {"WINESTREAM_DASHBOARD_REFRESH_SECONDS": "1"}


@pytest.fixture(scope="module")
def filled() -> Iterator[World]:
    """Fill a warehouse with days of sales and three dead letters; no broker."""
    with deployed() as world:
        fill(world)
        yield world


@pytest.fixture(scope="module")
def empty() -> Iterator[World]:
    """Deploy a warehouse and leave it at that."""
    with deployed() as world:
        yield world


def visit(page: str) -> AppTest:
    """Open a page as a visitor does; it must never show an exception."""
    at = AppTest.from_string(SCRIPT.format(page), default_timeout=60).run()
    assert not at.exception, at.exception
    return at


def markup(at: AppTest) -> str:
    """Return what the page wrote itself, as the browser gets it."""
    bodies = [each.proto.body for each in at.get("html")]
    return "\n".join(body for body in bodies if "<style" not in body)


def text(at: AppTest) -> str:
    """Return what a visitor reads of it."""
    return unescape(re.sub(r"<[^>]+>", " ", markup(at)))


def cards(at: AppTest) -> dict[str, str]:
    """Return the figures on the cards by their labels."""
    found = re.findall(
        r'ca-label">([^<]*)</div><div class="ca-value">([^<]*)<', markup(at)
    )
    return {unescape(label): unescape(value) for label, value in found}


# ------------------------------------------------------------------------- with data


@pytest.mark.parametrize("page", PAGES)
def test_a_page_draws_what_the_warehouse_holds(filled: World, page: str) -> None:
    """Every page has figures, charts, a download and the age of what it shows."""
    with told(filled.environment):
        at = visit(page)
    assert len(cards(at)) >= 5
    assert len(at.get("vega_lite_chart")) >= 2
    assert at.get("download_button")
    assert re.search(r"read at \d\d:\d\d:\d\d", text(at))
    assert "could not be drawn" not in text(at)


def test_sales_are_the_views_to_the_cent(filled: World) -> None:
    """The headline and its small print are DAILY_SALES' sums; orders are counted."""
    ((revenue, orders, bottles),) = filled.rows(
        "SELECT SUM(REVENUE), SUM(ORDERS), SUM(BOTTLES) FROM ANALYTICS.DAILY_SALES"
    )
    with told(filled.environment):
        at = visit("sales")
    shown = cards(at)
    assert shown["Revenue"] == short_money(revenue)
    assert money(revenue) in text(at)
    assert shown["Orders"] == decimal(orders)
    assert shown["Bottles"] == decimal(bottles)
    assert shown["Average basket"] == money(Decimal(revenue) / orders)


def test_filters_narrow_what_is_summed(filled: World) -> None:
    """A region's revenue is that of its lines; a filter that fits nothing says so."""
    ((bottles,),) = filled.rows(
        "SELECT SUM(QUANTITY) FROM PRODUCTION.PROD_ORDER_LINES"
        " WHERE REGION = 'Bordeaux'"
    )
    with told(filled.environment):
        at = visit("sales")
        at.selectbox(key="sales-region").set_value("Bordeaux").run()
        assert cards(at)["Bottles"] == decimal(bottles)
        assert not at.exception
        at = visit("customers")
        at.text_input(key="customers-search").set_value("no such person '%").run()
        assert "Nobody by that name" in text(at)


def test_inventory_and_products_are_the_views(filled: World) -> None:
    """What to reorder and what was earned are INVENTORY_STATUS' and the ranks'."""
    ((reorder, wines),) = filled.rows(
        "SELECT COUNT_IF(REORDER), COUNT(*) FROM ANALYTICS.INVENTORY_STATUS"
    )
    ((sold, margin),) = filled.rows(
        "SELECT COUNT(*), SUM(MARGIN) FROM ANALYTICS.PRODUCT_PERFORMANCE"
    )
    with told(filled.environment):
        at = visit("inventory")
        assert cards(at)["To reorder"] == decimal(reorder)
        assert ("Nothing to reorder" in text(at)) is not bool(reorder)
        assert "ca-table" in markup(at)
        assert f"of {decimal(wines)} wines" in text(at)
        shown = cards(visit("products"))
    assert shown["Wines sold"] == decimal(sold)
    assert shown["Margin"] == short_money(margin)


def test_the_pipeline_page_counts_layers_and_has_the_audits_word(filled: World) -> None:
    """The path has seven stages; the verdict is the audit's; nobody tells of Kafka."""
    ((rows,),) = filled.rows(
        "SELECT (SELECT COUNT(*) FROM RAW.RAW_ORDERS)"
        " + (SELECT COUNT(*) FROM RAW.RAW_INVENTORY)"
    )
    with told(filled.environment):
        at = visit("pipeline")
    assert markup(at).count('class="ca-node') == 7
    assert "Nothing lost, nothing twice" in text(at)
    assert f"{decimal(rows)} rows and {len(BROKEN)} dead letters" in text(at)
    assert cards(at)["Dead letters"] == str(len(BROKEN))
    assert "Not checked: kafka" in text(at)
    assert "nobody tells" in text(at)


def test_a_loss_turns_the_verdict(filled: World) -> None:
    """A row that vanishes from RAW is named; put back, nothing is off again."""
    taken = "SELECT MAX(KAFKA_OFFSET) FROM RAW.RAW_INVENTORY"
    with filled.connect() as connection:
        cursor = connection.cursor()
        cursor.execute(
            "CREATE TABLE RAW.KEPT AS SELECT * FROM RAW.RAW_INVENTORY"
            f" WHERE KAFKA_OFFSET = ({taken})"
        )
        cursor.execute(f"DELETE FROM RAW.RAW_INVENTORY WHERE KAFKA_OFFSET = ({taken})")
        try:
            with told(filled.environment):
                at = visit("pipeline")
        finally:
            cursor.execute("INSERT INTO RAW.RAW_INVENTORY SELECT * FROM RAW.KEPT")
            cursor.execute("DROP TABLE RAW.KEPT")
    assert re.search(r"\d+ things? off", text(at))
    assert "Nothing lost" not in text(at)


def test_an_audit_that_is_no_longer_made_does_not_stay_green() -> None:
    """The last verdict is shown as the last, with the reason."""
    script = """\
from datetime import UTC, datetime

from full_stack.dashboard.desk import Audited
from full_stack.dashboard.views.audited import verdict
from winestream.operations.audit_report import AuditReport, PartitionReport
from winestream.records import LogPartition

part = PartitionReport(log=LogPartition("c", "t", "wine.orders", 0), rows=3)
report = AuditReport(pipeline="p", tables=[], partitions=[part], findings=[])
verdict(Audited(report, datetime.now(UTC)))
verdict(Audited(report, datetime.now(UTC), "the warehouse does not answer"))
"""
    at = AppTest.from_string(script).run()
    assert not at.exception
    now, then = (each.proto.body for each in at.get("html"))
    assert 'ca-verdict ok"' in now
    assert "Nothing lost, nothing twice" in now
    assert 'ca-verdict unknown"' in then
    assert "not again since: the warehouse does not answer" in then


def test_a_hostile_name_is_shown_and_never_run(filled: World) -> None:
    """Names come from payloads: they are text on every page that shows them."""
    with filled.connect() as connection:
        cursor = connection.cursor()
        cursor.execute(
            f"UPDATE PRODUCTION.PROD_ORDER_LINES SET NAME = '{HOSTILE}'"
            " WHERE WINE_ID = (SELECT MAX(WINE_ID) FROM ANALYTICS.PRODUCT_PERFORMANCE"
            " WHERE RANK_OVERALL = 1)"
        )
        with told(filled.environment):
            at = visit("products")
    assert "<script>" not in markup(at)
    assert HOSTILE in text(at)


# --------------------------------------------------------------------------- without


@pytest.mark.parametrize("page", PAGES)
def test_an_empty_warehouse_says_how_to_fill_it(empty: World, page: str) -> None:
    """No figure is invented: a sentence, and what to start."""
    with told(empty.environment):
        at = visit(page)
    assert re.search(r"No .* yet\.|The cellar is empty\.", text(at))
    assert "python -m full_stack.producer" in text(at)
    assert "Nothing lost" not in text(at)  # where nothing was, nothing is proven
    assert not cards(at)


@pytest.mark.parametrize("page", PAGES)
def test_a_warehouse_that_is_away_gets_a_sentence(page: str) -> None:
    """What to do, and that it keeps trying; nothing of the error itself."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
    connection = (
        '{"account": "local", "user": "u", "password": "hunter2", '
        f'"host": "127.0.0.1", "port": {port}, "protocol": "http"}}'
    )
    with told({"WINESTREAM_EMBEDDED_WAREHOUSE": connection}):
        at = visit(page)
    said = text(at)
    assert "The warehouse does not answer." in said
    assert "keeps trying" in said
    assert "hunter2" not in said
    assert "Traceback" not in said
    assert str(port) not in said


@pytest.mark.parametrize("page", PAGES)
def test_without_settings_the_page_says_which(
    page: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A visitor gets a sentence, the log what is missing."""
    with told({}), caplog.at_level(logging.ERROR):
        at = visit(page)
    assert "does not know its warehouse" in text(at)
    assert "settings" in caplog.text


def test_old_figures_stay_while_the_warehouse_is_away_and_go_when_it_is_back() -> None:
    """A page that was open keeps its figures under a warning, through a restart."""
    with deployed() as world, told(world.environment | NOT_FRESH):
        fill(world, 60)
        at = visit("products")
        before = cards(at)
        assert before
        world.warehouse.kill()
        _until(at, lambda: "The warehouse does not answer." in text(at))
        assert cards(at) == before
        assert "the page keeps trying" in text(at)
        world.warehouse.restart()
        _until(at, lambda: "does not answer" not in text(at))
        assert cards(at) == before


def _until(at: AppTest, true: object) -> None:
    deadline = time.monotonic() + 60
    while not true():  # type: ignore[operator]
        assert time.monotonic() < deadline, text(at)
        time.sleep(0.3)
        at.run()
        assert not at.exception


def test_a_fault_of_the_page_itself_is_for_the_log(
    empty: World, caplog: pytest.LogCaptureFixture
) -> None:
    """No trace reaches a visitor, and the heading stays."""
    script = """\
from full_stack.dashboard.frame import page

@page("Faulty", "It fails.")
def faulty(reading):
    raise RuntimeError("hunter2")

faulty()
"""
    with told(empty.environment), caplog.at_level(logging.ERROR):
        at = AppTest.from_string(script, default_timeout=60).run()
    assert not at.exception
    assert "This page could not be drawn." in text(at)
    assert "Faulty" in text(at)
    assert "hunter2" not in markup(at)
    assert "hunter2" in caplog.text


# -------------------------------------------------------------------------- break it


def test_without_a_control_there_is_nothing_to_break(filled: World) -> None:
    """The panel belongs to demos that offer one."""
    with told(filled.environment):
        at = visit("pipeline")
    assert not at.button
    assert "Break it" not in text(at)


def test_a_button_breaks_its_target_and_the_list_tells(filled: World) -> None:
    """What happened is shown in Paris' time, as text; a press is told once."""
    state = (
        '{"targets": ["consumer", "warehouse"], "events": '
        '[{"at": "2026-11-27T23:00:00+00:00", "what": "<b>killed</b>"}]}'
    )
    heard: list[str] = []
    answers = {"/state": state, "/break/consumer": "{}"}
    with (
        serve(answers, heard) as url,
        told(filled.environment | {"WINESTREAM_BREAK_URL": url}),
    ):
        at = visit("pipeline")
        assert "00:00:00" in text(at)
        assert "<b>killed</b>" in text(at)
        at.button(key="break-consumer").click().run()
        at.run()
    assert not at.exception
    assert heard.count("POST /break/consumer") == 1
    assert not any("break/warehouse" in each for each in heard)
