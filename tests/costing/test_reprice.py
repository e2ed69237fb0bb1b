from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils.timezone import now

from finops.accounts.models import AuditEntry, Workspace
from finops.clickhouse.client import Warehouse
from finops.costing.closing import close_month, moved_since, reopen_month
from finops.costing.errors import LeaseLost, MonthClosed, MonthRefused
from finops.costing.lease import Lease, renew_lease, take_lease
from finops.costing.mark import ask_for_repricing
from finops.costing.models import ClosedMonth, Repricing
from finops.costing.reconcile import reconcile as compare
from finops.costing.reprice import reprice as portion
from finops.costing.tasks import reprice
from finops.pricing.agree import agree_override, end_override
from finops.pricing.in_force import take_up
from finops.pricing.models import CatalogueAdoption, RateOverride
from finops.pricing.upload import upload_catalogue
from tests.costing.calls import insert_calls
from tests.costing.charging import charge, charges, cost_of
from tests.pricing.price_files import as_file, provider

pytestmark = pytest.mark.django_db

OCTOBER = datetime(2026, 10, 31, 23, 30, tzinfo=UTC)
NOVEMBER = datetime(2026, 11, 1, 0, 30, tzinfo=UTC)
LISTED, HALF = Decimal("0.0035"), Decimal("0.00175")  # 1000 x 2.50 + 100 x 10 per million


@pytest.fixture(scope="module")
def small_list() -> bytes:
    """Three models, so that publishing them is quick."""
    models = {
        "gpt-4o": {"input_mtok": 2.5, "output_mtok": 10},
        "gpt-4o-mini": {"input_mtok": 0.15, "output_mtok": 0.6},
        "o3": {"input_mtok": 2, "output_mtok": 8},
    }
    return as_file([provider("openai", models)])


@pytest.fixture
def acme(db: None, small_list: bytes) -> Iterator[Workspace]:
    listed = upload_catalogue(small_list, "small", actor=None, now=now())
    CatalogueAdoption.objects.create(catalogue=listed, why="quick")
    yield Workspace.objects.create(slug="acme", name="Acme")
    CatalogueAdoption.objects.all().delete()
    take_up()


def half_price(workspace: Workspace, **given: Any) -> RateOverride:
    fields = {
        "provider": "openai",
        "model": "gpt-4o",
        "discount_percent": Decimal(50),
        "valid_from": datetime(2026, 10, 1, tzinfo=UTC),
        "why": "contract 9",
        **given,
    }
    return agree_override(RateOverride(workspace=workspace, **fields), actor=None)


def calls_of_two_months(ch: Warehouse, workspace: Workspace) -> None:
    """One call of gpt-4o in each month, and one of another model beside each."""
    both = {"workspace_id": workspace.pk}
    insert_calls(
        ch,
        [
            {**both, "span": "october", "started_at": OCTOBER, "tenant": "a"},
            {**both, "span": "november", "started_at": NOVEMBER, "tenant": "b"},
            {**both, "span": "mini", "started_at": NOVEMBER, "model_served": "gpt-4o-mini"},
        ],
    )
    charge(ch)


def prices(ch: Warehouse) -> dict[str, Decimal | None]:
    return {name: cost_of(ch, name) for name in ("october", "november")}


def test_a_contract_reaches_back_and_says_what_it_changed(
    configured_ch: Warehouse, acme: Workspace
) -> None:
    """Complaint 7: usage is stored and cost derived, so a price can be put right, with an audit."""
    ch = configured_ch
    calls_of_two_months(ch, acme)
    half_price(acme)
    (marked,) = Repricing.objects.all()
    assert (marked.state, marked.start.month, marked.why) == ("waiting", 10, "contract 9")

    reprice()

    assert prices(ch) == {"october": HALF, "november": HALF}
    done = Repricing.objects.get()
    assert (done.state, done.rows, done.left_out) == ("done", 3, [])
    assert (done.old_versions, done.new_version) == ([1], 2)
    expected = [
        {"tenant": tenant, "month": month, "old_usd": "0.0035", "new_usd": "0.00175",
         "difference_usd": "-0.00175"}
        for tenant, month in (("a", "2026-10"), ("b", "2026-11"))
    ]  # fmt: skip
    assert done.differences == expected
    entry = AuditEntry.objects.get(action="repricing.done")
    assert entry.detail["differences"] == expected
    assert (entry.detail["rows"], entry.detail["difference_usd"]) == (3, "-0.0035")
    assert (entry.detail["old_rate_versions"], entry.detail["new_rate_version"]) == ([1], 2)
    assert entry.detail["cause"].endswith("of openai/gpt-4o was saved")
    assert compare(ch, now=NOVEMBER + timedelta(hours=1)).ok


