"""The Invoices page: upload with a preview, what it shows, and who may do what."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from decimal import Decimal

import plotly.graph_objects as go
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from finops.accounts.models import Membership, Role, User, Workspace
from finops.accounts.workspaces import set_role
from finops.clickhouse.client import Warehouse
from finops.invoices.models import Invoice
from tests.dashboards.test_overview import text_of
from tests.invoices.samples import sample
from tests.queries.rows import Charge, ledger_of


@pytest.fixture
def page(client: Client, acme: Workspace) -> Client:
    """A browser in which an admin of Acme is logged in."""
    user = User.objects.create_user("ada@acme.example", None)
    set_role(user, acme, Role.ADMIN)
    client.force_login(user)
    return client


def hand_in(page: Client, name: str, content: bytes, **said: str) -> str:
    """Upload and return the page that follows, as text."""
    file = SimpleUploadedFile(name, content)
    response = page.post(
        reverse("upload-invoice"), {"file": file, "workspace": "acme", **said}, follow=True
    )
    assert response.status_code == 200
    return text_of(response.content.decode())


def test_an_invoice_is_looked_at_taken_in_reconciled_and_deleted(
    page: Client, configured_ch: Warehouse, acme: Workspace
) -> None:
    ledger_of(
        configured_ch,
        Charge(
            datetime(2026, 11, 1, 12, tzinfo=UTC), Decimal("3.50"), model="gpt-4o",
            input_tokens=850_000, cache_read_tokens=500_000, output_tokens=100_000,
            workspace_id=acme.pk,
        ),
    )  # fmt: skip
    assert "No invoice yet" in text_of(page.get("/invoices").content.decode())

    seen = hand_in(page, "costs.json", sample("openai_costs.json"))
    assert "OpenAI Admin API, costs (JSON) · 4 lines, 01 Nov 2026 – 02 Nov 2026 · 4.19 USD" in seen
    assert "gpt-4o-2024-08-06 openai gpt-4o 3 1,600,000 4.1250 USD" in seen
    draft = Invoice.objects.get()
    taken = page.post(f"/invoices/{draft.pk}/preview", {"workspace": "acme"}, follow=True)
    text = text_of(taken.content.decode())
    assert "costs.json is taken in: 4 lines." in text
    (invoice,) = Invoice.objects.all()
    assert (invoice.state, invoice.content) == ("imported", None)

    # $3.50 of $4.185 billed; 1,450,000 of 1,600,000 tokens of gpt-4o.
    assert "Capture rate ? Captured ÷ billed usage" in text
    assert "84 % of $4.18 billed usage" in text
    assert "Captured in part 1,450,000 of 1,600,000 billed tokens were captured (90.6 %)" in text
    assert "Billed without a model" in text
    (found,) = re.findall(
        r'<script id="invoice-figure-data" type="application/json">(.*?)</script>',
        taken.content.decode(),
    )
    figure = go.Figure(json.loads(found))
    assert [next(iter(trace.y)) for trace in figure.data] == [4.185, 3.5]

    day = text_of(page.get("/invoices/day?day=2026-11-01").content.decode())
    assert "gpt-4o-2024-08-06, cached input openai.cost, proj_support, line 2" in day
    assert "500,000 tokens 0.625 USD" in day

    again = hand_in(page, "costs.json", sample("openai_costs.json"))
    assert f"Replaces 4 lines on 1 day of invoice {invoice.pk}, $4.18." in again
    thrown = Invoice.objects.get(state="draft")
    page.post(f"/invoices/{thrown.pk}/preview", {"workspace": "acme", "no": "1"})
    assert Invoice.objects.count() == 1

    gone = page.post(f"/invoices/{invoice.pk}/delete", {"workspace": "acme"}, follow=True)
    assert "costs.json is deleted" in text_of(gone.content.decode())
    assert Invoice.objects.count() == 0


def test_what_can_not_be_read_is_said_beside_the_field_or_line_by_line(
    page: Client, configured_ch: Warehouse
) -> None:
    assert "No known export has these columns: a, b." in hand_in(page, "x.csv", b"a,b\n1,2\n")
    bad = b"usage_date_utc,model,cost_usd\n2026-11-01,m,1\n2026-11-02,<b>m</b>,<b>ten</b>\n"
    seen = hand_in(page, "bad.csv", bad)
    assert "Nothing can be taken in" in seen
    assert "1 line can't be read" in seen
    assert "3 '<b>ten</b>' is not a number" in seen
    assert Invoice.objects.count() == 0


def test_viewers_read_and_only_admins_delete(
    page: Client, configured_ch: Warehouse, acme: Workspace
) -> None:
    invoice = Invoice.objects.create(
        workspace=acme, name="<script>alert(1)</script>.csv", size_bytes=1, format="focus",
        state="imported", totals={"USD": "12.5"}, lines=1,
    )  # fmt: skip
    for role, may_write, may_delete in (
        (Role.VIEWER, False, False),
        (Role.ANALYST, True, False),
        (Role.ADMIN, True, True),
    ):
        Membership.objects.update(role=role)
        html = page.get("/invoices?from=rubbish&tolerance=x").content.decode()
        assert "<script>alert" not in html
        assert "12.50 USD" in html
        assert "Those days can&#x27;t be read" in html
        assert ('href="/invoices/import"' in html) is may_write
        assert (page.get("/invoices/import").status_code == 200) is may_write
        assert (f'href="/invoices/{invoice.pk}/delete"' in html) is may_delete
        assert (page.get(f"/invoices/{invoice.pk}/delete").status_code == 200) is may_delete
    assert page.get("/invoices/day?day=never").status_code == 404
    assert page.get(f"/invoices/{invoice.pk}/preview").status_code == 404
