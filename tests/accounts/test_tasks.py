"""What the accounts room does by the clock."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.utils import timezone

from finops.accounts.tasks import forget_sessions


@pytest.mark.django_db
def test_sessions_that_expired_are_deleted_and_others_stay() -> None:
    now = timezone.now()
    for key, hours in (("old", -1), ("new", 1)):
        Session.objects.create(
            session_key=key, session_data="", expire_date=now + timedelta(hours=hours)
        )
    forget_sessions()
    assert [session.session_key for session in Session.objects.all()] == ["new"]
