"""Telling others that prices of some time have changed, in the transaction of the change.

Pricing knows nothing of charges; whoever keeps them (costing) listens and marks what to price anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.dispatch import Signal

from finops.accounts.models import User, Workspace

rate_changed = Signal()


@dataclass(frozen=True, slots=True)
class RateChange:
    """Prices of calls that start in [start, end) may differ now; `end` None: of all later ones.

    `workspace` None is every workspace. `cause` is a sentence such as "override 7 was saved".
    """

    workspace: Workspace | None
    start: datetime
    end: datetime | None
    cause: str
    who: User | None
    why: str
    key: str = ""


def announce(change: RateChange) -> None:
    """Tell everybody who listens; call it in the transaction that makes the change."""
    rate_changed.send(sender=RateChange, change=change)
