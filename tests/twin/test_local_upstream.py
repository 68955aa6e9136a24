"""Tells when fakesnow no longer needs a repair: delete the repair with its test.

Each test shows fakesnow's own behaviour, strictly: it fails once that has changed.
"""

import subprocess
import sys
from textwrap import dedent

import pytest

pytestmark = pytest.mark.timeout(60)

# In a process of its own: the shim for connector 5 must come before fakesnow.
PROLOGUE = """
import logging, warnings
warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)
from winestream.local.server import connector5
connector5.install()
from fakesnow.instance import FakeSnow
cursor = FakeSnow().connect("DB", "RAW").cursor()

def answer(sql):
    try:
        return cursor.execute(sql).fetchall()
    except Exception as error:
        return type(error).__name__
"""
CLAIMS = {
    "MERGE inside a transaction": (
        "answer('create table t (k int)'); answer('begin')",
        """answer('merge into t using (select 1 k) s on t.k = s.k '
        'when not matched then insert (k) values (s.k + 1)') != [(1,)]""",
        "merge.py",
    ),
    "TRY_TO_TIMESTAMP raises": (
        "answer(\"create table t as select 'x' s\")",
        "isinstance(answer('select try_cast(s as timestamp_ntz) from t'), str)",
        "macros.py: _ws_try_timestamp",
    ),
    "TRY_CAST takes a VARIANT": (
        'answer("create table t as select parse_json(\'{\\"a\\": 5}\') v")',
        "answer('select try_cast(v as number) from t') != 'ProgrammingError'",
        "strict.py: _try_cast",
    ),
    "a key twice": (
        "",
        'isinstance(answer("select parse_json(\'{\\"a\\": 1, \\"a\\": 2}\')"), list)',
        "macros.py: _ws_json_text",
    ),
    "TO_CHAR ignores its format": (
        "answer(\"create table t as select '2026-03-04'::date d\")",
        "answer(\"select to_char(d, 'YYYY-MM') from t\") != [('2026-03',)]",
        "strict.py: _to_char",
    ),
    "RTRIM ignores its second argument": (
        "",
        "answer(\"select rtrim('abxx', 'x')\") != [('ab',)]",
        "strict.py: _trim",
    ),
    "COUNT_IF over nothing": (
        "",
        "answer('select count_if(x) from (select true x) where false') != [(0,)]",
        "strict.py: _count_if",
    ),
    "FLATTEN of a scalar raises": (
        "",
        """isinstance(answer('select f.value from (select 1) t, '
        'lateral flatten(input => parse_json(5)) f'), str)""",
        "macros.py: _fs_flatten",
    ),
    "?:: cannot be read": (
        "",
        "answer('select ?::int from (select 1)') == 'ProgrammingError'",
        "statements.py: _readable",
    ),
}


@pytest.fixture(scope="module")
def outcome() -> dict[str, bool]:
    """Ask for all of them at once: importing fakesnow takes most of the time."""
    parts = [PROLOGUE]
    for number, (before, claim, _) in enumerate(CLAIMS.values()):
        parts.append(
            f"cursor = FakeSnow().connect('DB{number}', 'RAW').cursor()\n{before}\n"
            f"print({number}, bool({claim}))"
        )
    done = subprocess.run(
        [sys.executable, "-c", dedent("\n".join(parts))],
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    told = dict(line.split() for line in done.stdout.splitlines())
    return {name: told[str(i)] == "True" for i, name in enumerate(CLAIMS)}


@pytest.mark.parametrize("name", CLAIMS)
def test_the_repair_is_still_needed(outcome: dict[str, bool], name: str) -> None:
    """If this fails, upstream has mended it: delete what the message names."""
    assert outcome[name], f"fakesnow does this right now; delete {CLAIMS[name][2]}"
