"""The e-mail of an alert, in text and HTML, from what was known when it was raised."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlencode

import css_inline
from django.template.loader import render_to_string

from finops.budgets.models import Budget, BudgetAlert
from finops.budgets.period import Period, month_from
from finops.budgets.snapshot import Snapshot
from finops.budgets.standing import Standing, stand
from finops.budgets.wording import moment, month_name, multiple, one_line, percent, usd

INLINER = css_inline.CSSInliner(keep_at_rules=True, load_remote_stylesheets=False)


def write_message(alert: BudgetAlert, *, sender: str, site_url: str, now: datetime) -> EmailMessage:
    """Return the alert's e-mail, ready to send; every attempt has the same Message-ID and words."""
    facts = describe(alert, site_url)
    message = EmailMessage(policy=SMTP)
    message["Message-ID"] = alert.message_id
    message["Date"] = format_datetime(now)
    message["From"] = sender
    message["To"] = ", ".join(alert.budget.recipients)
    message["Subject"] = one_line(render_to_string("budgets/email/alert-subject.txt", facts))
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday answers, please
    message.set_content(
        render_to_string("budgets/email/alert-body.txt", facts), cte="quoted-printable"
    )
    html = INLINER.inline(render_to_string("budgets/email/alert-body.html", facts))
    message.add_alternative(html, subtype="html", cte="quoted-printable")
    return message


def describe(alert: BudgetAlert, site_url: str) -> dict[str, Any]:
    """Return what the templates say; every value is ready to print."""
    budget, known = alert.budget, alert.known
    period = month_from(alert.period_start, known.timezone)
    standing = stand(alert.amount_usd, tuple(budget.thresholds), period, known.spend_usd, known.at)
    return {
        "exceeded": known.spend_usd > alert.amount_usd,
        "threshold": alert.threshold,
        "workspace": one_line(budget.workspace.name),
        "whose": one_line(budget.tenant) or one_line(budget.workspace.name),
        "tenant": one_line(budget.tenant),
        "month": month_name(alert.period_start),
        "amount": usd(alert.amount_usd),
        "spend": usd(known.spend_usd),
        "unpriced_calls": known.unpriced_calls,
        "as_of": moment(known.at, known.timezone),
        "costed_to": moment(known.costed_to, known.timezone) if known.costed_to else "",
        "overview_url": f"{site_url}/?{overview_query(budget, period)}",
        "budgets_url": budgets_url(site_url, budget),
        **describe_standing(standing, known.spend_usd),
        "models": describe_models(known),
    }


def describe_standing(standing: Standing, spend_usd: Decimal) -> dict[str, str | int]:
    share = spend_usd / standing.amount_usd
    rate = standing.run_rate_usd
    return {
        "percent": percent(share),
        "bar": min(100, int(share * 100)),
        "difference": usd(abs(standing.amount_usd - spend_usd)),
        "elapsed": percent(standing.elapsed_share),
        "pace": multiple(standing.pace) if standing.pace is not None else "",
        "run_rate": usd(rate) if rate is not None else "",
        "overrun": usd(rate - standing.amount_usd) if rate and rate > standing.amount_usd else "",
    }


def describe_models(known: Snapshot) -> list[dict[str, str]]:
    named = [(one_line(item.model) or "unknown model", item.spend_usd) for item in known.models]
    rest = known.spend_usd - sum(spend for _, spend in named)
    if rest > 0:
        named.append(("other models", rest))
    return [
        {"name": name, "spend": usd(spend), "percent": percent(spend / known.spend_usd)}
        for name, spend in named
        if known.spend_usd
    ]


def overview_query(budget: Budget, period: Period) -> str:
    """Return the query that shows the budget's workspace, tenant and month on the Overview page."""
    query = {
        "workspace": budget.workspace.slug,
        "from": period.first_day.isoformat(),
        "to": period.last_day.isoformat(),
    }
    if budget.tenant:
        query["tenant"] = budget.tenant
    return urlencode(query)


def budgets_url(site_url: str, budget: Budget) -> str:
    """Link to the page where the budget can be changed or stopped."""
    query = urlencode({"workspace": budget.workspace.slug})
    return f"{site_url}/budgets?{query}#budget-{budget.pk}"