def test_repricing_twice_is_repricing_once(configured_ch: Warehouse, acme: Workspace) -> None:
    ch = configured_ch
    calls_of_two_months(ch, acme)
    half_price(acme)
    reprice()
    before = {name: {**row, "version": 0} for name, row in charges(ch).items()}

    ask_for_repricing(
        acme, OCTOBER, NOVEMBER + timedelta(hours=1), who=None, why="again", now=now()
    )
    reprice()

    assert {name: {**row, "version": 0} for name, row in charges(ch).items()} == before
    again = Repricing.objects.latest("pk")
    assert (again.state, again.rows, again.differences) == ("done", 3, [])


def test_only_hours_in_which_a_price_differs_are_written(
    configured_ch: Warehouse, acme: Workspace
) -> None:
    ch = configured_ch
    calls_of_two_months(ch, acme)
    override = half_price(acme, model="o3")
    reprice()
    assert Repricing.objects.get().rows == 0

    end_override(override, override.valid_from + timedelta(days=1), actor=None)
    reprice()
    half_price(acme, valid_from=NOVEMBER, valid_to=NOVEMBER + timedelta(days=1))
    reprice()

    assert prices(ch) == {"october": LISTED, "november": HALF}
    assert [one.rows for one in Repricing.objects.order_by("pk")] == [0, 0, 2]


def test_a_price_that_begins_later_marks_nothing(acme: Workspace) -> None:
    half_price(acme, valid_from=now() + timedelta(days=1))
    assert not Repricing.objects.exists()


def test_a_closed_month_is_left_as_it_is_unless_forced(
    configured_ch: Warehouse, acme: Workspace
) -> None:
    ch = configured_ch
    calls_of_two_months(ch, acme)
    close_month(ch, acme, date(2026, 10, 1), actor=None, now=now(), why="reported")
    half_price(acme)
    reprice()

    assert prices(ch) == {"october": LISTED, "november": HALF}
    done = Repricing.objects.get()
    assert (done.state, done.left_out) == ("done", ["2026-10"])

    end = NOVEMBER + timedelta(hours=1)
    with pytest.raises(MonthClosed, match="2026-10 of acme is closed"):
        ask_for_repricing(acme, OCTOBER, end, who=None, why="", now=now())
    with pytest.raises(MonthClosed, match="2026-10"):  # whole hours: this one reaches into October
        september = datetime(2026, 9, 30, 23, tzinfo=UTC)
        just_in = datetime(2026, 10, 1, 0, 30, tzinfo=UTC)
        ask_for_repricing(acme, september, just_in, who=None, why="", now=now())
    span = ("--from", "2026-10-01", "--to", "2026-11-01", "--workspace", "acme")
    for command in ("reprice", "recompute"):
        with pytest.raises(CommandError, match="2026-10 of acme is closed"):
            call_command(command, *span)
        with pytest.raises(CommandError, match="--force needs --why"):
            call_command(command, *span, "--force")

    out = StringIO()
    call_command("reprice", *span, "--force", "--why", "the contract was signed late", stdout=out)
    assert out.getvalue() == (
        "acme: 1 charges by rates 2, -0.00175 USD\n  2026-10  a: 0.0035 -> 0.00175 USD (-0.00175)\n"
    )
    assert prices(ch) == {"october": HALF, "november": HALF}
    assert AuditEntry.objects.filter(action="repricing.done", detail__forced=True).count() == 1
    moved = moved_since(ch, ClosedMonth.objects.get())
    assert (moved.calls, moved.cost_usd) == (0, Decimal("-0.00175"))


