"""What a workspace has agreed, in the charges: worked out by hand, one run for all of it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from finops.accounts.models import Workspace
from finops.clickhouse.client import Warehouse
from finops.pricing.agree import agree_override
from finops.pricing.commit_spend import commit_spend
from finops.pricing.models import Deployment, RateOverride, SpendCommitment
from finops.pricing.name_deployment import name_deployment
from tests.costing.calls import START, insert_calls, span
from tests.costing.charging import charge, charges

pytestmark = pytest.mark.django_db

MOMENT = timedelta(microseconds=1)
END = START + timedelta(minutes=10)
AZURE = {"provider": "azure.ai.openai", "model_served": "Prod-Chat"}
CLAUDE = {"provider": "anthropic", "model_served": "claude-sonnet-4-6"}
WHISPER = {"provider": "openai", "model_served": "whisper-1", "input_tokens": None,
           "output_tokens": None, "operation": "audio"}  # fmt: skip


def agree(workspace: Workspace, **terms: Any) -> None:
    given = {"valid_from": START, "why": "contract", **terms}
    agree_override(RateOverride(workspace=workspace, **given), actor=None)


def test_complaint_21_what_is_agreed_is_charged_and_set_against_the_list(ch: Warehouse) -> None:
    acme = Workspace.objects.create(slug="acme", name="Acme")
    agree(acme, provider="openai", model="*", discount_percent=Decimal(10))
    agree(acme, provider="openai", model="gpt-4o", input_usd=Decimal(3), region="eu-west-1")
    agree(acme, provider="openai", model="whisper-1", uses_usd={"audio_hour": "0.18"})
    name_deployment(
        Deployment(
            workspace=acme, provider="azure", name="prod-chat", model="gpt-4o-mini",
            valid_from=START, valid_to=END, why="portal",
        ),
        actor=None,
    )  # fmt: skip
    commit_spend(
        SpendCommitment(
            workspace=acme, provider="anthropic", committed_usd=Decimal(1000),
            discount_percent=Decimal(20), valid_from=START, valid_to=END, why="PPA",
        ),
        actor=None,
    )  # fmt: skip

    def call(name: str, **given: Any) -> dict[str, Any]:
        return {"span": name, "workspace_id": acme.pk, "started_at": START, **given}

    insert_calls(
        ch,
        [
            call("provider"),
            call("fallen out", started_at=START - MOMENT),
            call("alias", model_served="gpt-4o-2024-08-06"),
            call("region", region="eu-west-1"),
            call("another region", region="us-east-1"),
            call("searched", uses={"web_search": 2}),
            call("audio", **WHISPER, uses={"audio_ms": 1_800_000}),
            call("deployed", **AZURE),
            call("deployed later", **AZURE, started_at=END),
            call("promised", **CLAUDE),
            call("promise over", **CLAUDE, started_at=END),
            call("another workspace's", workspace_id=acme.pk + 1),
            call("another's deployment", **AZURE, workspace_id=acme.pk + 1),
        ],
    )
    charge(ch)

    found = charges(ch)
    cost = {
        name: found[span(name)]["cost_usd"]
        for name in ("provider", "fallen out", "alias", "region", "another region", "searched",
                     "audio", "deployed", "promised", "promise over", "another workspace's")
    }  # fmt: skip
    assert cost == {
        # 1,000 x 2.50 + 100 x 10 per million = 0.0035; less 10 %
        "provider": Decimal("0.00315"),
        "fallen out": Decimal("0.0035"),
        "alias": Decimal("0.00315"),
        # 1,000 x 3 + 100 x 10: the output stays at list price
        "region": Decimal("0.004"),
        "another region": Decimal("0.00315"),
        # two searches at 0.01 less 10 %
        "searched": Decimal("0.02115"),
        # half an hour at 0.18
        "audio": Decimal("0.09"),
        # Azure lists gpt-4o-mini at 0.15 and 0.60: 0.00015 + 0.00006
        "deployed": Decimal("0.00021"),
        # 1,000 x 3 + 100 x 15 = 0.0045; less 20 %
        "promised": Decimal("0.0036"),
        "promise over": Decimal("0.0045"),
        "another workspace's": Decimal("0.0035"),
    }
    saved = {
        name: (found[span(name)]["list_usd"], found[span(name)]["discount_saving_usd"])
        for name in ("provider", "region", "audio", "deployed", "promised", "another workspace's")
    }
    assert saved == {
        "provider": (Decimal("0.0035"), Decimal("0.00035")),
        # a region may cost more than the list says
        "region": (Decimal("0.0035"), Decimal("-0.0005")),
        "audio": (Decimal("0.18"), Decimal("0.09")),
        "deployed": (Decimal("0.00021"), Decimal(0)),
        "promised": (Decimal("0.0045"), Decimal("0.0009")),
        "another workspace's": (Decimal("0.0035"), Decimal(0)),
    }
    for name in ("deployed later", "another's deployment"):
        assert found[span(name)]["unpriced_reason"] == "no_rate"


def test_the_hour_the_day_and_the_tier_decide_to_the_microsecond(ch: Warehouse) -> None:
    """DeepSeek is half price from 16:30 to 00:30 UTC; GPT-4.1's fast tier began on 2026-10-12."""
    day = START.replace(hour=0)
    million = {"input_tokens": 1_000_000, "output_tokens": 0}
    deepseek = {"provider": "deepseek", "model_served": "deepseek-chat", **million}
    fast = {"model_served": "gpt-4.1", "service_tier": "fast", **million}
    began = START.replace(month=10, day=12, hour=0)
    claude = "anthropic.claude-sonnet-4-5-20250929-v1:0"

    def at(hours: int, minutes: int = 0) -> dict[str, Any]:
        return {"started_at": day + timedelta(hours=hours, minutes=minutes)}

    def before(call: dict[str, Any]) -> dict[str, Any]:
        return {"started_at": call["started_at"] - MOMENT}

    wanted: dict[str, tuple[dict[str, Any], str]] = {
        "peak's last": ({**deepseek, **before(at(16, 30))}, "0.27"),
        "off-peak's first": ({**deepseek, **at(16, 30)}, "0.135"),
        "the day's last": ({**deepseek, **before(at(24))}, "0.135"),
        "the next day's first": ({**deepseek, **at(24)}, "0.135"),
        "off-peak's last": ({**deepseek, **before(at(24, 30))}, "0.135"),
        "peak's first": ({**deepseek, **at(24, 30)}, "0.27"),
        "before the change": ({**fast, "started_at": began - MOMENT}, "2"),
        "after the change": ({**fast, "started_at": began}, "3.5"),
        "standard": ({**million, "model_served": "gpt-5"}, "1.25"),
        "batch": ({**million, "model_served": "gpt-5", "service_tier": "batch"}, "0.625"),
        "flex": ({**million, "model_served": "gpt-5", "service_tier": "flex"}, "0.625"),
        "priority": ({**million, "model_served": "gpt-5", "service_tier": "priority"}, "2.5"),
        "default": ({**million, "model_served": "gpt-5", "service_tier": "default"}, "1.25"),
        "unheard of": ({**million, "model_served": "gpt-5", "service_tier": "turbo"}, "1.25"),
        "regional": (
            {**million, "provider": "aws.bedrock", "model_served": f"us.{claude}"}, "3.3"),
        "global": (
            {**million, "provider": "aws.bedrock", "model_served": f"global.{claude}"}, "3"),
        "region of the call": (
            {**million, "model_served": "gpt-5", "region": "eu-west-1"}, "1.25"),
        "image": (
            {"provider": "google", "model_served": "gemini-3-pro-image-preview",
             "input_tokens": 0, "output_tokens": 0, "image_out_tokens": 1_000_000}, "120"),
        "page": (
            {"provider": "mistral", "model_served": "mistral-ocr-latest", "operation": "ocr",
             "input_tokens": None, "output_tokens": None, "uses": {"page": 3}}, "0.012"),
    }  # fmt: skip
    insert_calls(ch, [{"span": name, **call} for name, (call, _) in wanted.items()])
    charge(ch)

    found = charges(ch)
    assert {name: found[span(name)]["cost_usd"] for name in wanted} == {
        name: Decimal(usd) for name, (_, usd) in wanted.items()
    }
