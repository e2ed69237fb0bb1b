"""What can go wrong with the jobs of costing.

CostingError
└── LeaseLost    another process took the job over; stop, it does the work
"""

from __future__ import annotations


class CostingError(Exception):
    """A job of costing can't go on."""

    code = "costing_failed"
    retryable = False


class LeaseLost(CostingError):
    """This process held the job for too long without a sign of life."""

    code = "lease_lost"
    retryable = True

    def __init__(self, name: str, version: int) -> None:
        super().__init__(
            f"Another process took over {name} (version {version} is out of date); "
            "nothing to do, it charges what is left."
        )