def test_where_all_of_it_is_closed_it_is_refused_in_words(
    configured_ch: Warehouse, acme: Workspace
) -> None:
    ch = configured_ch
    calls_of_two_months(ch, acme)
    close_month(ch, acme, date(2026, 10, 1), actor=None, now=now())
    half_price(acme, valid_to=datetime(2026, 11, 1, tzinfo=UTC))
    reprice()

    refused = Repricing.objects.get()
    assert (refused.state, refused.rows) == ("refused", 0)
    assert refused.problem.startswith("Nothing was changed: 2026-10 closed.")
    assert AuditEntry.objects.filter(action="repricing.refused").count() == 1
    assert prices(ch)["october"] == LISTED

    reopen_month(ClosedMonth.objects.get(), actor=None, now=now(), why="it was too early")
    reprice()
    assert prices(ch)["october"] == HALF
    done = Repricing.objects.latest("pk")
    assert (done.state, done.rows, done.cause) == ("done", 1, "2026-10 was opened again")


def test_late_calls_are_charged_and_the_closed_month_shows_it(
    ch: Warehouse, acme: Workspace
) -> None:
    calls_of_two_months(ch, acme)
    closed = close_month(ch, acme, date(2026, 10, 5), actor=None, now=now())
    assert (closed.calls, closed.cost_usd, closed.by_tenant) == (1, LISTED, {"a": "0.0035"})
    assert moved_since(ch, closed).still

    insert_calls(ch, [{"workspace_id": acme.pk, "started_at": OCTOBER, "span": "late"}])
    charge(ch)

    moved = moved_since(ch, closed)
    assert (moved.calls, moved.cost_usd) == (1, LISTED)


def test_a_month_is_closed_once_when_it_is_over_and_opened_for_a_reason(
    ch: Warehouse, acme: Workspace
) -> None:
    month = date(2026, 9, 1)
    with pytest.raises(MonthRefused, match="isn't over"):
        close_month(ch, acme, month, actor=None, now=datetime(2026, 9, 30, 23, tzinfo=UTC))
    closed = close_month(ch, acme, month, actor=None, now=now())
    with pytest.raises(MonthRefused, match="closed already"):
        close_month(ch, acme, month, actor=None, now=now())
    with pytest.raises(MonthRefused, match="Say why"):
        reopen_month(closed, actor=None, now=now(), why=" ")
    reopen_month(closed, actor=None, now=now(), why="a credit note came")
    with pytest.raises(MonthRefused, match="open already"):
        reopen_month(closed, actor=None, now=now(), why="again")
    with pytest.raises(MonthRefused, match="about to be repriced"):
        close_month(ch, acme, month, actor=None, now=now())
    Repricing.objects.update(state=Repricing.State.DONE)
    close_month(ch, acme, month, actor=None, now=now())
    actions = AuditEntry.objects.filter(workspace=acme).order_by("pk")
    assert [entry.action for entry in actions] == ["month.closed", "month.reopened", "month.closed"]


