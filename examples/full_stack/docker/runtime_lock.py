r"""Cut what runs out of the locked constraints, hashes included.

    pip install --dry-run --ignore-installed --require-hashes --no-deps \
        -r constraints.txt --report report.json
    python runtime_lock.py pyproject.toml constraints.txt report.json "local" > lock.txt

`constraints.txt` locks everything for every extra, development tools included, and an
image should hold none of those. pip does not take hashes from a constraints file, so
the packages that some extras need are picked here, from metadata whose files pip has
already checked against the hashes; nothing is resolved anew.
"""

import json
import re
import sys
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

_ENTRY = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==", re.MULTILINE)


def closure(
    roots: Iterable[str], requires: Mapping[str, Iterable[str]]
) -> frozenset[str]:
    """Return the names of all that `roots` need, themselves included.

    Requirements whose marker is false here are left out. A name that `requires`
    lacks is a KeyError: the lock is older than pyproject.toml.
    """
    found: set[tuple[str, str]] = set()
    waiting = [Requirement(root) for root in roots]
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        for extra in ("", *requirement.extras):
            if (name, extra) in found:
                continue
            found.add((name, extra))
            waiting += [
                each
                for each in map(Requirement, requires[name])
                if each.marker is None or each.marker.evaluate({"extra": extra})
            ]
    return frozenset(name for name, _ in found)


def entries(constraints: str, names: Iterable[str]) -> str:
    """Return the constraints' entries with these names, hashes included."""
    starts = [*_ENTRY.finditer(constraints)]
    ends = [*(each.start() for each in starts[1:]), len(constraints)]
    wanted = frozenset(names)
    return "".join(
        constraints[each.start() : end]
        for each, end in zip(starts, ends, strict=True)
        if canonicalize_name(each["name"]) in wanted
    )


def main() -> None:
    """Print the entries for the project and the extras given."""
    pyproject, constraints, report, given = sys.argv[1:]
    extras = given.split()
    project = tomllib.loads(Path(pyproject).read_text(encoding="utf-8"))
    known = project["project"]["optional-dependencies"]
    if missing := set(extras) - known.keys():
        sys.exit(f"pyproject.toml has no extra {', '.join(sorted(missing))}")
    installed = json.loads(Path(report).read_text(encoding="utf-8"))["install"]
    requires: dict[str, list[str]] = {
        canonicalize_name(each["metadata"]["name"]): each["metadata"].get(
            "requires_dist", []
        )
        for each in installed
    }
    # An extra of ours may name another one, as `dev` does.
    own = canonicalize_name(project["project"]["name"])
    requires[own] = [
        *project["project"]["dependencies"],
        *(
            f'{line} ; extra == "{extra}"' if ";" not in line else line
            for extra, lines in known.items()
            for line in lines
        ),
    ]
    roots = [f"{own}[{','.join(extras)}]" if extras else own]
    names = closure([*roots, *project["build-system"]["requires"]], requires) - {own}
    sys.stdout.write(entries(Path(constraints).read_text(encoding="utf-8"), names))


if __name__ == "__main__":
    main()
