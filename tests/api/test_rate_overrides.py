from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from finops.accounts.models import AuditEntry, Role, User, Workspace
from finops.accounts.workspaces import set_role
from finops.pricing.models import RateOverride
from tests.api.conftest import with_key

URL = "/api/v1/rate-overrides"
NEW = {
    "provider": "azure.ai.openai",
    "model": "GPT-4o",
    "input_usd_per_million": "2",
    "output_usd_per_million": "8.5",
    "valid_from": "2026-06-01T00:00:00Z",
    "why": "contract 7",
}
SHOWN: dict[str, Any] = {
    "provider": "azure",
    "model": "gpt-4o",
    "service_tier": "any",
    "region": "",
    "uses_usd": {},
    "discount_percent": None,
    "valid_from": "2026-06-01T00:00:00Z",
    "valid_to": None,
    "why": "contract 7",
    "who": None,
    "input_usd_per_million": "2.000000000000",
    "cache_read_usd_per_million": None,
    "cache_write_5m_usd_per_million": None,
    "cache_write_1h_usd_per_million": None,
    "output_usd_per_million": "8.500000000000",
    "reasoning_usd_per_million": None,
    "audio_in_usd_per_million": None,
    "audio_out_usd_per_million": None,
    "image_in_usd_per_million": None,
    "image_out_usd_per_million": None,
    "call_usd": None,
}


def test_a_contract_rate_is_agreed_listed_and_ended(acme: Workspace) -> None:
    client = with_key(acme, "read", "admin")
    created = client.post(URL, NEW)
    assert created.status_code == 201
    body = created.json()
    assert {name: body[name] for name in body if name not in ("id", "created_at")} == SHOWN
    assert client.get(URL).json() == {"rate_overrides": [body]}

    ended = client.patch(f"{URL}/{body['id']}", {"valid_to": "2026-08-01T00:00:00+02:00"})
    assert ended.status_code == 200
    assert ended.json() == {**body, "valid_to": "2026-07-31T22:00:00Z"}
    assert client.get(URL).json() == {"rate_overrides": [ended.json()]}
    entries = AuditEntry.objects.filter(action__startswith="rate_override").order_by("pk")
    assert [entry.action for entry in entries] == ["rate_override.saved", "rate_override.ended"]
    assert all(entry.detail["key"].startswith("key ") for entry in entries)


def test_a_discount_is_shown_with_its_tier(acme: Workspace) -> None:
    client = with_key(acme, "admin")
    asked = {
        "model": "gpt-4o",
        "service_tier": "standard",
        "discount_percent": "12.5",
        "valid_from": "2026-06-01T00:00:00Z",
        "why": "contract 8",
    }
    body = client.post(URL, asked).json()
    assert (body["provider"], body["service_tier"]) == ("", "standard")
    assert body["discount_percent"] == "12.5000"
    assert RateOverride.objects.get().service_tier == ""


@pytest.mark.parametrize(
    ("change", "param", "code"),
    [
        ({"input_usd_per_million": "much"}, "input_usd_per_million", "invalid"),
        ({"input_usd_per_million": "NaN"}, "input_usd_per_million", "invalid"),
        ({"input_usd_per_million": "-1"}, "input_usd_per_million", "min_value"),
        ({"input_usd_per_million": "1000001"}, "input_usd_per_million", "max_value"),
        ({"input_usd": "1"}, "input_usd", "unknown_field"),
        ({"discount_percent": "10"}, None, "invalid"),
        ({"service_tier": "turbo"}, "service_tier", "invalid_choice"),
        ({"service_tier": ""}, "service_tier", "invalid_choice"),
        ({"model": " "}, "model", "blank"),
        ({"why": ""}, "why", "blank"),
        ({"valid_from": "June"}, "valid_from", "invalid"),
        ({"valid_to": "2026-06-01T00:00:00Z"}, "valid_to", "invalid"),
    ],
)
def test_a_wrong_field_is_named_in_the_one_shape(
    acme: Workspace, change: dict[str, Any], param: str | None, code: str
) -> None:
    response = with_key(acme, "admin").post(URL, {**NEW, **change})
    assert response.status_code == 400
    error = response.json()["error"]
    assert (error["type"], error["param"], error["code"]) == ("invalid_request", param, code)
    assert error["request_id"] == response["X-Request-Id"]
    assert not RateOverride.objects.exists()


@pytest.mark.parametrize("body", [[], "text", 7, None])
def test_a_body_that_is_no_object_is_refused(acme: Workspace, body: Any) -> None:
    assert with_key(acme, "admin").post(URL, body).status_code == 400


def test_two_rates_at_once_are_refused_with_a_code(acme: Workspace) -> None:
    client = with_key(acme, "admin")
    first = client.post(URL, NEW).json()
    better = {**NEW, "valid_from": "2026-08-01T00:00:00Z", "service_tier": "batch"}
    error = client.post(URL, better).json()["error"]
    assert (error["param"], error["code"]) == (None, "override_overlaps")
    assert f"Override {first['id']} already sets this model's price" in error["message"]

    client.patch(f"{URL}/{first['id']}", {"valid_to": better["valid_from"]})
    assert client.post(URL, better).status_code == 201
    error = client.patch(f"{URL}/{first['id']}", {"valid_to": "2027-01-01T00:00:00Z"}).json()
    assert error["error"]["code"] == "override_overlaps"


def test_scopes_divide_reading_from_writing(acme: Workspace) -> None:
    reader, writer, sender = (with_key(acme, scope) for scope in ("read", "admin", "ingest"))
    one = f"{URL}/{writer.post(URL, NEW).json()['id']}"
    end = {"valid_to": "2026-08-01T00:00:00Z"}
    assert reader.get(URL).status_code == 200
    assert reader.post(URL, NEW).status_code == reader.patch(one, end).status_code == 403
    assert writer.get(URL).status_code == 403
    assert sender.get(URL).status_code == sender.post(URL, NEW).status_code == 403
    assert APIClient().get(URL).status_code == APIClient().post(URL, NEW).status_code == 401
    assert RateOverride.objects.get().valid_to is None


def test_an_analyst_agrees_rates_and_a_viewer_reads_them(acme: Workspace, victor: User) -> None:
    ann = User.objects.create_user("ann@acme.example", None)
    set_role(ann, acme, Role.ANALYST)
    client = APIClient()
    client.force_login(victor)
    assert client.get(URL).status_code == 200
    assert client.post(URL, NEW).status_code == 403
    client.force_login(ann)
    assert client.post(URL, NEW).json()["who"] == "ann@acme.example"


def test_another_workspaces_rate_does_not_exist(acme: Workspace, globex: Workspace) -> None:
    ours, theirs = with_key(acme, "read", "admin"), with_key(globex, "read", "admin")
    one = f"{URL}/{ours.post(URL, NEW).json()['id']}"
    assert theirs.get(URL).json() == {"rate_overrides": []}
    assert theirs.patch(one, {"valid_to": "2026-08-01T00:00:00Z"}).status_code == 404
    assert theirs.post(URL, NEW).status_code == 201
    assert len(ours.get(URL).json()["rate_overrides"]) == 1


def test_the_schema_describes_all_of_it(client: Any, db: None) -> None:
    found = client.get("/api/v1/schema?format=json").json()
    assert set(found["paths"][URL]) == {"get", "post"}
    assert set(found["paths"][f"{URL}/{{override_id}}"]) == {"patch"}
    assert set(NEW) <= set(found["components"]["schemas"]["NewRateOverride"]["properties"])
