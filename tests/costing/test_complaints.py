"""Golden cases: what users of other tools complained about, and what a charge says here.

The numbers are those of the list of complaints that the project keeps. All calls are charged in one
run; figures are worked out by hand from list prices in USD per million tokens:

    gpt-4o            2.50 in, 1.25 cached, 10 out; batch 1.25 and 5
    gpt-4o-mini       0.15 in, 0.60 out
    gpt-4-turbo       10 in, 30 out, no price for cached input
    gemini-2.5-pro    1.25 in, 0.125 cached, 10 out; above 200,000 in: 2.50, 0.25, 15
    gemini-2.5-flash  0.30 in, 1 audio in, 2.50 out;  -image: 0.30 in, 2.50 out, 30 for images made
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pytest_django import DjangoDbBlocker

from finops.accounts.models import Workspace
from finops.clickhouse.client import Warehouse
from finops.costing.models import ReconcileRun
from finops.costing.reconcile import reconcile
from finops.queries.cost_over_time import cost_over_time
from finops.queries.range import Range
from tests.costing.calls import START, insert_calls, span
from tests.costing.charging import charge, charges, for_the_module, rollup
from tests.costing.test_override_charges import agree

pytestmark = pytest.mark.django_db

PRO = {"provider": "gcp.gemini", "model_served": "gemini-2.5-pro"}
FLASH = {"provider": "gcp.gemini", "model_served": "gemini-2.5-flash"}
UNMEASURED = {"input_tokens": None, "output_tokens": None}
# Two hours around the night in which New York sets its clocks back, in a workspace of their own.
NEW_YORK, ABROAD = ZoneInfo("America/New_York"), 77
MONTH_END = datetime(2026, 10, 31, 0, tzinfo=UTC)
HOURS = 54

CALLS: list[dict[str, Any]] = [
    {"span": "1 cached", "input_tokens": 200, "cache_read_tokens": 800},
    {"span": "1 no cache price", "model_served": "gpt-4-turbo", "input_tokens": 200,
     "cache_read_tokens": 800, "output_tokens": 0},
    {"span": "2 nothing", **UNMEASURED},
    {"span": "2 half", "output_tokens": None},
    {"span": "3 aborted", "outcome": "cancelled", "output_tokens": 40},
    {"span": "3 failed", "outcome": "timeout"},
    {"span": "3 refused", "outcome": "rate_limited", **UNMEASURED},
    {"span": "4 at", **PRO, "input_tokens": 150_000, "cache_read_tokens": 50_000,
     "output_tokens": 1_000},
    {"span": "4 above", **PRO, "input_tokens": 150_001, "cache_read_tokens": 50_000,
     "output_tokens": 1_000},
    {"span": "5 batch", "service_tier": "batch"},
    {"span": "5 asked for in vain", "service_tier": "default"},
    {"span": "8 unknown", "model_served": "gpt-99-ultra", "tenant": "eight"},
    {"span": "11 parent", "trace": "11", "emitter": "framework@1"},
    {"span": "11 child", "trace": "11", "parent": "11 parent", "emitter": "client@1"},
    {"span": "11 response", "response_id": "resp-11"},
    {"span": "11 response again", "response_id": "resp-11"},
    *[{"span": f"12 attempt {n}", "request_id": "12", "attempt": n, "tenant": "twelve",
       "outcome": "ok" if n == 2 else "timeout"} for n in range(3)],
    {"span": "13 asked", "request_id": "13", "model_requested": "gpt-4o", "outcome": "timeout",
     "output_tokens": 0},
    {"span": "13 served", "request_id": "13", "attempt": 1, "model_requested": "gpt-4o",
     "model_served": "gpt-4o-mini"},
    {"span": "19 nobody", "tenant": "", "user_id": ""},
    {"span": "20 audio", **FLASH, "audio_in_tokens": 500},
    {"span": "20 thoughts", **FLASH, "reasoning_tokens": 900},
    {"span": "20 images", **FLASH, "model_served": "gemini-2.5-flash-image",
     "image_out_tokens": 1_290},
    {"span": "21 tiny", "model_served": "text-embedding-3-small", "operation": "embeddings",
     "input_tokens": 1, "output_tokens": None},
    {"span": "24 hit", "cache_layer": "exact", "cache_hit": 1, "tenant": "twenty-four"},
    {"span": "24 own model", "provider": "vllm", "model_served": "house-7b"},
    {"span": "searches", "provider": "anthropic", "model_served": "claude-sonnet-4-5",
     "uses": {"web_search": 3}},
    *[{"span": f"10 hour {n}", "workspace_id": ABROAD, "started_at": MONTH_END + timedelta(hours=n)}
      for n in range(HOURS)],
]  # fmt: skip


@dataclass(frozen=True)
class Ledger:
    """What the run left: charges by the names of spans, hourly sums, the comparison of both."""

    charges: dict[str, dict[str, Any]]
    rollup: list[dict[str, Any]]
    compared: ReconcileRun

    def __getitem__(self, name: str) -> dict[str, Any]:
        return self.charges[span(name)]

    def sums(self, **where: Any) -> list[dict[str, Any]]:
        wanted = where.items()
        return [row for row in self.rollup if all(row[k] == value for k, value in wanted)]


@pytest.fixture(scope="module")
def ledger(
    module_ch: Warehouse, django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Ledger:
    with for_the_module(django_db_blocker):
        partner = Workspace.objects.create(pk=21, slug="partner", name="Partner")
        agree(partner, discount_percent=Decimal("12.5"))
        bought = {"span": "21 discount", "workspace_id": partner.pk}
        insert_calls(module_ch, [*CALLS, bought])
        charge(module_ch)
        compared = reconcile(
            module_ch, now=START + timedelta(days=1), start=MONTH_END, end=START + timedelta(days=1)
        )
        return Ledger(charges(module_ch), rollup(module_ch), compared)


def test_cached_tokens_are_charged_once_and_never_for_nothing(ledger: Ledger) -> None:
    """Complaint 1."""
    cached = ledger["1 cached"]
    assert cached["input_usd"] == Decimal("0.0005")
    assert cached["cache_read_usd"] == Decimal("0.001")
    assert cached["cost_usd"] == Decimal("0.0025")
    # 800 x (2.50 - 1.25) / 1M
    assert cached["provider_cache_saving_usd"] == Decimal("0.001")
    assert ledger["1 no cache price"]["cost_usd"] == Decimal("0.01")


def test_usage_that_was_not_sent_is_unknown_and_so_is_half_of_it(ledger: Ledger) -> None:
    """Complaint 2."""
    for name in ("2 nothing", "2 half"):
        assert (ledger[name]["cost_usd"], ledger[name]["unpriced_reason"]) == (None, "no_usage")


def test_what_was_aborted_or_failed_was_billed_all_the_same(ledger: Ledger) -> None:
    """Complaint 3."""
    aborted, failed, refused = (ledger[f"3 {name}"] for name in ("aborted", "failed", "refused"))
    assert (aborted["cost_usd"], aborted["waste_class"]) == (Decimal("0.0029"), "aborted")
    assert (failed["cost_usd"], failed["waste_class"]) == (Decimal("0.0035"), "failed")
    assert (refused["cost_usd"], refused["unpriced_reason"]) == (0, "")


def test_a_context_tier_is_a_cliff_on_all_input_cached_input_included(ledger: Ledger) -> None:
    """Complaint 4: at 200,000 the cheaper price, one token more and all of it is dearer."""
    # 0.1875 + 0.00625 + 0.01
    assert ledger["4 at"]["cost_usd"] == Decimal("0.20375")
    # 0.3750025 + 0.0125 + 0.015
    assert ledger["4 above"]["cost_usd"] == Decimal("0.4025025")


def test_the_tier_of_the_response_sets_the_price(ledger: Ledger) -> None:
    """Complaint 5."""
    assert ledger["5 batch"]["cost_usd"] == Decimal("0.00175")
    assert ledger["5 asked for in vain"]["cost_usd"] == Decimal("0.0035")


def test_an_unknown_model_costs_an_unknown_amount_and_is_counted(ledger: Ledger) -> None:
    """Complaint 8."""
    unknown = ledger["8 unknown"]
    assert (unknown["cost_usd"], unknown["unpriced_reason"]) == (None, "no_rate")
    assert (unknown["list_usd"], unknown["input_usd"]) == (None, None)
    (row,) = ledger.sums(tenant="eight")
    assert (row["calls"], row["unpriced_calls"], row["cost_usd"]) == (1, 1, 0)


def test_a_night_of_25_hours_moves_no_cent_between_months_in_utc(
    ledger: Ledger, module_ch: Warehouse
) -> None:
    """Complaint 10: New York sets its clocks back on 1 November 2026, at 06:00 UTC."""
    hours = ledger.sums(workspace_id=ABROAD)
    october = [row["cost_usd"] for row in hours if row["hour"].month == 10]
    november = [row["cost_usd"] for row in hours if row["hour"].month == 11]
    assert sum(october) == 24 * Decimal("0.0035")
    assert sum(november) == 30 * Decimal("0.0035")

    span = Range(MONTH_END, MONTH_END + timedelta(days=60))
    days = cost_over_time(module_ch, ABROAD, span, zone=NEW_YORK)
    (series,) = days.series
    costs = [cost for cost in series.costs_usd if cost]
    # 30 October from 20:00 EDT, 31 October, 1 November with its 25 hours, one hour of 2 November
    assert costs == [n * Decimal("0.0035") for n in (4, 24, 25, 1)]
    assert sum(costs) == sum(october) + sum(november)


def test_a_call_that_two_spans_tell_of_is_charged_once(ledger: Ledger) -> None:
    """Complaint 11."""
    for kept, dropped in (("11 child", "11 parent"), ("11 response", "11 response again")):
        assert ledger[kept]["cost_usd"] == Decimal("0.0035")
        assert (ledger[dropped]["counted"], ledger[dropped]["cost_usd"]) == (0, 0)


def test_attempts_are_calls_and_not_requests(ledger: Ledger) -> None:
    """Complaint 12."""
    (row,) = ledger.sums(tenant="twelve")
    assert (row["calls"], row["requests"], row["successful_requests"]) == (3, 1, 1)
    assert row["cost_usd"] == Decimal("0.0105")
    assert (row["clean_cost_usd"], row["retry_cost_usd"]) == (Decimal("0.0035"), Decimal("0.007"))


def test_a_fallback_costs_what_the_model_costs_that_served(ledger: Ledger) -> None:
    """Complaint 13."""
    served, asked = ledger["13 served"], ledger["13 asked"]
    assert (served["model"], served["cost_usd"]) == ("gpt-4o-mini", Decimal("0.00021"))
    assert (asked["model"], asked["waste_class"]) == ("gpt-4o", "fallback")
    assert asked["cost_usd"] == Decimal("0.0025")


def test_no_spend_is_lost_between_calls_charges_and_sums(ledger: Ledger) -> None:
    """Complaint 14."""
    counted = [row["cost_usd"] for row in ledger.charges.values() if row["counted"]]
    total = sum((cost for cost in counted if cost is not None), Decimal(0))
    assert sum(row["cost_usd"] for row in ledger.rollup) == total
    assert (ledger.compared.ok, ledger.compared.calls) == (True, len(CALLS) + 1)
    assert ledger.compared.cost_usd == total


def test_a_call_without_a_tenant_is_kept_and_summed_apart(ledger: Ledger) -> None:
    """Complaint 19."""
    (row,) = ledger.sums(tenant="", workspace_id=1)
    assert row["cost_usd"] == ledger["19 nobody"]["cost_usd"] == Decimal("0.0035")


def test_audio_images_and_thoughts_have_prices_of_their_own(ledger: Ledger) -> None:
    """Complaint 20."""
    audio, thoughts, images = (ledger[f"20 {what}"] for what in ("audio", "thoughts", "images"))
    # 1,000 x 0.30 + 500 x 1 + 100 x 2.50
    assert (audio["audio_in_usd"], audio["cost_usd"]) == (Decimal("0.0005"), Decimal("0.00105"))
    # 1,000 x 0.30 + (100 + 900) x 2.50
    assert thoughts["reasoning_usd"] == Decimal("0.00225")
    assert thoughts["cost_usd"] == Decimal("0.0028")
    # 1,000 x 0.30 + 100 x 2.50 + 1,290 x 30
    assert images["image_out_usd"] == Decimal("0.0387")
    assert images["cost_usd"] == Decimal("0.03925")


def test_a_discount_and_a_fraction_of_a_microdollar_are_exact(ledger: Ledger) -> None:
    """Complaint 21."""
    assert ledger["21 tiny"]["cost_usd"] == Decimal("0.00000002")
    bought = ledger["21 discount"]
    assert bought["list_usd"] == Decimal("0.0035")
    assert bought["cost_usd"] == Decimal("0.0030625")
    assert bought["discount_saving_usd"] == Decimal("0.0004375")
    assert ledger["1 cached"]["discount_saving_usd"] == 0


def test_an_answer_from_the_own_cache_costs_nothing_and_says_what_it_saved(ledger: Ledger) -> None:
    """Complaint 24; a model on own GPUs has no list price, and its cost isn't made up."""
    hit, own = ledger["24 hit"], ledger["24 own model"]
    assert (hit["cost_usd"], hit["input_usd"], hit["list_usd"]) == (0, 0, 0)
    assert hit["response_cache_saving_usd"] == Decimal("0.0035")
    (row,) = ledger.sums(tenant="twenty-four")
    assert (row["cost_usd"], row["response_cache_saving_usd"]) == (0, Decimal("0.0035"))
    assert (own["cost_usd"], own["unpriced_reason"]) == (None, "no_rate")


def test_searches_are_charged_beside_tokens(ledger: Ledger) -> None:
    """Tools that providers bill by use: 3 searches at 10 USD per thousand."""
    row = ledger["searches"]
    # 1,000 x 3 + 100 x 15, per million
    assert (row["uses_usd"], row["cost_usd"]) == (Decimal("0.03"), Decimal("0.0345"))


def test_the_parts_of_every_charge_add_up_to_its_cost(ledger: Ledger) -> None:
    parts = [name for name in ledger["searches"] if name.endswith("_usd")]
    sums = {"cost_usd", "list_usd", *(name for name in parts if "saving" in name)}
    for row in ledger.charges.values():
        if row["cost_usd"] is not None:
            assert sum(row[name] or 0 for name in parts if name not in sums) == row["cost_usd"]
