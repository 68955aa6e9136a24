"""Whether a container does its work: `python -m full_stack.docker.healthy consumer`.

Exit code 0 or 1, one line that says why. Standard library only: it runs every few
seconds. Everything is asked with GET, since a metrics endpoint answers HEAD with 405.
"""

import json
import sys
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any

_SECONDS = 4
_WAREHOUSE = "http://127.0.0.1:8084"


def _get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=_SECONDS) as answer:  # noqa: S310 — ours
        text: str = answer.read().decode()
    return text


def _post(path: str, body: object, token: str = "") -> Any:  # noqa: ANN401 — JSON
    request = urllib.request.Request(  # noqa: S310 — ours
        _WAREHOUSE + path,
        json.dumps(body).encode(),
        {
            "Content-Type": "application/json",
            "Authorization": f'Snowflake Token="{token}"',
        },
    )
    with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310 — ours
        return json.load(answer)


def _value(metrics: str, name: str) -> float:
    return sum(
        float(line.rsplit(" ", 1)[1])
        for line in metrics.splitlines()
        if line.split("{")[0].split(" ")[0] == name
    )


def consumer() -> str:
    """Metrics are served and the group gave this process something to read.

    An outage of the warehouse is no illness of the consumer: it waits, on purpose.
    """
    partitions = _value(_get("http://127.0.0.1:8000/metrics"), "partitions_assigned")
    return "" if partitions > 0 else "no partitions are assigned"


def producer() -> str:
    """Metrics are served."""
    metrics = _get("http://127.0.0.1:8001/metrics")
    return "" if "events_produced_total" in metrics else "these are not its metrics"


def audit() -> str:
    """There is a verdict, good or bad: nobody answered means that nobody audits."""
    metrics = _get("http://127.0.0.1:8002/metrics")
    return "" if "\naudit_ok{" in metrics else "no audit has been made yet"


def dashboard() -> str:
    """Streamlit says that it is well, and the page is served.

    It asks for no figure: an account's warehouse would be kept awake for nobody.
    """
    said = _get("http://127.0.0.1:8501/_stcore/health").strip()
    if said != "ok":
        return f"Streamlit says {said!r}"
    return "" if "<html" in _get("http://127.0.0.1:8501/") else "there is no page"


def warehouse() -> str:
    """Somebody can sign in, which needs the database, and out again."""
    answer = _post(
        "/session/v1/login-request", {"data": {"LOGIN_NAME": "health", "PASSWORD": ""}}
    )
    if not answer["success"]:
        return str(answer["message"])
    token = answer["data"]["token"]
    ended = _post("/session?delete=true", {}, token)
    return "" if ended["success"] else str(ended["message"])


CHECKS: Mapping[str, Callable[[], str]] = {
    "consumer": consumer,
    "producer": producer,
    "audit": audit,
    "dashboard": dashboard,
    "warehouse": warehouse,
}


def main() -> int:
    """Check what the command line names."""
    name = sys.argv[1]
    try:
        wrong = CHECKS[name]()
    except Exception as error:  # noqa: BLE001 — whatever it is, it is not healthy
        wrong = f"{type(error).__name__}: {error}"
    sys.stdout.write(f"{name}: {wrong or 'healthy'}\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
