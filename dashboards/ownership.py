"""The page of ownership: API, rented or owned GPUs, or serverless, for the same traffic."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from dashboards.asking import Asker
from dashboards.assumption_fields import fields, read_entered
from dashboards.commitments import DAYS, read_days
from dashboards.ownership_table import ownership_table
from finops.accounts.access import WorkspaceRequest, require_role
from finops.accounts.models import Role
from finops.insights.from_ledger import ask_ownership
from finops.insights.history import too_little
from finops.insights.ownership_case import ALL, GROUPS
from finops.queries import Filters, Range
from finops.queries.range import HOUR

MONTH = {"input_tokens", "output_tokens", "api_usd"}
USUAL_DAYS = "30"
LONGEST_NAME = 1000


@require_safe
@require_role(Role.VIEWER)
def ownership_page(request: WorkspaceRequest) -> HttpResponse:
    """Compare the ways to serve; the address keeps the assumptions."""
    workspace, now, asker = request.workspace, timezone.now(), Asker()
    notes: list[str] = []
    days = read_days(request.GET, USUAL_DAYS, notes)
    span = Range(now - timedelta(days=DAYS[days]), now)
    model = request.GET.get("model", "").replace("\x00", "")[:LONGEST_NAME]
    filters = Filters({"model": (model,)} if model else {})
    entered = read_entered(request.GET, ALL)
    found = asker.ask(lambda ch: ask_ownership(ch, workspace.pk, span, filters, entered.given))
    assumed = found.value.assumed if found.value else {}
    context: dict[str, Any] = {
        "days": days,
        "day_choices": list(DAYS),
        "model": model,
        "found": found,
        "groups": [(name, fields(group, assumed, entered)) for name, group in GROUPS.items()],
        "little": little_known(found.value.measured if found.value else None, entered.given),
        "missing": [each.of.label for each in assumed.values() if each.value is None],
        "notes": notes,
        "refused": [message for _, message in entered.refused.values()],
        "zone": ZoneInfo(workspace.timezone),
    }
    if found.value and found.value.case:
        context["table"] = ownership_table(found.value.case)
    return render(request, "dashboards/ownership.html", context)


def little_known(measured: Range | None, given: Mapping[str, str]) -> str:
    """A caution where a month is made of a few days; none where the traffic was entered."""
    if measured is None or given.keys() >= MONTH:
        return ""
    hours = measured.length // HOUR
    if not too_little(hours):
        return ""
    known = f"{hours // 24} days" if hours >= 48 else f"{hours} hour{'' if hours == 1 else 's'}"
    return (
        f"Only {known} of traffic are known, and a month is made of them: what follows shows how "
        "it is worked out. Enter the traffic that you expect, or come back after two weeks."
    )
