"""GET /api/v1/focus, /statements and /statement: files for finance, of one workspace."""

from __future__ import annotations

import io
from decimal import Decimal
from typing import Any

import pyarrow.parquet as pq
import pytest
from rest_framework.test import APIClient

from finops.accounts.models import Workspace
from finops.clickhouse.client import Warehouse
from tests.api.conftest import with_key
from tests.api.test_isolation import body_of
from tests.focus.ledger import Bought, add_bought
from tests.focus.rules import violations
from tests.focus.test_statements import GPT

URL = "/api/v1/focus"
DAY = {"from": "2026-11-20", "to": "2026-11-21"}


@pytest.fixture
def filled(acme: Workspace, globex: Workspace, configured_ch: Warehouse) -> None:
    add_bought(
        configured_ch,
        [
            Bought({"input": 3}, GPT, columns={"feature": "=chat"}),
            Bought({"input": 1}, GPT, cost=False),
        ],
        workspace_id=acme.pk,
    )
    add_bought(
        configured_ch,
        [Bought({"input": 9}, GPT, columns={"tenant": "secret"})],
        workspace_id=globex.pk,
    )


def get(api: APIClient, path: str, **query: str) -> Any:
    return api.get(path, {**DAY, **query} if path == URL else query)


@pytest.mark.usefixtures("filled")
def test_the_files_hold_the_workspaces_own_and_name_what_they_leave_out(
    api: APIClient, globex: Workspace
) -> None:
    for version in ("1.2", "1.4"):
        response = get(api, URL, version=version)
        text = body_of(response)
        assert violations(text, version) == []
        assert "secret" not in text
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["X-Unpriced-Calls"] == "1"
    assert 'filename="focus-1.4_acme_2026-11-20_2026-11-21.csv"' in response["Content-Disposition"]

    parquet = b"".join(get(api, URL, format="parquet"))
    assert pq.read_table(io.BytesIO(parquet))["BilledCost"].to_pylist() == [Decimal(3)]
    other = body_of(get(with_key(globex, "read"), URL))
    assert "secret" in other

    month = get(api, "/api/v1/statements", month="2026-11").json()
    assert (month["total_usd"], month["undistributed_usd"]) == ("3.000000000000", "0.000000000000")
    assert [one["tenant"] for one in month["tenants"]] == ["acme"]
    made = get(api, "/api/v1/statement", month="2026-11", tenant="acme").json()
    assert made["total_usd"] == "3.000000000000"
    assert made["by_feature"][0]["feature"] == "=chat"
    assert made["unpriced"][0]["calls"] == 1
    sheet = get(api, "/api/v1/statement", month="2026-11", tenant="acme", format="html")
    assert "Amount due" in body_of(sheet)
    assert sheet["Content-Disposition"].startswith("attachment")
    table = get(api, "/api/v1/statement", month="2026-11", tenant="acme", format="csv")
    assert "feature,'=chat" in body_of(table)
    foreign = get(api, "/api/v1/statement", month="2026-11", tenant="secret")
    assert (foreign.status_code, foreign.json()["error"]["code"]) == (400, "no_statement")


@pytest.mark.parametrize(
    ("path", "query", "param"),
    [
        (URL, {"version": "1.3"}, "version"),
        (URL, {"format": "xml"}, "format"),
        (URL, {"tenant": "acme"}, "tenant"),
        (URL, {"from": "2026-10-01", "format": "parquet"}, "from"),
        ("/api/v1/statements", {"month": "November"}, "month"),
        ("/api/v1/statements", {"distribute": "yes"}, "distribute"),
        ("/api/v1/statement", {"kind": "bill"}, "kind"),
    ],
)
def test_what_cannot_be_asked_is_named(
    api: APIClient, path: str, query: dict[str, str], param: str
) -> None:
    response = get(api, path, **query)
    assert response.status_code == 400
    assert response.json()["error"]["param"] == param


def test_a_ledger_that_is_away_is_a_503_and_no_broken_file(api: APIClient) -> None:
    for path in (URL, "/api/v1/statements"):
        assert get(api, path).status_code == 503
