"""Audits again and again, so that the verdict is one a monitoring system can see."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import NoReturn

from winestream.errors import WinestreamError
from winestream.instrumentation.audit import AuditMetrics
from winestream.operations.audit_report import AuditReport


def watch(
    make: Callable[[], AuditReport],
    pipeline: str,
    metrics: AuditMetrics,
    every: timedelta,
    *,
    reported: Callable[[AuditReport], None],
    failed: Callable[[Exception], None],
    sleep: Callable[[float], None] = time.sleep,
) -> NoReturn:
    """Audit, record the verdict, pause for `every`, for ever.

    `make` is called for each audit and opens a session of its own. What ends one audit
    (the warehouse or the broker does not answer, nothing has been deployed yet) goes to
    `failed` and is counted; the verdict before it stays, and grows old by its
    timestamp. Every verdict goes to `reported` after it was recorded. Ends with what
    those two or `sleep` raise, KeyboardInterrupt for one: an audit changes nothing, so
    it may be left at any point.
    """
    while True:
        try:
            report = make()
        except (WinestreamError, OSError) as error:
            metrics.record_failure(pipeline)
            failed(error)
        else:
            metrics.record(pipeline, offending=report.offending, lost=report.lost)
            reported(report)
        sleep(every.total_seconds())
