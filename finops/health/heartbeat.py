"""The heartbeat of a part that has no port to ask: it writes down that it worked."""

from __future__ import annotations

from datetime import datetime

from finops.models import Heartbeat

# Everything that the collector acknowledged before this beat is in ClickHouse.
LOADED = "loaded"


def beat(name: str, now: datetime) -> None:
    """Record that the part `name` did its work at `now`; cheap enough for every run of a task."""
    Heartbeat.objects.update_or_create(name=name, defaults={"at": now})


def last_beat(name: str) -> datetime | None:
    """When the part `name` last worked; None when it never did."""
    return Heartbeat.objects.filter(name=name).values_list("at", flat=True).first()
