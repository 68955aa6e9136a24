"""The stack's own Prometheus configuration, for programs without containers.

Read from `monitoring/`, and changed in three ways only: containers' names become
addresses of this machine, times become shorter, and what does not run is left out.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

MONITORING: Final = Path(__file__).parent / "monitoring"
PROMETHEUS: Final = MONITORING / "prometheus"

AUDIT: Final = "audit:8002"
PROMETHEUS_ITSELF: Final = "localhost:9090"
NODE: Final = "node_exporter:9100"
ALERTMANAGER: Final = "alertmanager:9093"


def read(path: Path) -> Any:  # noqa: ANN401 — YAML
    """Parse a YAML file."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def prometheus_config(
    folder: Path,
    addresses: Mapping[str, str],
    *,
    every: str,
    patience: str | None = None,
) -> Path:
    """Write prometheus.yml and its rules into `folder`; return the first.

    `addresses` are by the `host:port` that the committed file names; a job without one
    is left out, and so are alerts' ways without Alertmanager. `every` is how often is
    scraped and evaluated, `patience` replaces every alert's `for`.
    """
    config = read(PROMETHEUS / "prometheus.yml")
    config["global"] = dict.fromkeys(
        ("scrape_interval", "scrape_timeout", "evaluation_interval"), every
    )
    config["rule_files"] = [str(folder / "rules" / "*.yml")]
    jobs = []
    for job in config["scrape_configs"]:
        (group,) = job["static_configs"]
        if set(group["targets"]) <= addresses.keys():
            group["targets"] = [addresses[name] for name in group["targets"]]
            jobs.append(job)
    config["scrape_configs"] = jobs
    if ALERTMANAGER in addresses:
        (way,) = config["alerting"]["alertmanagers"]
        way["static_configs"] = [{"targets": [addresses[ALERTMANAGER]]}]
    else:
        del config["alerting"]
    _rules(folder / "rules", patience)
    made = folder / "prometheus.yml"
    made.write_text(yaml.safe_dump(config), encoding="utf-8")
    return made


def _rules(folder: Path, patience: str | None) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for file in (PROMETHEUS / "rules").glob("*.yml"):
        content = read(file)
        for rule in (rule for group in content["groups"] for rule in group["rules"]):
            if "for" in rule and patience is not None:
                rule["for"] = patience
        (folder / file.name).write_text(yaml.safe_dump(content), encoding="utf-8")
