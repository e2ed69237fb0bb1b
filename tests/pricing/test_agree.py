from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from finops.accounts.models import AuditEntry, Workspace
from finops.pricing.agree import agree_override
from finops.pricing.errors import OverrideRefused
from finops.pricing.models import RateOverride

pytestmark = pytest.mark.django_db

JUNE = datetime(2026, 6, 1, tzinfo=UTC)
JULY = datetime(2026, 7, 1, tzinfo=UTC)


@pytest.fixture
def workspace() -> Workspace:
    return Workspace.objects.create(slug="acme", name="Acme")


def agree(workspace: Workspace, **given: Any) -> RateOverride:
    fields = {
        "provider": "openai",
        "model": "gpt-4o",
        "input_usd": Decimal(2),
        "valid_from": JUNE,
        "why": "contract of May",
        **given,
    }
    return agree_override(RateOverride(workspace=workspace, **fields), actor=None)


def test_an_override_is_kept_under_the_catalogues_names_and_audited(workspace: Workspace) -> None:
    saved = agree(workspace, provider="azure.ai.openai", model=" GPT-4o ")

    assert (saved.provider, saved.model) == ("azure", "gpt-4o")
    entry = AuditEntry.objects.get(workspace=workspace)
    assert (entry.action, entry.target) == ("rate_override.saved", "azure/gpt-4o")
    assert entry.detail["prices"] == {"input": "2"}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"input_usd": None}, "prices or a discount"),
        ({"discount_percent": Decimal(10)}, "prices or a discount"),
        ({"valid_to": JUNE}, "end has to be after"),
        ({"input_usd": Decimal(-1)}, "greater than or equal to 0"),
        ({"input_usd": None, "discount_percent": Decimal(101)}, "less than or equal to 100"),
        ({"why": ""}, "cannot be blank"),
        ({"model": " "}, "cannot be blank"),
        ({"service_tier": "turbo"}, "not a valid choice"),
    ],
)
def test_what_contradicts_itself_is_refused(
    workspace: Workspace, given: dict[str, Any], message: str
) -> None:
    with pytest.raises(OverrideRefused, match=message):
        agree(workspace, **given)
    assert not RateOverride.objects.exists()


@pytest.mark.parametrize(
    ("first", "second", "clash"),
    [
        ({}, {}, True),
        ({"valid_to": JULY}, {"valid_from": JULY}, False),
        ({"valid_from": JULY}, {"valid_to": JULY}, False),
        ({"valid_to": JULY}, {"valid_from": datetime(2026, 6, 30, tzinfo=UTC)}, True),
        ({}, {"model": "gpt-4o-mini"}, False),
        ({"service_tier": "batch"}, {"service_tier": "flex"}, False),
        ({"service_tier": "batch"}, {"service_tier": ""}, False),
        ({"service_tier": "batch"}, {"service_tier": "any"}, True),
        ({"service_tier": "any"}, {"service_tier": "batch"}, True),
    ],
)
def test_two_prices_never_hold_at_once(
    workspace: Workspace, first: dict[str, Any], second: dict[str, Any], clash: bool
) -> None:
    agree(workspace, **first)

    if clash:
        with pytest.raises(OverrideRefused, match="already sets"):
            agree(workspace, **second)
    else:
        agree(workspace, **second)
    assert RateOverride.objects.count() == (1 if clash else 2)


def test_workspaces_agree_for_themselves(workspace: Workspace) -> None:
    agree(workspace)
    agree(Workspace.objects.create(slug="globex", name="Globex"))

    assert RateOverride.objects.count() == 2
