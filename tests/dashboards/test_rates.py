from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import plotly.graph_objects as go
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils.timezone import now

from dashboards.price_chart import price_chart
from finops.accounts.models import Role, User, Workspace
from finops.accounts.workspaces import create_workspace, set_role
from finops.clickhouse.client import Warehouse
from finops.costing.models import LedgerDoubt, Repricing
from finops.pricing.in_force import take_up
from finops.pricing.models import CatalogueAdoption, RateOverride
from finops.pricing.publish import publish_rates
from finops.pricing.rate import Prices, Rate, per_token
from tests.pricing.price_files import as_file, provider

JUNE = datetime(2026, 6, 1, tzinfo=UTC)
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture
def owner(client: Client, acme: Workspace, configured_ch: Warehouse) -> Iterator[Client]:
    """A browser in which the owner of Acme is logged in, with rates published."""
    user = User.objects.create_user("olga@acme.example", None)
    set_role(user, acme, Role.OWNER)
    client.force_login(user)
    publish_rates(configured_ch, now=now())
    yield client
    CatalogueAdoption.objects.all().delete()
    take_up()


def post(client: Client, path: str, **given: Any) -> Any:
    return client.post(path, {"workspace": "acme", **given}, follow=True)


def test_a_rate_is_found_agreed_shown_and_ended(owner: Client, acme: Workspace) -> None:
    page = owner.get("/rates?q=gpt-4o-mini&tier=standard")
    assert "$0.15" in page.content.decode()

    form = owner.get("/rates/contracts/new?provider=openai&model=gpt-4o").content.decode()
    assert 'value="gpt-4o"' in form
    said = post(
        owner, "/rates/contracts/new", provider="openai", model="gpt-4o", service_tier="any",
        input_usd="1.5", valid_from="2026-06-01", why="contract 9",
    )  # fmt: skip
    assert "Calls since 2026-06-01 are repriced" in said.content.decode()
    override = RateOverride.objects.get()
    assert (override.input_usd, override.valid_from, override.why) == (
        Decimal("1.5"), JUNE, "contract 9",
    )  # fmt: skip
    assert override.who == User.objects.get()
    again = post(
        owner, "/rates/contracts/new", provider="openai", model="gpt-4o", service_tier="any",
        input_usd="1", valid_from="2026-07-01", why="x",
    )  # fmt: skip
    assert "already sets this model" in again.content.decode()

    from finops.clickhouse.client import warehouse

    with warehouse() as ch:
        publish_rates(ch, now=now())
    model = owner.get("/rates/openai/gpt-4o").content.decode()
    assert "agreed" in model
    assert "$1.50" in model
    assert "contract 9" in model
    assert owner.get("/rates?own=1").content.decode().count("agreed</span>") > 0

    ended = post(owner, f"/rates/contracts/{override.pk}/end", valid_to="2026-08-01")
    assert "ends on 2026-08-01" in ended.content.decode()
    listed = owner.get("/rates/repricings").content.decode()
    assert "of openai/gpt-4o was saved" in listed
    assert "the end of override" in listed
    assert owner.get("/rates/openai/nothing-like-it").status_code == 404


def test_catalogues_are_uploaded_looked_at_adopted_and_compared(
    owner: Client, acme: Workspace
) -> None:
    page = owner.get("/rates/versions").content.decode()
    assert "genai-prices" in page
    assert "in force" in page

    file = as_file([provider("openai", {"gpt-4o": {"input_mtok": 3, "output_mtok": 10}})])
    seen = post(
        owner, "/rates/versions/upload", file=SimpleUploadedFile("newer.json", file)
    ).content.decode()
    assert "No price changes until it is adopted" in seen
    assert "▲ 20.0 %" in seen
    broken = post(owner, "/rates/versions/upload", file=SimpleUploadedFile("x.json", b"{"))
    assert (broken.status_code, "not JSON" in broken.content.decode()) == (400, True)

    assert (
        "becomes the price of record"
        in owner.get("/rates/versions/upload-1/adopt").content.decode()
    )
    adopted = post(owner, "/rates/versions/upload-1/adopt", why="prices rose").content.decode()
    assert "is the price of record" in adopted
    assert "may be out of date" in adopted  # it has no dated price at all
    assert Repricing.objects.get().why == "prices rose"

    theirs = b'{"gpt-4o": {"litellm_provider": "openai", "input_cost_per_token": 2.5e-06}}'
    compared = post(
        owner, "/rates/versions/compare", file=SimpleUploadedFile("l.json", theirs)
    ).content.decode()
    assert "1 price differ, 0 agree" in compared
    assert "$2.50" in compared


