"""Waiting for a job's lease, as commands do."""

from __future__ import annotations

import time

from django.core.management.base import CommandError
from django.utils.timezone import now

from finops.costing.lease import Lease, take_lease

PATIENCE_S = 60


def wait_for(job: str, busy: str) -> Lease:
    """Take a job, which runs often and soon gives it back; else a CommandError that says `busy`."""
    until = time.monotonic() + PATIENCE_S
    while (lease := take_lease(job, now=now())) is None:
        if time.monotonic() > until:
            raise CommandError(busy)
        time.sleep(0.5)
    return lease
