import pytest
from hypothesis import given
from hypothesis import strategies as st

from winestream.errors import ConfigurationError
from winestream.operations.statements import split_statements


def _texts(sql: str) -> list[str]:
    return [part.text for part in split_statements(sql, source="0001_x.sql")]


def _normalised(sql: str) -> list[str]:
    return [part.normalised for part in split_statements(sql, source="0001_x.sql")]


@pytest.mark.parametrize(
    "one",
    [
        "SELECT 1",
        "SELECT ';'",
        "SELECT 'it''s;'",
        r"SELECT 'a\';b'",
        r"SELECT '\\'",
        'SELECT 1 AS "a;b"',
        'SELECT 1 AS "a"";b"',
        "SELECT $$ ; ' \" -- /* $$",
        "SELECT 1 -- one; not two",
        "SELECT 1 // one; not two\n+ 1",
        "SELECT /* one; ' */ 1",
        "SELECT 4/2 - 1 - -1, $1",
        "SELECT '-- no comment'",
        "SELECT 'größe; 葡萄'",
    ],
)
def test_a_hidden_semicolon_ends_nothing(one: str) -> None:
    """Quotes, names, bodies and comments may hold semicolons; they stay whole."""
    assert _texts(f"{one}\n;\nSELECT 2;") == [one, "SELECT 2"]


def test_comments_alone_are_no_statement() -> None:
    """A header and a trailing remark are not sent to the warehouse."""
    assert _texts("-- header\n\n;; /* a */ ;\n-- end") == []
    assert _texts("-- header\nSELECT 1 ;\n-- end") == ["SELECT 1"]


def test_the_last_statement_needs_no_semicolon() -> None:
    """A file may end without one."""
    assert _texts("SELECT 1;\nSELECT 2") == ["SELECT 1", "SELECT 2"]


def test_lines_are_counted_in_the_file() -> None:
    """A statement's line is where its first word is, after comments."""
    parts = split_statements(
        "-- one\n\nSELECT\n1;\n/* five\nsix */ SELECT 2;", source="x"
    )
    assert [part.line for part in parts] == [3, 6]


@pytest.mark.parametrize("opened", ["'", '"', "$$", "/*"])
def test_what_is_never_closed_is_refused_with_its_line(opened: str) -> None:
    """A forgotten quote does not swallow the rest of the file in silence."""
    with pytest.raises(ConfigurationError, match=r"0001_x\.sql, line 2: .* never"):
        _texts(f"SELECT 1;\nSELECT {opened} a;")


def test_comments_and_layout_do_not_change_the_normalised_text() -> None:
    """Correcting a comment or an indentation is no edit of a migration."""
    plain = _normalised("CREATE TABLE A (B NUMBER);")
    assert plain == _normalised(
        "\ufeff-- new header\r\nCREATE  TABLE\tA -- why\r\n  (B /* what */ NUMBER)\r\n;"
    )
    assert plain != _normalised("CREATE TABLE A (C NUMBER);")


def test_spaces_inside_quotes_count() -> None:
    """Quoted text is data: no space of it is folded."""
    assert _normalised("SELECT 'a  b'") == ["SELECT 'a  b'"]
    assert _normalised("SELECT ' ', ' '") == ["SELECT ' ', ' '"]


@given(st.lists(st.sampled_from(["SELECT 1", "SELECT ';--'", "$$;$$", '"a;"', "a-b"])))
def test_joining_and_splitting_are_inverse(statements: list[str]) -> None:
    """Any sequence of statements comes back as it went in."""
    assert _texts(";\n-- x;\n".join(statements)) == statements


@given(st.text())
def test_any_text_is_split_or_refused(text: str) -> None:
    """Nothing but a `ConfigurationError` comes out, and no statement is empty."""
    try:
        parts = list(split_statements(text, source="x"))
    except ConfigurationError:
        return
    assert all(part.text.strip() and part.normalised for part in parts)
