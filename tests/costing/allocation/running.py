"""Run the allocation in tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from finops.costing.allocation.run import LEASE
from finops.costing.lease import Lease, give_lease_back, take_lease


def now() -> datetime:
    return datetime.now(UTC)


@contextmanager
def lease() -> Iterator[Lease]:
    held = take_lease(LEASE, now=now())
    assert held is not None
    try:
        yield held
    finally:
        give_lease_back(held, now=now())
