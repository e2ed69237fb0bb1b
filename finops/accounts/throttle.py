"""How failed logins are counted, and what a locked-out user sees.

axes counts by user and address together. One address that tries many users is counted here, from
the same records, before any password is hashed.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from axes.models import AccessAttempt
from django.conf import settings
from django.db.models import Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

Credentials = dict[str, Any]
# Failures of one address, whoever's: enough for an office behind one address.
FAILURES_OF_AN_ADDRESS = 100


def normal_username(request: HttpRequest, credentials: Credentials | None) -> str:
    """The name that failures are counted under: without it, Bob@x and bob@x count apart."""
    given = (credentials or {}).get("username") or request.POST.get("username", "")
    return str(given).strip().lower()


def client_ip(request: HttpRequest) -> str:
    """The address of the client; behind our TLS proxy, the one that the proxy itself saw.

    That is the last entry of X-Forwarded-For: the client can write the earlier ones.
    """
    address: str = request.META.get("REMOTE_ADDR", "")
    if settings.CONFIG.behind_tls_proxy:
        address = request.headers.get("X-Forwarded-For", address).rsplit(",", 1)[-1].strip()
    return address


def is_closed_to(request: HttpRequest, now: datetime) -> bool:
    """Say whether logins from the client's address failed too often within the cool-off time."""
    recent = AccessAttempt.objects.filter(
        ip_address=client_ip(request), attempt_time__gt=now - settings.AXES_COOLOFF_TIME
    )
    failures: int = recent.aggregate(sum=Sum("failures_since_start", default=0))["sum"]
    return failures >= FAILURES_OF_AN_ADDRESS


def locked_page(
    request: HttpRequest, response: HttpResponse | None, credentials: Credentials | None = None
) -> HttpResponse:
    """Answer a login while the door is closed, with the time after which it opens."""
    wait_s = int(settings.AXES_COOLOFF_TIME.total_seconds())
    context = {"minutes": wait_s // 60}
    page = render(request, "accounts/locked.html", context, status=429)
    page.headers["Retry-After"] = str(wait_s)
    return page
