from __future__ import annotations

from dataclasses import replace

import pytest
from rest_framework.test import APIClient

from finops.accounts.models import Workspace
from finops.clickhouse.client import Warehouse
from tests.api.conftest import with_key
from tests.queries.rows import Charge, at, ledger_of

URL = "/api/v1/unpriced"
DAY = {"from": "2026-11-21", "to": "2026-11-22"}


@pytest.fixture
def ledger(acme: Workspace, globex: Workspace, configured_ch: Warehouse) -> None:
    house = Charge(
        at("10:01"), None, provider="vllm", model="house-7b", unpriced_reason="no_rate",
        workspace_id=acme.pk,
    )  # fmt: skip
    ledger_of(
        configured_ch,
        Charge(at("10:00"), workspace_id=acme.pk),
        replace(house, cache_read_tokens=7),
        replace(house, started_at=at("10:02"), tenant="umbra"),
        Charge(at("10:03"), None, unpriced_reason="no_usage", input_tokens=None,
               output_tokens=None, workspace_id=acme.pk),
        Charge(at("10:04"), None, unpriced_reason="no_rate", model="secret-70b",
               workspace_id=globex.pk),
    )  # fmt: skip


def test_calls_without_a_price_are_listed_by_model_and_reason(api: APIClient, ledger: None) -> None:
    assert api.get(URL, DAY).json() == {
        "from": "2026-11-21T00:00:00Z",
        "to": "2026-11-22T00:00:00Z",
        "rows": [
            {
                "provider": "vllm",
                "model": "house-7b",
                "reason": "no_rate",
                "calls": 2,
                "input_tokens": 207,
                "output_tokens": 20,
            },
            {
                "provider": "openai",
                "model": "gpt-4o",
                "reason": "no_usage",
                "calls": 1,
                "input_tokens": 0,
                "output_tokens": 0,
            },
        ],
        "truncated": False,
    }


def test_filters_and_range_hold(api: APIClient, ledger: None) -> None:
    (row,) = api.get(URL, {**DAY, "tenant": "umbra"}).json()["rows"]
    assert (row["model"], row["calls"]) == ("house-7b", 1)
    late = {"from": "2026-11-21T10:02:00Z", "to": "2026-11-21T10:03:00Z"}
    assert [row["calls"] for row in api.get(URL, late).json()["rows"]] == [1]


def test_a_limit_keeps_the_most_calls_and_says_that_there_are_more(
    api: APIClient, ledger: None
) -> None:
    body = api.get(URL, {**DAY, "limit": "1"}).json()
    assert [row["model"] for row in body["rows"]] == ["house-7b"]
    assert body["truncated"] is True


def test_each_workspace_sees_its_own(globex: Workspace, ledger: None) -> None:
    body = with_key(globex, "read").get(URL, DAY).json()
    assert [row["model"] for row in body["rows"]] == ["secret-70b"]


@pytest.mark.parametrize("name", ["group_by", "order", "since"])
def test_a_parameter_that_means_nothing_here_is_refused(api: APIClient, name: str) -> None:
    response = api.get(URL, {**DAY, name: "model"})
    assert response.status_code == 400
    error = response.json()["error"]
    assert (error["param"], error["code"]) == (name, "unknown_parameter")


def test_it_takes_the_scope_read(acme: Workspace) -> None:
    assert with_key(acme, "ingest").get(URL, DAY).status_code == 403
    assert APIClient().get(URL, DAY).status_code == 401
