import pytest

from winestream.errors import ConfigurationError
from winestream.snowflake.identifiers import identifier, qualified


@pytest.mark.parametrize("name", ["raw_orders", "RAW_ORDERS", "Raw_Orders"])
def test_a_plain_name_folds_as_snowflake_folds_it(name: str) -> None:
    """However it is written, an unquoted name means the upper-case one."""
    assert identifier(name) == '"RAW_ORDERS"'


@pytest.mark.parametrize("name", ["_", "a1$", "X" * 255])
def test_unusual_names_that_need_no_quotes_are_accepted(name: str) -> None:
    """Underscores, digits, dollars and 255 characters are plain."""
    assert identifier(name) == f'"{name.upper()}"'


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "1st",
        "$x",
        "a b",
        "a.b",
        "a-b",
        'a"b',
        '"A"',
        "a'",
        "a;DROP TABLE RAW_ORDERS",
        "a--",
        "a/*",
        "a\n",
        "a\x00",
        "größe",
        "\uff41",
        "\ufb00",
        "X" * 256,
    ],
)
def test_anything_else_is_refused(name: str) -> None:
    """No setting can become a second statement, another schema or a folded letter."""
    with pytest.raises(ConfigurationError, match="no plain Snowflake name"):
        identifier(name)


def test_a_long_name_is_shortened_in_the_message() -> None:
    """An error message stays readable whatever was configured."""
    with pytest.raises(ConfigurationError) as caught:
        identifier("a b" * 1000)
    assert len(str(caught.value)) < 300


def test_qualified_names_quote_each_part() -> None:
    """Schema and name, with the database in front where one is given."""
    assert qualified("raw", "raw_orders") == '"RAW"."RAW_ORDERS"'
    assert qualified("raw", "t", database="wine") == '"WINE"."RAW"."T"'
    with pytest.raises(ConfigurationError):
        qualified("raw.x", "t")
