"""Telling others that prices of some time have changed, in the transaction of the change.

Pricing knows nothing of charges; whoever keeps them (costing) listens and marks what to price anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

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


class Agreed(Protocol):
    """What a workspace agreed for a time: an override, a commitment, a deployment's model."""

    workspace: Workspace
    valid_from: datetime
    why: str


def announce_saved(
    agreed: Agreed, valid_to: datetime | None, cause: str, *, who: User | None, key: str
) -> None:
    """Tell that something was agreed, which changes prices while it holds."""
    announce(RateChange(agreed.workspace, agreed.valid_from, valid_to, cause, who, agreed.why, key))


def announce_ended(
    agreed: Agreed,
    before: datetime | None,
    valid_to: datetime,
    cause: str,
    *,
    who: User | None,
    key: str,
) -> None:
    """Tell that an end was moved, which changes prices between the old and the new one."""
    start = min(valid_to, before or valid_to)
    end = None if before is None else max(valid_to, before)
    announce(RateChange(agreed.workspace, start, end, cause, who, agreed.why, key))
