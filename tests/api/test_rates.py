from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils.timezone import now

from finops.accounts.models import AuditEntry, Role, User, Workspace
from finops.accounts.workspaces import set_role
from finops.clickhouse.client import Warehouse
from finops.costing.models import Repricing
from finops.pricing.agree import agree_override
from finops.pricing.in_force import take_up
from finops.pricing.models import CatalogueAdoption, RateOverride, StoredCatalogue
from finops.pricing.publish import publish_rates
from tests.api.conftest import with_key
from tests.pricing.price_files import as_file, provider

RATES = "/api/v1/rates"
CATALOGUES = "/api/v1/rate-catalogues"


@pytest.fixture
def published(acme: Workspace, configured_ch: Warehouse) -> Iterator[Warehouse]:
    """Acme pays half for gpt-4o, and the rates are published."""
    agree_override(
        RateOverride(
            workspace=acme,
            provider="openai",
            model="gpt-4o",
            discount_percent=Decimal(50),
            valid_from=datetime(2026, 10, 1, tzinfo=UTC),
            why="contract",
        ),
        actor=None,
    )
    publish_rates(configured_ch, now=now())
    yield configured_ch
    CatalogueAdoption.objects.all().delete()
    take_up()


def price_of(rate: dict[str, Any], meter: str) -> str:
    return next(str(price["usd"]) for price in rate["prices"] if price["meter"] == meter)


def test_rates_are_searched_paged_and_shown_as_the_workspace_pays_them(
    published: Warehouse, acme: Workspace, globex: Workspace
) -> None:
    api = with_key(acme, "read")
    found = api.get(RATES, {"q": "gpt-4o", "provider": "openai", "tier": "standard"}).json()
    ours = next(rate for rate in found["rates"] if rate["model"] == "gpt-4o")
    assert (ours["own"], ours["source"], price_of(ours, "input")) == (True, "override 1", "1.25")
    assert ours["valid_from"] == "2026-10-01T00:00:00Z"

    theirs = with_key(globex, "read").get(f"{RATES}/openai/gpt-4o").json()["rates"]
    assert {price_of(r, "input") for r in theirs if r["service_tier"] == "standard"} == {"2.5"}
    assert not any(rate["own"] for rate in theirs)

    both = api.get(f"{RATES}/openai/gpt-4o").json()["rates"]
    prices = {price_of(r, "input") for r in both if r["service_tier"] == "standard"}
    assert prices == {"2.5", "1.25"}

    first, second = (
        api.get(f"{RATES}?limit=2&offset={offset}").json()["rates"] for offset in (0, 2)
    )
    assert len(first) == len(second) == 2
    assert first != second
    only = api.get(RATES, {"own": "true"}).json()
    assert {rate["model"] for rate in only["rates"]} == {"gpt-4o"}
    searches = api.get(f"{RATES}?meter=web_search&limit=1").json()["rates"][0]
    assert "web_search" in {price["meter"] for price in searches["prices"]}

    assert api.get(f"{RATES}/openai/no-such-model").status_code == 404
    for query in ("meter=gold", "tier=any", "own=maybe", "limit=0", "offset=-1", "modell=x"):
        answer = api.get(f"{RATES}?{query}")
        assert (answer.status_code, "code" in answer.json()["error"]) == (400, True), query


def test_a_catalogue_is_uploaded_compared_adopted_and_left_again(
    published: Warehouse, acme: Workspace
) -> None:
    """One workspace, so its admin key may set list prices; golden difference of one model."""
    api = with_key(acme, "read", "admin")
    file = as_file([provider("openai", {"gpt-4o": {"input_mtok": 3, "output_mtok": 10}})])
    uploaded = api.post(f"{CATALOGUES}?name=newer.json", file, content_type="application/json")
    assert uploaded.status_code == 201
    body = uploaded.json()
    assert (body["models"], body["rates"], body["in_force"]) == (1, 1, False)
    again = api.post(CATALOGUES, file, content_type="application/json").json()
    assert again["ref"] == body["ref"]

    diff = api.get(f"{CATALOGUES}/diff", {"from": "installed", "to": body["ref"]}).json()
    assert diff["added"] == []
    assert {"provider": "openai", "model": "gpt-4o-mini"} in diff["removed"]
    standard = [one for one in diff["changes"] if one["service_tier"] == "standard"]
    told = {(c["meter"], c["kind"], c["old_usd"], c["new_usd"], c["percent"]) for c in standard}
    assert ("input", "changed", "2.5", "3", "20.0") in told
    assert not [change for change in standard if change["meter"] == "output"]

    adopt = f"{CATALOGUES}/{body['ref']}/adopt"
    assert api.post(adopt, {"why": " "}).status_code == 400
    assert api.post(adopt, {"why": "prices rose"}).json()["in_force"] is True
    rates = api.get(f"{RATES}/openai/gpt-4o").json()["rates"]
    assert {price_of(rate, "input") for rate in rates} == {"3", "1.5"}
    assert api.get(f"{RATES}/openai/gpt-4o-mini").status_code == 404
    entry = AuditEntry.objects.get(action="catalogue.adopted")
    assert (entry.detail["why"], entry.detail["sha256"]) == ("prices rose", body["sha256"])
    assert Repricing.objects.latest("pk").cause.endswith("newer.json was adopted")

    repeated = api.post(adopt, {"why": "again"})
    assert "in force already" in repeated.json()["error"]["message"]
    versions = api.get(CATALOGUES).json()["versions"]
    assert [version["number"] for version in versions] == [2, 1]
    between = api.get(f"{CATALOGUES}/diff", {"from": "rates-1", "to": "rates-2"}).json()
    assert {(c["old_usd"], c["new_usd"]) for c in between["changes"] if c["meter"] == "input"} >= {
        ("1.25", "1.5")
    }
    back = api.post(f"{CATALOGUES}/installed/adopt", {"why": "was wrong"})
    assert back.json()["in_force"] is True
    assert api.get(f"{RATES}/openai/gpt-4o-mini").status_code == 200


