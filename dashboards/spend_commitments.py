"""/rates/commitments: promised spend, how far it is drawn down, and what falls short."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import partial

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from dashboards.agreement_end import end_page
from dashboards.amounts import Figure, share, usd
from dashboards.asking import Asker
from dashboards.contract_form import add_problem
from dashboards.spend_commitment_form import SpendCommitmentForm
from finops.accounts.access import WorkspaceRequest, has_role, require_role
from finops.accounts.models import Role, Workspace
from finops.clickhouse.client import Warehouse
from finops.pricing.commit_spend import commit_spend, end_commitment
from finops.pricing.drawdown import Drawdown, drawdown
from finops.pricing.errors import TermsRefused
from finops.pricing.models import SpendCommitment
from finops.queries.spend_by_provider import spend_by_provider


@dataclass(frozen=True, slots=True)
class CommitmentLine:
    """A commitment as its card shows it; `drawn` and `expected` are percent of the bar."""

    commitment: SpendCommitment
    name: str
    discount: str
    state: str
    tone: str
    spent: Figure
    committed: Figure
    rest: Figure
    share: str
    drawn: str
    expected: str


@require_safe
@require_role(Role.VIEWER)
def spend_commitments_page(request: WorkspaceRequest) -> HttpResponse:
    """Show the commitments of the workspace, the newest first."""
    asker, now = Asker(), timezone.now()
    found = request.workspace.commitments.select_related("who").order_by("-valid_from", "provider")
    lines = [asker.ask(partial(line_of, commitment=one, now=now)) for one in found]
    context = {"lines": lines, "may_write": has_role(request.membership, Role.ANALYST)}
    return render(request, "dashboards/spend_commitments.html", context)


@require_http_methods(["GET", "POST"])
@require_role(Role.ANALYST)
def commit_spend_page(request: WorkspaceRequest) -> HttpResponse:
    """Take a commitment in."""
    form = SpendCommitmentForm(request.POST or None, label_suffix="")
    if request.method == "POST" and form.is_valid():
        commitment = SpendCommitment(workspace=request.workspace, **form.terms())
        try:
            commit_spend(commitment, actor=request.user)
        except TermsRefused as refused:
            add_problem(form, refused.problem)
        else:
            messages.success(request, f"Committed: {commitment}.")
            return redirect("spend-commitments")
    return render(request, "dashboards/spend_commitment_form.html", {"form": form})


@require_http_methods(["GET", "POST"])
@require_role(Role.ANALYST)
def end_spend_commitment_page(request: WorkspaceRequest, commitment_id: int) -> HttpResponse:
    """Ask when, then end a commitment before its term is over."""
    commitment = get_object_or_404(SpendCommitment, pk=commitment_id, workspace=request.workspace)
    return end_page(
        request,
        str(commitment),
        lambda moment: end_commitment(commitment, moment, actor=request.user),
        lambda day: f"{commitment} ends on {day:%Y-%m-%d}.",
        back="spend-commitments",
    )


def line_of(ch: Warehouse, commitment: SpendCommitment, now: datetime) -> CommitmentLine:
    workspace: Workspace = commitment.workspace
    end = min(commitment.valid_to, now)
    stands = drawdown(
        commitment, spend_by_provider(ch, workspace.pk, commitment.valid_from, end), now=now
    )
    state, tone = state_of(commitment, stands, now)
    return CommitmentLine(
        commitment=commitment,
        name="every provider" if commitment.provider == "*" else commitment.provider,
        discount=f"{commitment.discount_percent.normalize():f} %",
        state=state,
        tone=tone,
        spent=usd(stands.drawn_usd),
        committed=usd(stands.committed_usd),
        rest=usd(stands.remaining_usd),
        share=share(stands.drawn_share),
        drawn=f"{min(stands.drawn_share * 100, 100):.2f}",
        expected=f"{stands.expected_usd / stands.committed_usd * 100:.2f}",
    )


def state_of(commitment: SpendCommitment, stands: Drawdown, now: datetime) -> tuple[str, str]:
    """Where a commitment stands, in a few words, and how good that is."""
    if commitment.valid_from > now:
        return "later", ""
    if not stands.remaining_usd:
        return "met", "good"
    if stands.over:
        return "fell short", "bad"
    return ("on pace", "good") if stands.drawn_usd >= stands.expected_usd else ("behind", "warn")
