"""Heartbeats of Celery's two processes, taken from its own signals; tasks do nothing for it.

Beat lives when it publishes a task, the worker when it begins or ends one.
"""

from __future__ import annotations

from typing import Any

from celery.signals import beat_init, before_task_publish, task_postrun, task_prerun
from django.utils import timezone


def connect_heartbeats() -> None:
    """Write heartbeats from now on, in whichever of the two processes this is."""
    beat_init.connect(watch_beat)
    task_prerun.connect(worker_works)
    task_postrun.connect(worker_works)


def watch_beat(**signal: Any) -> None:
    """Other processes publish tasks as well; only in beat does that show that beat lives."""
    before_task_publish.connect(beat_works)


def beat_works(**signal: Any) -> None:
    write("beat")


def worker_works(**signal: Any) -> None:
    write("worker")


def write(name: str) -> None:
    # Celery imports its application before Django's models can be.
    from finops.health.heartbeat import beat  # noqa: PLC0415

    beat(name, timezone.now())
