"""/healthz: each part and its state, for load balancers and for people.

200 while pages can be served, 503 when one of the two stores is down. The report is kept for two
seconds, so that whoever asks often doesn't become a load.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from finops.accounts.access import memberships_of
from finops.accounts.models import User
from finops.config import load_config
from finops.health.probes import Part, ask_all

NEEDED = ("database", "clickhouse")
KEPT_S = 2.0


@dataclass
class Report:
    """The last answers of all parts and when they were got.

    One thread asks; the others are given the last answers meanwhile, and wait only for the first.
    """

    parts: dict[str, Part] = field(default_factory=dict)
    asked_s: float = float("-inf")
    lock: threading.Lock = field(default_factory=threading.Lock)

    def fresh(self, now_s: float) -> dict[str, Part]:
        if not self.lock.acquire(blocking=not self.parts):
            return self.parts
        try:
            if now_s - self.asked_s >= KEPT_S:
                self.parts = ask_all(load_config(), timezone.now())
                self.asked_s = now_s
            return self.parts
        finally:
            self.lock.release()


REPORT = Report()


@never_cache
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """Answer with the state of each part; with details for a member of a workspace."""
    parts = REPORT.fresh(time.monotonic())
    detailed = parts["database"].state == "ok" and is_member(request)
    body = {
        "status": overall(parts),
        "parts": {name: describe(part, detailed) for name, part in sorted(parts.items())},
    }
    return JsonResponse(body, status=503 if body["status"] == "down" else 200)


def is_member(request: HttpRequest) -> bool:
    """Asked here and not by the middleware: this page answers even without a database."""
    return isinstance(request.user, User) and bool(memberships_of(request.user))


def overall(parts: dict[str, Part]) -> str:
    """down: nothing can be served; degraded: pages work and something behind them doesn't."""
    if any(parts[name].state != "ok" for name in NEEDED):
        return "down"
    return "ok" if all(part.state == "ok" for part in parts.values()) else "degraded"


def describe(part: Part, detailed: bool) -> dict[str, Any]:
    return {"state": part.state, **(part.detail if detailed else {})}
