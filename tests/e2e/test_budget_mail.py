"""A budget that is spent, from the API to the e-mail: beat, broker, worker, SMTP."""

from __future__ import annotations

import re

from tests.budgets.mail_server import MailServer
from tests.e2e.conftest import Demo
from tests.e2e.stack import Stack

# Through the broker, as beat does it each minute.
EVALUATE = (
    "from finops.celery import app; "
    "print(app.send_task('finops.budgets.tasks.evaluate_budgets').id)"
)
EVENT = re.compile(r"evaluate_budgets\[([0-9a-f-]+)\] (received|succeeded)")


def evaluations(stack: Stack, event: str) -> set[str]:
    """The evaluations that the worker received, or that succeeded, by their id."""
    log = (stack.data_dir / "logs" / "worker.log").read_text(errors="replace")
    return {number for number, happened in EVENT.findall(log) if happened == event}


def test_a_budget_that_the_demo_exceeds_is_told_once_and_not_again_at_the_next_minute(
    stack: Stack, demo: Demo, mail_server: MailServer
) -> None:
    budget = {"tenant": "rowan-airlines", "amount_usd": "0.01", "recipients": ["ada@example.com"]}
    key = stack.key("demo", "read", "admin")
    created = stack.post("/api/v1/budgets", key, budget)

    asked = stack.manage("shell", "-v", "0", "-c", EVALUATE)
    assert asked.returncode == 0, asked.stderr
    stack.wait(lambda: asked.stdout.strip() in evaluations(stack, "succeeded"), "an evaluation")
    stack.wait(lambda: bool(mail_server.accepted), "the e-mail")

    (envelope,), (message,) = mail_server.accepted, mail_server.messages
    assert envelope.rcpt_tos == ["ada@example.com"]
    subject = str(message["Subject"]).strip()
    assert re.fullmatch(
        r"Budget exceeded: rowan-airlines spent \$0\.\d+ of \$0\.01 in \w+ \d{4}", subject
    )
    plain, html = (message.get_body((kind,)) for kind in ("plain", "html"))
    assert plain is not None
    assert html is not None
    for part in (plain.get_content(), html.get_content()):
        assert "$0.01" in part
        assert f"{stack.url}/" in part
        assert "tenant=rowan-airlines" in part

    # Beat asks again within the minute; an evaluation that begins now finds the budget told.
    before = evaluations(stack, "received")
    stack.wait(lambda: bool(evaluations(stack, "succeeded") - before), "the next minute")
    assert len(mail_server.accepted) == 1
    alerts = stack.get(f"/api/v1/budgets/{created['id']}", key)["alerts"]
    assert {alert["threshold"]: alert["state"] for alert in alerts} == {
        80: "superseded",
        100: "sent",
    }
