from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from finops.accounts.models import Workspace
from finops.clickhouse.client import Warehouse
from finops.pricing.agree import agree_override
from finops.pricing.models import RateOverride
from tests.costing.calls import START, insert_calls
from tests.costing.charging import charge, charge_of, cost_of

pytestmark = pytest.mark.django_db

MOMENT = timedelta(microseconds=1)


def agree(workspace: Workspace, **given: Any) -> None:
    fields = {
        "provider": "openai",
        "model": "gpt-4o",
        "valid_from": START,
        "why": "contract",
        **given,
    }
    agree_override(RateOverride(workspace=workspace, **fields), actor=None)


def test_a_contract_goes_before_the_list_from_its_first_moment_until_its_last(
    ch: Warehouse,
) -> None:
    workspace = Workspace.objects.create(slug="acme", name="Acme")
    end = START + timedelta(minutes=10)
    agree(workspace, input_usd=Decimal(1), output_usd=Decimal(5), valid_to=end)

    def call(name: str, **given: Any) -> dict[str, Any]:
        return {"span": name, "workspace_id": workspace.pk, "started_at": START, **given}

    insert_calls(
        ch,
        [
            call("before", started_at=START - MOMENT),
            call("first moment"),
            call("snapshot", model_served="gpt-4o-2024-08-06"),
            call("last moment", started_at=end - MOMENT),
            call("after", started_at=end),
            call("of another workspace", workspace_id=workspace.pk + 1),
        ],
    )
    charge(ch)

    contract, listed = Decimal("0.0015"), Decimal("0.0035")
    assert cost_of(ch, "before") == listed
    assert cost_of(ch, "first moment") == contract
    assert cost_of(ch, "snapshot") == contract
    assert cost_of(ch, "last moment") == contract
    assert cost_of(ch, "after") == listed
    assert cost_of(ch, "of another workspace") == listed


def test_a_contract_prices_a_model_that_nobody_lists(ch: Warehouse) -> None:
    workspace = Workspace.objects.create(slug="acme", name="Acme")
    agree(
        workspace,
        provider="vllm",
        model="House-7B",
        input_usd=Decimal("0.2"),
        output_usd=Decimal("0.4"),
    )
    house = {"provider": "vllm", "model_served": "house-7b"}
    insert_calls(
        ch,
        [
            {"span": "ours", "workspace_id": workspace.pk, **house},
            {"span": "theirs", "workspace_id": workspace.pk + 1, **house},
        ],
    )

    charge(ch)

    assert cost_of(ch, "ours") == Decimal("0.00024")
    assert charge_of(ch, "theirs")["unpriced_reason"] == "no_rate"


def test_a_discount_keeps_tiers_of_context_and_of_service(ch: Warehouse) -> None:
    workspace = Workspace.objects.create(slug="acme", name="Acme")
    agree(
        workspace,
        provider="google",
        model="gemini-2.5-pro",
        discount_percent=Decimal(10),
    )
    gemini = {"provider": "gcp.gemini", "model_served": "gemini-2.5-pro"}
    insert_calls(
        ch,
        [
            {"span": "long", "workspace_id": workspace.pk, **gemini, "input_tokens": 200_001,
             "output_tokens": 0},
            {"span": "short", "workspace_id": workspace.pk, **gemini, "input_tokens": 200_000,
             "output_tokens": 0},
        ],
    )  # fmt: skip

    charge(ch)

    # 200,001 x 2.25 and 200,000 x 1.125 per million
    assert cost_of(ch, "long") == Decimal("0.45000225")
    assert cost_of(ch, "short") == Decimal("0.225")
