"""Upload, list, delete and reconcile over the API: who may, what is refused, what comes back."""

from __future__ import annotations

import csv
import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from finops.accounts.models import AuditEntry, Role, User, Workspace
from finops.accounts.workspaces import set_role
from finops.clickhouse.client import Warehouse
from finops.invoices.limits import Limits
from finops.invoices.models import Invoice
from tests.api.conftest import with_key
from tests.invoices.samples import MAPPING, sample

CSV = "text/csv"
ADDRESS = "/api/v1/invoices"


def upload(client: APIClient, content: bytes, query: str = "") -> tuple[int, dict[str, object]]:
    response = client.post(f"{ADDRESS}?{query}", content, content_type=CSV)
    return response.status_code, response.json()


def test_an_export_goes_in_is_listed_reconciled_and_deleted(
    configured_ch: Warehouse, acme: Workspace, globex: Workspace
) -> None:
    client = with_key(acme, "read", "admin")
    status, tried = upload(client, sample("aws_cur2.csv"), "dry_run=true&name=cur.csv")
    assert (status, tried["lines"], tried["totals"]) == (200, 6, {"USD": "3.7485"})
    assert Invoice.objects.count() == 0

    status, made = upload(client, sample("aws_cur2.csv"), "name=cur.csv")
    assert (status, made["name"], made["file_format"]) == (201, "cur.csv", "aws_cur")
    form = {"file": SimpleUploadedFile("mistral.csv", sample("mistral.csv")), "mapping": MAPPING}
    answer = client.post(ADDRESS, form, format="multipart")
    assert (answer.status_code, answer.json()["name"]) == (201, "mistral.csv")

    listed = client.get(ADDRESS).json()["invoices"]
    assert [(one["name"], one["lines_in_force"]) for one in listed] == [
        ("mistral.csv", 2),
        ("cur.csv", 6),
    ]
    assert with_key(globex, "read").get(ADDRESS).json() == {"invoices": []}

    found = client.get("/api/v1/reconciliation").json()
    assert (found["first_day"], found["last_day"]) == ("2026-11-01", "2026-11-01")
    assert found["total"]["billed_usd"] == "3.748500000000"
    assert found["total"]["capture_rate"] == "0.000000"
    assert found["total"]["foreign"] == {"EUR": "1837.75"}
    reasons = {row["reason"] for row in found["rows"]}
    assert reasons == {"not_captured", "credit", "tax", "currency"}

    text = client.get("/api/v1/reconciliation?format=csv&provider=aws").content.decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert {row["provider"] for row in rows} == {"aws"}
    assert sum(float(row["gap_usd"]) for row in rows) == pytest.approx(3.7485)

    number = made["id"]
    assert with_key(globex, "admin").delete(f"{ADDRESS}/{number}").status_code == 404
    assert client.delete(f"{ADDRESS}/{number}").status_code == 204
    assert client.get("/api/v1/reconciliation?provider=aws").json()["rows"] == []
    assert AuditEntry.objects.get(action="invoice.deleted").detail["key"].startswith("key ")


WRONG = [
    ("from=yesterday", "from"),
    ("from=2026-11-02&to=2026-11-01", "from"),
    ("from=2020-01-01&to=2026-01-01", "from"),
    ("from=2026-01-01&to=2026-06-01&by_tier=true", "by_tier"),
    ("tolerance_percent=NaN", "tolerance_percent"),
    ("tolerance_usd=-1", "tolerance_usd"),
    ("group_by=model", "group_by"),
]
REFUSED = [
    (b"a,b\n1,2\n", "", "unknown_format", "No known export has these columns: a, b."),
    (b"usage_date_utc,cost_usd\nx,1\n", "", "bad_lines", "Line 2: 'x' is not a day"),
    (b"", "", "required", "Send the export as the field `file`."),
    (b"a,b\n1,2\n", "file_format=excel", "unknown_format", "There is no format 'excel'"),
    (b"a,b\n1,2\n", "colour=red", "unknown_parameter", "Parameters are file_format"),
    (b"a,b\n1,2\n", "dry_run=maybe", "invalid", "Give true or false."),
    (b"a,b\n1,2\n", "file_format=csv&mapping={}", "wrong_mapping", "`columns` names a column"),
]


def test_what_can_not_be_taken_in_or_answered_says_why(
    configured_ch: Warehouse, acme: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = with_key(acme, "admin", "read")
    for content, query, code, said in REFUSED:
        status, body = upload(client, content, query)
        error = body["error"]
        assert isinstance(error, dict)
        assert (status, error["code"]) == (400, code)
        assert said in error["message"]
    for query, param in WRONG:
        response = client.get(f"/api/v1/reconciliation?{query}")
        assert (response.status_code, response.json()["error"]["param"]) == (400, param)
    monkeypatch.setattr("finops.api.invoices.WEB_LIMITS", Limits(file_bytes=10))
    status, body = upload(client, b"x" * 20)
    assert (status, body["error"]["code"]) == (413, "file_too_large")  # type: ignore[index]
    assert Invoice.objects.count() == 0


def test_members_read_analysts_upload_and_admins_delete(
    acme: Workspace, configured_ch: Warehouse
) -> None:
    user = User.objects.create_user("someone@acme.example", None)
    for role, may_upload, may_delete in (
        (Role.VIEWER, False, False),
        (Role.ANALYST, True, False),
        (Role.ADMIN, True, True),
    ):
        set_role(user, acme, role)
        client = APIClient()
        client.force_login(user)
        assert client.get(ADDRESS).status_code == 200
        assert upload(client, sample("gcp_focus.csv"))[0] == (201 if may_upload else 403)
        number = Invoice.objects.create(workspace=acme, name="x", size_bytes=1, state="imported").pk
        assert client.delete(f"{ADDRESS}/{number}").status_code == (204 if may_delete else 403)
