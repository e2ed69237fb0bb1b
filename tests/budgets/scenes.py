"""Budgets and alerts as tests need them: November 2026 in Berlin, half of it gone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.message import EmailMessage

from finops.accounts.models import Workspace
from finops.budgets.claim import claim
from finops.budgets.errors import DeliveryError
from finops.budgets.evaluate import Decision
from finops.budgets.mailer import Mailer
from finops.budgets.models import Budget, BudgetAlert
from finops.budgets.notify import deliver_due
from finops.budgets.period import month_of
from finops.budgets.snapshot import ModelSpend, Snapshot

NOW = datetime(2026, 11, 15, 23, tzinfo=UTC)  # midnight in Berlin: 15 of 30 days are over
SENDER = "Inferledger <ledger@example.com>"
SITE = "https://ledger.example.com"
BERLIN = "Europe/Berlin"
NOVEMBER = month_of(NOW, BERLIN)
MINUTE = timedelta(minutes=1)


def make_budget(workspace: Workspace, tenant: str = "acme-web", amount: str = "1000") -> Budget:
    return Budget.objects.create(
        workspace=workspace,
        tenant=tenant,
        amount_usd=Decimal(amount),
        recipients=["ann@acme.example", "bob@acme.example"],
        terms_since=NOW - timedelta(days=30),
    )


def snapshot(spend: str = "840", at: datetime = NOW, unpriced: int = 0) -> Snapshot:
    return Snapshot(
        at=at,
        timezone=BERLIN,
        spend_usd=Decimal(spend),
        models=(ModelSpend("gpt-4o", Decimal(spend) * 3 / 4),),
        unpriced_calls=unpriced,
        costed_to=at - timedelta(seconds=10),
    )


def raise_alert(
    budget: Budget, threshold: int = 80, at: datetime = NOW, spend: str = "840"
) -> BudgetAlert:
    """Claim an alert the way `watch` does; it waits to be sent."""
    claim(budget, NOVEMBER, Decision(alert=threshold), snapshot(spend, at), sender=SENDER)
    return budget.alerts.get(threshold=threshold, rearmed_at=None)


def deliver(mailer: Mailer, at: datetime = NOW) -> None:
    deliver_due(mailer, lambda: at, sender=SENDER, site_url=SITE)


class PaperMailer:
    """A Mailer that keeps messages, or fails with `error`."""

    writes_files = False

    def __init__(self, error: DeliveryError | None = None) -> None:
        self.error = error
        self.sent: list[EmailMessage] = []
        self.attempts = 0

    def send(self, message: EmailMessage) -> str:
        self.attempts += 1
        if self.error is not None:
            raise self.error
        self.sent.append(message)
        return ""