def test_list_prices_belong_to_all_so_one_workspaces_admin_may_not_set_them(
    acme: Workspace, globex: Workspace
) -> None:
    file = as_file([provider("openai", {"m": {"input_mtok": 1}})])
    refused = with_key(acme, "admin").post(CATALOGUES, file, content_type="application/json")
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "not_for_all")
    assert not StoredCatalogue.objects.exists()
    reader = with_key(globex, "read")
    assert reader.post(CATALOGUES, file, content_type="application/json").status_code == 403

    both = User.objects.create_user("both@acme.example", None)
    for workspace in (acme, globex):
        set_role(both, workspace, Role.ADMIN)
    from rest_framework.test import APIClient

    client = APIClient()
    client.force_login(both)
    assert client.post(CATALOGUES, file, content_type="application/json").status_code == 201
    listed = reader.get(CATALOGUES).json()["catalogues"]
    assert listed[1]["uploaded_by"] == "both@acme.example"
    set_role(both, globex, Role.VIEWER)
    assert client.post(CATALOGUES, file, content_type="application/json").status_code == 403


def test_repricings_and_closed_months_over_the_api(
    published: Warehouse, acme: Workspace, globex: Workspace
) -> None:
    admin, reader, other = (
        with_key(acme, "read", "admin"),
        with_key(acme, "read"),
        with_key(globex, "read", "admin"),
    )
    closed = admin.post("/api/v1/closed-months", {"month": "2026-09", "why": "reported"})
    assert closed.status_code == 201
    assert closed.json()["cost_usd"] == "0.000000000000"
    assert reader.get("/api/v1/closed-months").json()["closed_months"][0]["month"] == "2026-09"
    assert other.get("/api/v1/closed-months").json() == {"closed_months": []}
    for month in ("2026-09", f"{now() + timedelta(days=40):%Y-%m}", "2026-13", "0000-01"):
        assert admin.post("/api/v1/closed-months", {"month": month}).status_code in (400, 404)

    asked = {"start": "2026-09-30T00:00:00Z", "end": "2026-10-02T00:00:00Z", "why": "late"}
    refused = admin.post("/api/v1/repricings", asked)
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "month_closed")
    assert reader.post("/api/v1/repricings", asked).status_code == 403
    made = admin.post("/api/v1/repricings", {**asked, "force": True}).json()
    assert (made["state"], made["forced"]) == ("waiting", True)
    assert reader.get(f"/api/v1/repricings/{made['id']}").json() == made
    assert other.get(f"/api/v1/repricings/{made['id']}").status_code == 404
    assert other.get("/api/v1/repricings").json() == {"repricings": [], "truncated": False}

    reopen = "/api/v1/closed-months/2026-09/reopen"
    assert other.post(reopen, {"why": "mine"}).status_code == 404
    assert reader.post(reopen, {"why": "mine"}).status_code == 403
    assert admin.post(reopen, {"why": "a credit note"}).status_code == 204
    assert admin.post("/api/v1/repricings", asked).status_code == 201

    newest = reader.get("/api/v1/repricings?limit=1").json()
    assert ([one["id"] > made["id"] for one in newest["repricings"]], newest["truncated"]) == (
        [True],
        True,
    )
    assert reader.get("/api/v1/repricings").json()["truncated"] is False
    for query in ("limit=0", "limit=201", "limit=x"):
        assert reader.get(f"/api/v1/repricings?{query}").status_code == 400


@pytest.mark.parametrize(
    "content", [b"", b"[", b"{}", b"[]", b"\xff\xfe", json.dumps([1]).encode()]
)
def test_what_is_no_catalogue_is_refused_in_words(acme: Workspace, content: bytes) -> None:
    answer = with_key(acme, "admin").post(CATALOGUES, content, content_type="application/json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "catalogue_refused")


def test_the_schema_describes_all_of_it(client: Any, db: None) -> None:
    paths = client.get("/api/v1/schema?format=json").json()["paths"]
    assert {RATES, f"{RATES}/{{provider}}/{{model}}", CATALOGUES, f"{CATALOGUES}/diff"} <= set(
        paths
    )
    assert {"get", "post"} <= set(paths["/api/v1/repricings"])
