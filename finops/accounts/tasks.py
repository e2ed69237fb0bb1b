"""What the accounts room does by the clock."""

from __future__ import annotations

from celery import shared_task
from django.core.management import call_command


@shared_task(ignore_result=True)
def forget_sessions() -> None:
    """Delete the sessions that have expired; Django itself never does."""
    call_command("clearsessions")