def test_a_viewer_reads_and_changes_nothing(page: Client, acme: Workspace) -> None:
    for path in ("/rates/contracts", "/rates/repricings", "/rates/versions"):
        assert page.get(path).status_code == 200
    versions = page.get("/rates/versions").content.decode()
    assert "Upload a newer" not in versions
    assert "Ask LiteLLM" not in versions
    for path in (
        "/rates/contracts/new", "/rates/versions/upload", "/rates/versions/installed/adopt",
        "/rates/repricings/close", "/rates/versions/compare",
    ):  # fmt: skip
        assert post(page, path).status_code == 403, path


def test_who_runs_one_workspace_of_two_may_not_set_list_prices(
    owner: Client, acme: Workspace
) -> None:
    create_workspace("globex", "Globex")
    assert "Upload a newer" not in owner.get("/rates/versions").content.decode()
    file = SimpleUploadedFile("a.json", b"[]")
    assert post(owner, "/rates/versions/upload", file=file).status_code == 403


def test_a_month_is_closed_and_opened_on_the_page(owner: Client, acme: Workspace) -> None:
    closed = post(owner, "/rates/repricings/close", month="2026-09", why="reported")
    assert "2026-09 is closed at $0.00" in closed.content.decode()
    assert "as reported" in closed.content.decode()
    refused = post(owner, "/rates/repricings/close", month="2026-09")
    assert "closed already" in refused.content.decode()
    pk = acme.closed_months.get().pk
    assert "Say why" in post(owner, f"/rates/repricings/{pk}/reopen").content.decode()
    opened = post(owner, f"/rates/repricings/{pk}/reopen", why="a credit note")
    assert "2026-09 is open" in opened.content.decode()


def test_a_ledger_in_doubt_is_said_on_the_page(page: Client, acme: Workspace) -> None:
    assert "don&#x27;t equal" not in page.get("/rates/repricings").content.decode()
    LedgerDoubt.objects.create(
        workspace=acme, opened_at=NOW, start=NOW, end=NOW + timedelta(hours=1)
    )
    assert "don't equal their charges" in page.get("/rates/repricings").content.decode()


def test_a_price_over_time_is_a_figure_and_a_table() -> None:
    def rate(usd: int, **given: Any) -> Rate:
        return Rate("openai", "m", Prices(input=per_token(Decimal(usd))), **given)

    rates = [
        rate(4, valid_to=JUNE),
        rate(3, valid_from=JUNE),
        rate(4, workspace_id=1, valid_to=JUNE),
        rate(1, workspace_id=1, valid_from=JUNE, source="override 1"),
    ]
    chart = price_chart(rates, ["input"], NOW)
    figure = go.Figure(chart.figure["data"], chart.figure["layout"])
    assert [trace.line.dash for trace in figure.data] == ["dot", "solid"]
    assert [(row.since, row.prices) for row in chart.rows] == [
        ("2026-06-01", ["$3.00", "$1.00"]),
        ("as long as listed", ["$4.00", "$4.00"]),
    ]
    assert chart.summary == (
        "Prices for 1M tokens today: input $3.00, input, agreed $1.00; they changed 1 time."
    )
