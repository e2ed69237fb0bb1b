"""The page of commitments: what to reserve of a pool, or to promise of what providers are paid."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from dashboards.asking import Asker
from dashboards.assumption_fields import fields, read_entered
from dashboards.commitment_table import commitment_table
from dashboards.page_state import read_choice
from finops.accounts.access import WorkspaceRequest, require_role
from finops.accounts.models import Role
from finops.insights.commitment_case import OF_POOL, OF_SPEND
from finops.insights.from_ledger import ask_commitments
from finops.queries import Range
from finops.queries.demand import pools
from finops.queries.dimensions import NO_FILTERS

DAYS = {"30": 30, "90": 90, "180": 180, "365": 365}
USUAL_DAYS = "90"


@require_safe
@require_role(Role.VIEWER)
def commitments_page(request: WorkspaceRequest) -> HttpResponse:
    """Show the mix that would have cost least, with the assumptions in the address."""
    workspace, now, asker = request.workspace, timezone.now(), Asker()
    notes: list[str] = []
    days = read_days(request.GET, USUAL_DAYS, notes)
    span = Range(now - timedelta(days=DAYS[days]), now)
    known_pools = asker.ask(lambda ch: pools(ch, workspace.pk, span)).value or []
    pool = request.GET.get("pool", "")
    if pool and pool not in known_pools:
        notes.append(f"No pool “{pool[:40]}” has a bill in these days; this is spend.")
        pool = ""
    asked = OF_POOL if pool else OF_SPEND
    entered = read_entered(request.GET, asked)
    found = asker.ask(
        lambda ch: ask_commitments(ch, workspace.pk, span, pool, NO_FILTERS, entered.given)
    )
    context: dict[str, Any] = {
        "pools": known_pools,
        "pool": pool,
        "days": days,
        "day_choices": list(DAYS),
        "found": found,
        "fields": fields(asked, found.value.assumed if found.value else {}, entered),
        "notes": notes,
        "refused": [message for _, message in entered.refused.values()],
        "zone": ZoneInfo(workspace.timezone),
    }
    if found.value and found.value.case:
        context["case"] = found.value.case
        context["table"] = commitment_table(found.value.case, "GPU" if pool else "")
    return render(request, "dashboards/commitments.html", context)


def read_days(query: QueryDict, usual: str, notes: list[str]) -> str:
    return read_choice(query, "days", DAYS, usual, notes)
