from pathlib import Path

import pytest

from winestream.errors import ConfigurationError
from winestream.operations import migrations
from winestream.operations.migrations import (
    Migration,
    in_order,
    packaged_migrations,
    read_migrations,
)


def _write(directory: Path, *names: str) -> Path:
    for name in names:
        (directory / name).write_text(f"SELECT '{name}';\n", encoding="utf-8")
    return directory


def test_files_are_read_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    """Neither the file system's order nor other files matter."""
    _write(tmp_path, "0002_b.sql", "0001_a.sql", "README.md")
    found = read_migrations(tmp_path)
    assert [(each.version, each.name) for each in found] == [
        (1, "0001_a.sql"),
        (2, "0002_b.sql"),
    ]
    assert [part.text for part in found[0].statements] == ["SELECT '0001_a.sql'"]


@pytest.mark.parametrize("name", ["1_a.sql", "0001-a.sql", "0001_A.sql", "a.sql"])
def test_a_name_without_a_number_is_refused(tmp_path: Path, name: str) -> None:
    """A file that would be skipped in silence is an error instead."""
    with pytest.raises(ConfigurationError, match="no migration's name"):
        read_migrations(_write(tmp_path, name))


def test_a_missing_number_is_refused(tmp_path: Path) -> None:
    """0001, 0003 says that somebody's 0002 is not here."""
    with pytest.raises(ConfigurationError, match="0002 is missing before 0003_c"):
        read_migrations(_write(tmp_path, "0001_a.sql", "0003_c.sql"))


def test_a_number_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    """Two people who took the same number are both named."""
    with pytest.raises(ConfigurationError, match=r"0001_b\.sql and 0001_a\.sql"):
        read_migrations(_write(tmp_path, "0001_a.sql", "0001_b.sql"))


def test_numbers_begin_at_one() -> None:
    """A set that starts in the middle is incomplete."""
    with pytest.raises(ConfigurationError, match="0001 is missing"):
        in_order([Migration(2, "0002_b.sql", "SELECT 1")])


def test_an_empty_directory_is_refused(tmp_path: Path) -> None:
    """Deploying nothing is never what was meant."""
    with pytest.raises(ConfigurationError, match="holds no migration"):
        read_migrations(tmp_path)


def test_the_checksum_follows_the_statements_alone() -> None:
    """A comment is no edit; a changed, added or joined statement is one."""

    def checksum(text: str) -> str:
        return Migration(1, "0001_a.sql", text).checksum

    assert checksum("SELECT 1;") == checksum("-- why\nSELECT  1\r\n;\n")
    others = ["SELECT 2;", "SELECT 1; SELECT 1;", "SELECT '1';", "SELECT1;"]
    assert len({checksum(text) for text in ["SELECT 1;", *others]}) == 5


def test_an_editable_install_finds_the_checkout() -> None:
    """Winestream's own migrations are there and numbered from 1."""
    found = packaged_migrations()
    assert [each.version for each in found] == list(range(1, len(found) + 1))
    assert found[0].name == "0001_schemas.sql"


def _as_if_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    package = tmp_path / "site-packages" / "winestream"
    (package / "operations").mkdir(parents=True)
    module = package / "operations" / "migrations.py"
    monkeypatch.setattr(migrations, "__file__", str(module))
    return package


def test_a_wheel_carries_them_inside_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files at `_sql/migrations` of the package are the ones deployed."""
    inside = _as_if_installed(tmp_path, monkeypatch) / "_sql" / "migrations"
    inside.mkdir(parents=True)
    _write(inside, "0001_wheel.sql")
    assert [each.name for each in packaged_migrations()] == ["0001_wheel.sql"]


def test_an_installation_without_sql_says_where_it_looked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broken build is told apart from an empty warehouse."""
    _as_if_installed(tmp_path, monkeypatch)
    with pytest.raises(ConfigurationError, match=r"no SQL files.*_sql.*Install"):
        packaged_migrations()
