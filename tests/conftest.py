"""Hypothesis profiles, and where tests find the models they share."""

import os
import sys
from pathlib import Path

from hypothesis import HealthCheck, settings

# Tests are no package: the models and kits they share are found by their folder.
for folder in ("stateful", "unit/core", "unit/sink"):
    sys.path.append(str(Path(__file__).parent / folder))

# State machines draw a lot before they do much: that is no sign of bad health.
_QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]

settings.register_profile(
    "dev", max_examples=100, deadline=None, suppress_health_check=_QUIET
)
settings.register_profile(
    "ci", settings.get_profile("dev"), max_examples=400, derandomize=True
)
settings.register_profile(
    "nightly", settings.get_profile("dev"), max_examples=20_000, print_blob=True
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))
