from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from finops.accounts.models import Workspace
from finops.clickhouse.client import Warehouse
from finops.pricing.agree import agree_override
from finops.pricing.aliases import ensure_aliases
from finops.pricing.commit_spend import commit_spend, end_commitment
from finops.pricing.errors import NothingPublished
from finops.pricing.models import Deployment, RateOverride, RateVersion, SpendCommitment
from finops.pricing.name_deployment import name_deployment
from finops.pricing.publish import count_rows, current_rate_version, publish_rates

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def discount(workspace: Workspace, model: str = "gpt-4o") -> RateOverride:
    override = RateOverride(
        workspace=workspace,
        provider="openai",
        model=model,
        discount_percent=Decimal(10),
        valid_from=NOW,
        why="contract",
    )
    return agree_override(override, actor=None)


def test_nothing_is_current_before_the_first_publication() -> None:
    with pytest.raises(NothingPublished, match="publish_rates"):
        current_rate_version()


def test_publishing_twice_is_publishing_once(ch: Warehouse) -> None:
    first = publish_rates(ch, now=NOW)
    again = publish_rates(ch, now=NOW)

    assert (first.number, again.number) == (1, 1)
    assert first.catalogue_version == "genai-prices 0.2.3"
    assert count_rows(ch, 1) == first.rows > 3_000
    assert current_rate_version() == first


def test_a_changed_override_is_a_new_version_that_holds_everything(ch: Warehouse) -> None:
    before = publish_rates(ch, now=NOW)
    workspace = Workspace.objects.create(slug="acme", name="Acme")
    discount(workspace)

    after = publish_rates(ch, now=NOW)

    assert (after.number, publish_rates(ch, now=NOW).number) == (before.number + 1,) * 2
    assert count_rows(ch, after.number) == after.rows > before.rows
    own = ch.query(
        "SELECT DISTINCT workspace_id, provider, model FROM rates WHERE workspace_id != 0"
    )
    assert own == [{"workspace_id": workspace.pk, "provider": "openai", "model": "gpt-4o"}]


def test_all_that_is_agreed_makes_a_version_and_ending_it_another(ch: Warehouse) -> None:
    workspace = Workspace.objects.create(slug="acme", name="Acme")
    common: dict[str, Any] = {"workspace": workspace, "valid_from": NOW, "why": "contract"}
    name_deployment(Deployment(**common, provider="azure", name="chat", model="gpt-4o"), actor=None)
    promise = SpendCommitment(
        **common,
        provider="*",
        committed_usd=Decimal(1),
        discount_percent=Decimal(5),
        valid_to=NOW + timedelta(days=365),
    )
    prices = publish_rates(ch, now=NOW)
    commit_spend(promise, actor=None)
    promised = publish_rates(ch, now=NOW)
    end_commitment(promise, NOW + timedelta(days=1), actor=None)
    ended = publish_rates(ch, now=NOW)

    assert [prices.number, promised.number, ended.number] == [1, 2, 3]
    # every model of every provider has a timeline of the workspace's own, and so has the deployment
    (row,) = ch.query(
        "SELECT uniqExactIf((provider, model), workspace_id = 0) AS listed,"
        " uniqExactIf((provider, model), workspace_id != 0) AS own"
        " FROM rates FINAL WHERE rate_version = 2"
    )
    assert row["own"] == row["listed"] + 1 > 2_000
    (row,) = ch.query(
        "SELECT uses_usd['audio_ms'] AS audio, source FROM rates FINAL WHERE rate_version = 2"
        " AND workspace_id != 0 AND model = 'whisper-1' AND provider = 'openai'"
        " AND valid_from = {now:DateTime('UTC')}",
        {"now": NOW},
    )
    assert row == {"audio": Decimal("0.000000095"), "source": "commitment 1"}


def test_a_publication_that_was_cut_off_is_never_used(ch: Warehouse) -> None:
    publish_rates(ch, now=NOW)
    RateVersion.objects.create(
        number=2,
        catalogue_version="genai-prices 0.2.4",
        catalogue_sha256="0" * 64,
        overrides_sha256="0" * 64,
        compiler=1,
    )
    assert current_rate_version().number == 1

    discount(Workspace.objects.create(slug="acme", name="Acme"))
    assert publish_rates(ch, now=NOW).number == 3


def test_a_clickhouse_that_lost_the_rates_gets_them_again(ch: Warehouse) -> None:
    version = publish_rates(ch, now=NOW)
    ch.command("TRUNCATE TABLE rates")

    assert publish_rates(ch, now=NOW) == version
    assert count_rows(ch, version.number) == version.rows


def test_names_lead_to_the_workspaces_own_rate_before_the_list(ch: Warehouse) -> None:
    workspace = Workspace.objects.create(slug="acme", name="Acme")
    discount(workspace, "gpt-4o-2024-08-06")
    version = publish_rates(ch, now=NOW)

    ensure_aliases(
        ch,
        version,
        [
            (workspace.pk, "OpenAI", "gpt-4o-2024-08-06"),
            (workspace.pk, "OpenAI", "gpt-4o"),
            (workspace.pk + 1, "OpenAI", "gpt-4o-2024-08-06"),
            (workspace.pk, "OpenAI", "house-7b"),
        ],
        now=NOW,
    )

    rows = ch.query("SELECT workspace_id, model, rate_model FROM rate_aliases FINAL")
    assert {(row["workspace_id"], row["model"]): row["rate_model"] for row in rows} == {
        (workspace.pk, "gpt-4o-2024-08-06"): "gpt-4o-2024-08-06",
        (workspace.pk, "gpt-4o"): "gpt-4o",
        (workspace.pk + 1, "gpt-4o-2024-08-06"): "gpt-4o",
        (workspace.pk, "house-7b"): "",
    }


def test_the_command_says_what_it_did(configured_ch: Warehouse) -> None:
    said = [StringIO(), StringIO()]
    for out in said:
        call_command("publish_rates", stdout=out)

    rows = count_rows(configured_ch, 1)
    assert [out.getvalue() for out in said] == [
        f"rates 1: {rows} from genai-prices 0.2.3, published\n",
        f"rates 1: {rows} from genai-prices 0.2.3, already published\n",
    ]
