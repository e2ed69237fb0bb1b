"""What can go wrong with the jobs of costing.

CostingError
├── LeaseLost      another process took the job over; stop, it does the work
├── MonthClosed    a closed month is in the range, and nothing was forced
└── MonthRefused   a month can't be closed or opened again as it is
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


class MonthClosed(CostingError):
    """The range touches months that were closed; they are changed only by force, with a reason."""

    code = "month_closed"

    def __init__(self, workspace: str, months: list[str]) -> None:
        self.months = months
        one = len(months) == 1
        super().__init__(
            f"{', '.join(months)} of {workspace} {'is' if one else 'are'} closed: choose a range "
            f"without {'it' if one else 'them'}, or force it and say why."
        )


class MonthRefused(CostingError):
    """A month can't be closed or opened; the message says why."""

    code = "month_refused"
