"""One run at a time: a lease in the relational database, with a version that fences.

ClickHouse keeps the row with the highest version of a key. A holder that lost its lease and writes
on (it was stopped and went on, its lease had run out) carries an older version, so what it writes
stays below what its successor wrote.
"""

from __future__ import annotations

import os
import secrets
import socket
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from finops.costing.errors import LeaseLost
from finops.costing.models import JobLease

# How long a killed holder blocks the job. Holders renew between statements; one that takes longer
# than this (a very large batch) may lose the lease, which costs work and never exactness.
LIFETIME = timedelta(seconds=20)


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to run a job, until it isn't renewed in time."""

    name: str
    version: int
    holder: str


def take_lease(name: str, *, now: datetime) -> Lease | None:
    """Take a job with the next version; None while another process holds it."""
    JobLease.objects.get_or_create(name=name, defaults={"expires_at": now})
    holder = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
    with transaction.atomic():
        row = JobLease.objects.select_for_update().get(name=name)
        if row.expires_at > now:
            return None
        # Not the counter alone: a database restored from a backup would count again from where it
        # was, and whatever is written below a version that ClickHouse has is lost.
        version = max(row.version + 1, int(now.timestamp() * 1000))
        row.version, row.holder, row.expires_at = version, holder, now + LIFETIME
        row.save()
    return Lease(name, row.version, holder)


def renew_lease(lease: Lease, *, now: datetime) -> None:
    """Say that the holder is alive; raises LeaseLost where another process has the job."""
    renewed = JobLease.objects.filter(
        name=lease.name, version=lease.version, holder=lease.holder
    ).update(expires_at=now + LIFETIME)
    if not renewed:
        raise LeaseLost(lease.name, lease.version)


def give_lease_back(lease: Lease, *, now: datetime) -> None:
    """Let the next run start at once; harmless when the lease is lost already."""
    JobLease.objects.filter(name=lease.name, version=lease.version, holder=lease.holder).update(
        expires_at=now
    )