def test_a_run_that_was_cut_off_reports_the_whole_difference(
    configured_ch: Warehouse, acme: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The charges are written and then the process dies, before the difference is."""
    ch = configured_ch
    calls_of_two_months(ch, acme)
    half_price(acme)

    def die(lease: Lease, *, now: datetime) -> None:
        if set(prices(ch).values()) == {HALF}:
            raise KeyboardInterrupt
        renew_lease(lease, now=now)

    with monkeypatch.context() as patch:
        patch.setattr("finops.costing.reprice.renew_lease", die)
        with pytest.raises(KeyboardInterrupt):
            reprice()
    assert prices(ch) == {"october": HALF, "november": HALF}
    assert Repricing.objects.get().state == "running"

    reprice()

    done = Repricing.objects.get()
    assert (done.state, len(done.differences)) == ("done", 2)
    assert take_lease("charge", now=now()) is not None


def test_who_lost_the_lease_while_planning_writes_nothing_down(
    configured_ch: Warehouse, acme: Workspace
) -> None:
    calls_of_two_months(configured_ch, acme)
    half_price(acme)
    lost = take_lease("charge", now=now())
    assert lost is not None
    # A plan takes long: meanwhile another process has the job, and writes down how far it is.
    assert take_lease("charge", now=now() + timedelta(minutes=1)) is not None
    asked = Repricing.objects.get()
    for state in ("waiting", "running"):
        Repricing.objects.update(state=state, rows=7)
        asked.state = state
        with pytest.raises(LeaseLost):
            portion(configured_ch, lost, asked, now)
        left = Repricing.objects.get()
        assert (left.state, left.rows, left.portion) == (state, 7, None)
    assert prices(configured_ch) == {"october": LISTED, "november": LISTED}


def test_changes_that_wait_together_name_each_other(
    acme: Workspace, configured_ch: Warehouse
) -> None:
    calls_of_two_months(configured_ch, acme)
    half_price(acme, valid_to=NOVEMBER)
    half_price(acme, model="gpt-4o-mini")
    reprice()
    first, second = Repricing.objects.order_by("pk")
    assert first.cause.endswith(f"was saved; in part also repricing {second.pk}")
    assert (first.state, second.state) == ("done", "done")


def test_portion_by_portion_is_the_same_as_at_once(
    configured_ch: Warehouse, acme: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls_of_two_months(configured_ch, acme)
    monkeypatch.setattr("finops.costing.repricing_plan.PORTION_CHARGES", 1)
    half_price(acme)
    half_price(acme, model="gpt-4o-mini")
    reprice()
    first = Repricing.objects.earliest("pk")
    assert (first.rows, len(first.differences)) == (3, 3)
    assert prices(configured_ch) == {"october": HALF, "november": HALF}


def test_a_repricing_that_meets_a_fault_is_put_aside_and_the_next_goes_on(
    configured_ch: Warehouse, acme: Workspace
) -> None:
    ch = configured_ch
    calls_of_two_months(ch, acme)
    broken = ask_for_repricing(acme, OCTOBER, NOVEMBER, who=None, why="", now=now(), forced=True)
    broken.state, broken.portion = "running", {"start": "no time"}
    broken.save()
    half_price(acme)

    reprice()

    broken.refresh_from_db()
    assert (broken.state, "Ask for it again" in broken.problem) == ("failed", True)
    assert Repricing.objects.latest("pk").state == "done"
    assert prices(ch) == {"october": HALF, "november": HALF}


def test_a_list_price_that_changes_behind_a_fixed_price_is_set_against_it_anew(
    configured_ch: Warehouse, acme: Workspace
) -> None:
    ch = configured_ch
    snapshot = "gpt-4o-2024-08-06"
    fixed = {"discount_percent": None, "input_usd": Decimal(2), "output_usd": Decimal(8)}
    adopt_gpt_4o(input_mtok=2.5)
    half_price(acme, model=snapshot, **fixed)
    call = {"workspace_id": acme.pk, "started_at": NOVEMBER, "model_served": snapshot}
    insert_calls(ch, [{**call, "span": "fixed"}])
    charge(ch)
    reprice()
    # 1000 x 2 + 100 x 8 per million; the list's as LISTED
    assert savings(ch) == (Decimal("0.0028"), LISTED, Decimal("0.0007"))

    adopt_gpt_4o(input_mtok=3)
    ask = {"cause": "test", "start": NOVEMBER - timedelta(hours=1), "end": now()}
    Repricing.objects.create(workspace=acme, **ask)
    reprice()

    assert savings(ch) == (Decimal("0.0028"), Decimal("0.004"), Decimal("0.0012"))
    assert Repricing.objects.latest("pk").rows == 1


def adopt_gpt_4o(input_mtok: float) -> None:
    """Take up a list in which snapshots lead to the model."""
    openai = provider("openai", {"gpt-4o": {"input_mtok": input_mtok, "output_mtok": 10}})
    openai["models"][0]["match"] = {"starts_with": "gpt-4o"}
    listed = upload_catalogue(as_file([openai]), f"at {input_mtok}", actor=None, now=now())
    CatalogueAdoption.objects.create(catalogue=listed, why="news")


def savings(ch: Warehouse) -> tuple[Decimal, ...]:
    (row,) = charges(ch).values()
    return row["cost_usd"], row["list_usd"], row["discount_saving_usd"]
