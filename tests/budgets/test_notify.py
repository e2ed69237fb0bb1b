from __future__ import annotations

from datetime import datetime, timedelta
from email.message import EmailMessage

import pytest

from finops.accounts.models import Workspace
from finops.budgets.claim import claim
from finops.budgets.errors import Postponed, Refused, Unreachable
from finops.budgets.evaluate import Decision
from finops.budgets.models import BudgetAlert
from finops.budgets.notify import GIVE_UP_AFTER, LEASE, deliver_due, finish, take, wait_after
from tests.budgets.scenes import (
    MINUTE,
    NOVEMBER,
    NOW,
    SENDER,
    PaperMailer,
    deliver,
    make_budget,
    raise_alert,
    snapshot,
)

State = BudgetAlert.State


class DyingMailer(PaperMailer):
    """Dies when the message is already out."""

    def send(self, message: EmailMessage) -> str:
        super().send(message)
        raise SystemExit(9)


def test_a_claimed_alert_is_sent_once(acme: Workspace) -> None:
    alert, mailer = raise_alert(make_budget(acme)), PaperMailer()
    for minute in range(30):
        deliver(mailer, NOW + minute * MINUTE)
    alert.refresh_from_db()
    assert mailer.attempts == 1
    assert (alert.state, alert.attempts, alert.finished_at) == (State.SENT, 1, NOW)


def test_a_crash_between_claim_and_send_is_made_good_by_the_next_run(acme: Workspace) -> None:
    raise_alert(make_budget(acme))  # and here the worker died
    mailer = PaperMailer()
    deliver(mailer, NOW + MINUTE)
    assert mailer.attempts == 1


def test_a_crash_after_taking_is_made_good_after_the_lease(acme: Workspace) -> None:
    alert, mailer = raise_alert(make_budget(acme)), PaperMailer()
    assert take(alert.pk, NOW) is not None  # and here the worker died
    deliver(mailer, NOW + LEASE - MINUTE)
    assert mailer.attempts == 0
    deliver(mailer, NOW + LEASE)
    assert mailer.attempts == 1
    assert mailer.sent[0]["Message-ID"] == alert.message_id


def test_a_crash_after_the_mail_server_said_yes_repeats_the_mail_under_its_id(
    acme: Workspace,
) -> None:
    raise_alert(make_budget(acme))
    dying = DyingMailer()
    with pytest.raises(SystemExit):
        deliver(dying)
    mailer = PaperMailer()
    deliver(mailer, NOW + LEASE)
    assert [m["Message-ID"] for m in mailer.sent] == [m["Message-ID"] for m in dying.sent]


def test_who_slept_through_the_lease_does_not_overwrite_the_successor(acme: Workspace) -> None:
    alert = raise_alert(make_budget(acme))
    slow = take(alert.pk, NOW)
    assert slow is not None
    deliver(PaperMailer(), NOW + LEASE)
    finish(slow, State.FAILED, "too late", NOW + LEASE)
    alert.refresh_from_db()
    assert (alert.state, alert.error) == (State.SENT, "")


def test_what_one_worker_took_no_other_takes(acme: Workspace) -> None:
    alert = raise_alert(make_budget(acme))
    assert take(alert.pk, NOW) is not None
    assert take(alert.pk, NOW) is None


def test_a_temporary_failure_is_tried_again_with_growing_patience(acme: Workspace) -> None:
    alert, mailer = raise_alert(make_budget(acme)), PaperMailer(Postponed("451 greylisted"))
    tried: list[int] = []
    for minute in range(70):
        deliver(mailer, NOW + minute * MINUTE)
        tried += [minute] * (mailer.attempts - len(tried))
    assert tried == [0, 1, 3, 7, 15, 31, 61]
    alert.refresh_from_db()
    assert (alert.state, alert.error) == (State.CLAIMED, "451 greylisted")
    mailer.error = None
    deliver(mailer, NOW + 91 * MINUTE)
    alert.refresh_from_db()
    assert (alert.state, alert.error) == (State.SENT, "")


@pytest.mark.parametrize(("attempts", "minutes"), [(1, 1), (2, 2), (5, 16), (6, 30), (999, 30)])
def test_the_next_tick_of_the_minute_is_in_time(attempts: int, minutes: int) -> None:
    wait = wait_after(attempts)
    assert (minutes - 1) * MINUTE < wait < minutes * MINUTE


