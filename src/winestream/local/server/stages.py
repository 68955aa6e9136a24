"""Stages: LIST and REMOVE with a path, and where a PUT goes.

Files lie under the data folder, one folder per stage. Nothing about them is
transactional, as on an account.
"""

import hashlib
import re
from email.utils import formatdate
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow as pa
from fakesnow.transforms import stage
from sqlglot import exp

from winestream.local.server.sessions import Session
from winestream.local.server.sqlerrors import SqlError
from winestream.local.server.statements import Answer, Next, Statement

_COMMAND = re.compile(
    r"""^\s*(?P<verb>list|ls|remove|rm)\s+'?@(?P<stage>(?:"[^"]+"|[\w$%.~])+)
    (?P<path>/[^\s;']*)?'?(?:\s+pattern\s*=\s*'(?P<pattern>[^']*)')?\s*;?\s*$""",
    re.IGNORECASE | re.VERBOSE,
)
_SIGNED = (
    "host%3Bx-goog-if-generation-match%3Bx-goog-meta-sfc-digest"
    "%3Bx-goog-meta-matdesc%3Bx-goog-meta-encryptiondata%3Bcontent-encoding"
)
_PACKED = (".gz", ".bz2", ".zst", ".parquet")


def handle(statement: Statement, session: Session, go_on: Next) -> Answer:
    """Answer LIST and REMOVE; give PUT's answer the options fakesnow forgets."""
    if match := _COMMAND.match(statement.text):
        files = _files(match, session)
        if match["verb"].lower() in ("list", "ls"):
            return _listed(files)
        return _removed(files)
    answer = go_on(statement)
    if answer.upload is not None:
        # fakesnow always answers "do not overwrite".
        answer.upload["overwrite"] = _overwrite(statement.tree)
    return answer


def _overwrite(tree: exp.Expr | None) -> bool:
    return tree is not None and any(
        p.name.upper() == "OVERWRITE" and str(p.args.get("value")).upper() == "TRUE"
        for p in tree.find_all(exp.Property)
    )


def _files(match: re.Match[str], session: Session) -> list[tuple[str, Path]]:
    """List the files under a stage path by the names Snowflake shows for them."""
    database, schema, name = stage.parts_from_var(
        match["stage"], session.database, session.schema
    )
    known = session.duck.execute(
        "SELECT 1 FROM _fs_global._fs_information_schema._fs_stages "
        "WHERE database_name = ? AND schema_name = ? AND name = ?",
        [database, schema, name],
    ).fetchone()
    if known is None and not stage.is_table_stage(name):
        raise SqlError(
            2003,
            "02000",
            f"Stage '{database}.{schema}.{name}' does not exist or not authorized.",
        )
    root = Path(stage.internal_dir(f"{database}.{schema}.{name}"))
    prefix = (match["path"] or "").lstrip("/")
    pattern = re.compile(match["pattern"]) if match["pattern"] else None
    found = []
    for path in sorted(root.rglob("*")):
        inside = path.relative_to(root).as_posix()
        if not path.is_file() or not inside.startswith(prefix):
            continue  # a stage path is a prefix of names, not a folder
        if pattern is None or pattern.fullmatch(inside):
            found.append((f"{name.lower()}/{inside}", path))
    return found


def _listed(files: list[tuple[str, Path]]) -> Answer:
    rows = []
    for name, path in files:
        try:
            content, changed = path.read_bytes(), path.stat().st_mtime
        except FileNotFoundError:  # removed meanwhile
            continue
        digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
        rows.append((name, len(content), digest, formatdate(changed, usegmt=True)))
    return _answer(("name", "size", "md5", "last_modified"), rows)


def _removed(files: list[tuple[str, Path]]) -> Answer:
    for _, path in files:
        path.unlink(missing_ok=True)
    return _answer(("name", "result"), [(name, "removed") for name, _ in files])


def _answer(names: tuple[str, ...], rows: list[tuple[Any, ...]]) -> Answer:
    columns = {
        name: pa.array(
            [row[i] for row in rows], pa.int64() if name == "size" else pa.string()
        )
        for i, name in enumerate(names)
    }
    return Answer(table=pa.table(columns))


def upload_instructions(upload: dict[str, Any], stages: Path, base_url: str) -> None:
    """Point a PUT at this server by imitating a presigned Google Cloud URL.

    It is the only kind of store that connectors 4 and 5 upload to by plain HTTP.
    """
    source = Path(upload["src_locations"][0]).name
    if upload.get("autoCompress") and not source.endswith(_PACKED):
        source += ".gz"  # connector 5 never asks again for the compressed name
    folder = Path(upload["stageInfo"]["location"]).relative_to(stages)
    path = quote((folder / source).as_posix())
    upload["stageInfo"] = {
        "locationType": "GCS",
        "location": f"{folder.as_posix()}/",
        "path": "",
        "creds": {},
        # All of these are read by connector 5, and their absence is an error there.
        "region": "us-central1",
        "storageAccount": None,
        "endPoint": None,
        "isClientSideEncrypted": False,
        "presignedUrl": f"{base_url}/stage/{path}?X-Goog-SignedHeaders={_SIGNED}",
    }


def stored_path(stages: Path, path: str) -> Path | None:
    """Where an uploaded file lies; None for a path that leaves the stages."""
    target = (stages / path).resolve()
    return target if target.is_relative_to(stages.resolve()) else None
