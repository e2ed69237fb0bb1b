"""A worker process for the tests of several: claims and sends, over and over, as told by a file.

Usage: python -m tests.budgets.worker START_FILE ROUNDS [--die-after-claim]
"""

from __future__ import annotations

import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import django


def main(start: Path, rounds: int, *, dies: bool) -> None:
    django.setup()
    from finops.budgets.claim import claim, past_alerts
    from finops.budgets.evaluate import evaluate
    from finops.budgets.mailer import SmtpMailer
    from finops.budgets.models import Budget
    from finops.budgets.notify import deliver_due
    from tests.budgets.scenes import NOVEMBER, SENDER, SITE, snapshot

    def clock() -> datetime:
        return datetime.now(UTC)

    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while not start.exists():
        time.sleep(0.001)
    for spend in range(1, rounds + 1):
        known = snapshot(str(spend * 100), clock())
        for budget in Budget.objects.order_by("pk"):
            decision = evaluate(budget.terms, known.spend_usd, past_alerts(budget, NOVEMBER))
            if decision:
                claim(budget, NOVEMBER, decision, known, sender=SENDER)
                if dies:
                    os._exit(9)
        deliver_due(SmtpMailer(), clock, sender=SENDER, site_url=SITE)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), dies="--die-after-claim" in sys.argv)