def test_a_refusal_is_recorded_and_not_tried_again(acme: Workspace) -> None:
    alert, mailer = raise_alert(make_budget(acme)), PaperMailer(Refused("550 no such user"))
    deliver(mailer)
    deliver(mailer, NOW + timedelta(hours=1))
    alert.refresh_from_db()
    assert mailer.attempts == 1
    assert (alert.state, alert.error) == (State.FAILED, "550 no such user")


def test_after_two_days_of_failures_it_is_given_up(acme: Workspace) -> None:
    alert, mailer = raise_alert(make_budget(acme)), PaperMailer(Postponed("451 later"))
    deliver(mailer, NOW + GIVE_UP_AFTER)
    alert.refresh_from_db()
    assert alert.state == State.FAILED


def test_an_unreachable_server_is_asked_once_a_run(acme: Workspace) -> None:
    for tenant in ("a", "b", "c"):
        raise_alert(make_budget(acme, tenant))
    mailer = PaperMailer(Unreachable("connection refused"))
    deliver(mailer)
    assert mailer.attempts == 1
    mailer.error = None
    deliver(mailer, NOW + MINUTE)
    assert len(mailer.sent) == 3


def test_one_refused_message_does_not_stop_the_others(acme: Workspace) -> None:
    for tenant in ("a", "b"):
        raise_alert(make_budget(acme, tenant))
    mailer = PaperMailer(Refused("550 no such user"))
    deliver(mailer)
    assert mailer.attempts == 2


def test_a_paused_budget_keeps_its_alert_until_it_is_resumed(acme: Workspace) -> None:
    budget, mailer = make_budget(acme), PaperMailer()
    raise_alert(budget)
    budget.active = False
    budget.save()
    deliver(mailer)
    assert mailer.attempts == 0
    budget.active = True
    budget.save()
    deliver(mailer, NOW + MINUTE)
    assert mailer.attempts == 1


def test_an_alert_that_waits_gives_way_to_a_higher_one(acme: Workspace) -> None:
    budget, mailer = make_budget(acme), PaperMailer(Unreachable("down"))
    raise_alert(budget, 80)
    deliver(mailer)
    raise_alert(budget, 100, NOW + MINUTE, spend="1001")
    mailer.error = None
    deliver(mailer, NOW + 2 * MINUTE)
    assert [str(m["Subject"]).partition(":")[0] for m in mailer.sent] == ["Budget exceeded"]
    assert budget.alerts.get(threshold=80).state == State.SUPERSEDED


def test_what_is_sent_while_it_is_overtaken_counts_as_sent(acme: Workspace) -> None:
    budget = make_budget(acme)
    alert = take(raise_alert(budget, 80).pk, NOW)
    assert alert is not None
    raise_alert(budget, 100, NOW, spend="1001")
    finish(alert, State.SENT, "", NOW)
    assert budget.alerts.get(threshold=80).state == State.SENT


def test_files_are_told_apart_from_mails(acme: Workspace) -> None:
    alert, mailer = raise_alert(make_budget(acme)), PaperMailer()
    mailer.writes_files = True
    deliver(mailer)
    alert.refresh_from_db()
    assert alert.state == State.OUTBOX


def test_a_late_mail_says_what_was_true_when_it_was_raised(acme: Workspace) -> None:
    budget, mailer = make_budget(acme), PaperMailer()
    raise_alert(budget, at=NOW - timedelta(days=1), spend="801")
    budget.amount_usd = 5000
    budget.save()
    deliver(mailer, NOW)
    assert "$801.00 of $1,000.00" in str(mailer.sent[0]["Subject"])


def test_the_clock_is_read_for_each_alert(acme: Workspace) -> None:
    # A slow server must not shorten the lease of the alerts that come after.
    for tenant in ("a", "b"):
        raise_alert(make_budget(acme, tenant))
    time = NOW

    def clock() -> datetime:
        nonlocal time
        time += 4 * MINUTE
        return time

    mailer = PaperMailer(Postponed("451 later"))
    deliver_due(mailer, clock, sender=SENDER, site_url="")
    first, second = BudgetAlert.objects.order_by("pk")
    assert second.retry_at - first.retry_at >= 8 * MINUTE


def test_claiming_again_changes_nothing(acme: Workspace) -> None:
    budget = make_budget(acme)
    first = raise_alert(budget, 80)
    again = Decision(alert=100, superseded=(80,))
    deliver(PaperMailer())
    for _ in range(2):
        claim(budget, NOVEMBER, again, snapshot("1001"), sender=SENDER)
    assert [a.threshold for a in budget.alerts.order_by("pk")] == [80, 100]
    first.refresh_from_db()
    assert first.state == State.SENT
