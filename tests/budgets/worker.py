"""A worker process for the test of several: claims and sends, ten times over.

Usage: python -m tests.budgets.worker START_FILE; it begins when the file is there.
"""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import django

ROUNDS = 10  # each 100 USD more: 80 % of 1000 at the 8th, 100 % at the last


def now() -> datetime:
    return datetime.now(UTC)


def main(start: Path) -> None:
    django.setup()
    from finops.budgets.claim import claim, past_alerts
    from finops.budgets.evaluate import evaluate
    from finops.budgets.mailer import SmtpMailer
    from finops.budgets.models import Budget
    from finops.budgets.notify import deliver_due
    from tests.budgets.scenes import NOVEMBER, SENDER, SITE, snapshot

    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while not start.exists():
        time.sleep(0.001)
    for spend in range(1, ROUNDS + 1):
        known = snapshot(str(spend * 100), now())
        for budget in Budget.objects.order_by("pk"):
            past = past_alerts([budget], NOVEMBER)[budget.pk]
            decision = evaluate(budget.terms, known.spend_usd, past)
            if decision:
                claim(budget, NOVEMBER, decision, known, sender=SENDER)
        deliver_due(SmtpMailer(), now, sender=SENDER, site_url=SITE)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
