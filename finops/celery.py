"""The Celery application and its schedule."""

from __future__ import annotations

import os
from typing import Any

from celery import Celery
from celery.schedules import crontab
from celery.signals import setup_logging

from finops.celery_heartbeats import connect_heartbeats

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "finops.settings")

app = Celery("finops")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def keep_our_logging(**signal: Any) -> None:
    """Celery leaves logging alone where someone listens here; Django's settings have set it up."""


connect_heartbeats()

# A restart of beat resets intervals, so whatever is rarer than a minute is a crontab; every entry
# expires after 1.5 of its period, or a worker that was away would find a pile of stale ticks.
app.conf.beat_schedule = {
    "charge": {
        "task": "finops.costing.tasks.charge",
        "schedule": 5.0,
        "options": {"expires": 7.5},
    },
    "reprice": {
        "task": "finops.costing.tasks.reprice",
        "schedule": 10.0,
        "options": {"expires": 15.0},
    },
    "reconcile": {
        "task": "finops.costing.tasks.reconcile",
        "schedule": crontab(minute="*/10"),
        "options": {"expires": 900},
    },
    # The hour's bill when its last samples are in; what came late, soon after it came.
    "allocate-gpus": {
        "task": "finops.costing.tasks.allocate",
        "schedule": crontab(minute="9-59/10"),
        "options": {"expires": 900},
    },
    "evaluate-budgets": {
        "task": "finops.budgets.tasks.evaluate_budgets",
        "schedule": crontab(),
        "options": {"expires": 90},
    },
    "forget-sessions": {
        "task": "finops.accounts.tasks.forget_sessions",
        "schedule": crontab(hour="3", minute="17"),
        "options": {"expires": 36 * 3600},
    },
}
