"""The SQL for an event class: one RAW shape, a typed view."""

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs
import pytest

from winestream.errors import ConfigurationError
from winestream.events import Event, OrderCreated
from winestream.operations.event_classes import event_class
from winestream.operations.migrations import packaged_migrations
from winestream.operations.schema import describe, raw_table, typed_view
from winestream.operations.schema.ddl import default_table, default_view, view_columns
from winestream.operations.statements import split_statements


def _normalised(sql: str) -> str:
    [statement] = split_statements(sql, source="test")
    return statement.normalised


def _event(**fields: Any) -> type[Event]:
    body = {"__annotations__": fields, "EVENT_TYPE": "CORK"}
    made: type[Event] = attrs.frozen(kw_only=True)(type("Cork", (Event,), body))
    return made


@pytest.mark.parametrize("table", ["RAW_ORDERS", "RAW_INVENTORY", "RAW_EVENTS"])
def test_a_users_table_has_the_shape_of_ours(table: str) -> None:
    """Made from the writer's Arrow schema, equal to the migration to the letter."""
    ours = {
        statement.normalised
        for migration in packaged_migrations()
        for statement in migration.statements
    }
    assert _normalised(raw_table(table)) in ours


def test_nested_objects_become_columns_and_arrays_stay() -> None:
    """Flattened with `_`; what repeats is a VARIANT."""
    columns = {c.name: c.sql_type for c in view_columns(describe(OrderCreated))}
    assert columns["CUSTOMER_COUNTRY"] == "VARCHAR"
    assert columns["CHANNEL"] == "VARCHAR"
    assert columns["LINES"] == "VARIANT"
    assert columns["TOTAL"] == "NUMBER(38, 10)"
    assert "EVENT_ID" not in columns


def test_the_view_reads_only_its_own_events() -> None:
    """Several types may share a table."""
    sql = typed_view(describe(OrderCreated), table="RAW_ORDERS", view="ORDER_CREATED")
    assert "WHERE EVENT_TYPE = 'ORDER_CREATED'" in sql
    assert "TRY_CAST(DOC:total::VARCHAR AS NUMBER(38, 10)) AS TOTAL" in sql
    assert "DOC:customer.name::VARCHAR AS CUSTOMER_NAME" in sql


def test_two_fields_for_one_column_are_refused() -> None:
    """Both paths are named."""

    @attrs.frozen(kw_only=True)
    class Taster:
        name: str

    for fields in ({"taster": Taster, "taster_name": str}, {"Age": int, "age": int}):
        with pytest.raises(ConfigurationError, match="would both be the column"):
            view_columns(describe(_event(**fields)))


def test_names_that_sql_has_taken_are_quoted() -> None:
    """A field may be called `order`; one called `topic` hides the log's."""
    shape = describe(_event(order=int, topic=str, wert_größe=Decimal))
    sql = typed_view(shape, table="RAW_CORK", view="CORK")
    assert 'AS "ORDER"' in sql
    assert 'DOC:"wert_größe"' in sql
    assert 'AS "WERT_GRÖSSE"' in sql
    assert len(re.findall(r"\bTOPIC\b", sql)) == 1


def test_default_names_come_from_the_event_type() -> None:
    """Whatever it has that a name may not have becomes `_`."""
    shape = attrs.evolve(describe(_event(a=int)), event_type="cork.returned v2")
    assert default_table(shape) == "RAW_CORK_RETURNED_V2"
    assert default_view(shape) == "CORK_RETURNED_V2"


def test_a_table_name_cannot_become_a_statement() -> None:
    """Names are checked before they stand in SQL."""
    for name in ("A; DROP TABLE B", "", 'x"y'):
        with pytest.raises(ConfigurationError, match="is no plain Snowflake name"):
            raw_table(name)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("winestream.events", "names no class: write package.module:Class"),
        ("no_such_package.events:A", "there is no module 'no_such_package'"),
        ("winestream.nothing:A", "there is no module 'winestream.nothing'"),
        ("winestream.events:OrderCraeted", "did you mean OrderCreated?"),
        ("winestream.events:Customer", "is not an event"),
    ],
)
def test_a_class_that_is_not_there_says_what_is_wrong(name: str, says: str) -> None:
    """The nearest class, the missing module, the right form."""
    with pytest.raises(ConfigurationError, match=re.escape(says)):
        event_class(name)


def test_a_modules_own_trouble_is_not_hidden(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A module that imports what is missing is there all the same."""
    (tmp_path / "broken_cork_events.py").write_text("import no_such_dependency")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="no_such_dependency"):
        event_class("broken_cork_events:A")
