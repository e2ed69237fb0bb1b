"""How a parallel run spreads the tests: a file stays in one process, all end-to-end files in one.

What a file or the end-to-end tests share (a server, the whole product) is then started once.
"""

from __future__ import annotations

from xdist.scheduler import LoadScopeScheduling

TOGETHER = "tests/e2e/"


class ByWhatIsShared(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Gives each process whole files."""

    def _split_scope(self, nodeid: str) -> str:
        return TOGETHER if nodeid.startswith(TOGETHER) else nodeid.split("::", 1)[0]
