"""The image: linted, locked, not root; and what it leaves out."""

import re
import tomllib
from importlib.metadata import distributions

import pytest
from packaging.utils import canonicalize_name
from stack_files import ROOT, STACK, WANTED, python_tool, read, run

from full_stack.docker.runtime_lock import closure, entries

DOCKERFILE = STACK / "Dockerfile"
LINES = DOCKERFILE.read_text(encoding="utf-8").splitlines()
LOCK = (ROOT / "constraints.txt").read_text(encoding="utf-8")


@pytest.mark.skipif(not WANTED, reason="WINESTREAM_TEST_STACK=1 runs it")
def test_the_dockerfile_is_linted() -> None:
    """The linter, hadolint, finds nothing."""
    run(python_tool("hadolint"), DOCKERFILE)


def test_the_image_is_built_in_two_stages_and_is_not_root() -> None:
    """The second stage starts anew, pinned, and ends as another user."""
    stages = [line for line in LINES if line.startswith("FROM ")]
    assert len(stages) == 2
    assert all(stage.split()[1].split(":")[1][0].isdigit() for stage in stages)
    users = [line for line in LINES if line.startswith("USER ")]
    assert users == ["USER 10001:10001"]


def test_commands_are_in_exec_form() -> None:
    """No shell stands between SIGTERM and Python."""
    commands = [line for line in LINES if line.startswith(("CMD", "ENTRYPOINT"))]
    assert commands
    assert all("[" in line for line in commands)


def test_everything_is_installed_by_hash() -> None:
    """Each pip that may reach an index checks hashes; the last one may reach none."""
    text = "\n".join(LINES).replace("\\\n", " ")
    installs = re.findall(r"pip install [^&\n]*", text)
    assert len(installs) == 3
    assert all("--require-hashes" in i or "--no-index" in i for i in installs)


def test_no_secret_can_get_into_the_image() -> None:
    """The context lets in what is named, and neither secrets nor .env."""
    ignored = DOCKERFILE.with_name("Dockerfile.dockerignore").read_text().splitlines()
    assert ignored[1] == "*"
    assert "examples/full_stack/secrets" in ignored
    assert "examples/full_stack/.env" in ignored
    copied = {
        source.split("/")[0]
        for line in LINES
        if line.startswith("COPY ") and "--from" not in line
        for source in line.split()[1:-1]
    }
    allowed = {line[1:] for line in ignored if line.startswith("!")}
    assert copied <= allowed


def test_the_lock_is_taken_as_it_is() -> None:
    """No pip resolves anew: an older one looks for releases that have no hash."""
    text = "\n".join(LINES).replace("\\\n", " ")
    installs = re.findall(r"pip install [^&\n]*", text)
    assert all("--no-deps" in install for install in installs)


@pytest.mark.parametrize(
    ("extras", "has"),
    [
        ("local", {"confluent-kafka", "snowflake-connector-python", "fakesnow"}),
        ("local,dashboard", {"fakesnow", "streamlit", "altair", "pandas"}),
    ],
)
def test_the_cut_holds_what_runs_and_no_tool(extras: str, has: set[str]) -> None:
    """The part of the lock for an image has what it runs and no linter."""
    requires = {
        canonicalize_name(each.metadata["Name"]): each.requires or []
        for each in distributions()
    }
    names = closure([f"winestream[{extras}]"], requires)
    cut = entries(LOCK, names)
    assert has <= names
    assert ("streamlit" in names) == ("dashboard" in extras)
    assert not {"mypy", "ruff", "pytest", "sqlfluff", "playwright"} & names
    for name in names - {"winestream"}:
        assert f"\n{name}==" in f"\n{cut}", name
    assert cut.count("--hash=sha256:") > len(names)


def test_every_image_is_built_with_extras_that_exist() -> None:
    """What compose.yaml asks the Dockerfile for, pyproject.toml has."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    known = project["project"]["optional-dependencies"].keys()
    services = read(STACK / "compose.yaml")["services"]
    asked = {
        name: service["build"]["args"]["EXTRAS"].split()
        for name, service in services.items()
        if "build" in service
    }
    assert all(set(extras) <= known for extras in asked.values())
    assert "dashboard" in asked["dashboard"]
    images = {(services[name]["image"], *extras) for name, extras in asked.items()}
    assert len(images) == len({image for image, *_ in images}), "one name, one content"


def test_an_entry_is_taken_whole() -> None:
    """Each entry comes with all of its hashes, markers included."""
    lock = (
        "a==1 \\\n    --hash=sha256:1 \\\n    --hash=sha256:2\n"
        "a-b==2 ; python_version < '3.12' \\\n    --hash=sha256:3\n"
        "c==3 \\\n    --hash=sha256:4\n"
    )
    assert entries(lock, ["a-b"]) == lock.partition("c==")[0].partition("2\n")[2]
    assert entries(lock, ["a", "c"]).count("--hash") == 3
