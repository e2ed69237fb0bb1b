"""How a parallel run spreads the tests: a file stays in one process, all end-to-end files in one.

What a file or the end-to-end tests share (a server, the whole product) is then started once. What
has few tests that take long goes first, or one process would work on it when the others are done.
"""

from __future__ import annotations

from typing import Any

from xdist.scheduler import LoadScopeScheduling

TOGETHER = "tests/e2e/"
FIRST = (
    TOGETHER,
    "tests/costing/test_charge_equals_oracle.py",
    "tests/costing/test_worker.py",
    "tests/replay/calibration/test_command.py",
    "tests/engine/serve/test_command.py",
    "tests/engine/test_intervals.py",
    "tests/ingest/test_faults.py",
    "tests/project/test_database.py",
    "tests/project/test_celery.py",
    "tests/budgets/test_workers.py",
)


class ByWhatIsShared(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Gives each process whole files."""

    def _split_scope(self, nodeid: str) -> str:
        return TOGETHER if nodeid.startswith(TOGETHER) else nodeid.split("::", 1)[0]

    def _assign_work_unit(self, node: Any) -> None:
        for scope in reversed(FIRST):
            if scope in self.workqueue:
                self.workqueue.move_to_end(scope, last=False)
        super()._assign_work_unit(node)
