"""What only a browser shows: the chart, dragging, refreshing, the theme; and what is left without
JavaScript."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from finops.accounts.models import Membership, Role, Workspace
from finops.clickhouse.client import Warehouse
from tests.e2e.browser import chromium
from tests.queries.rows import Charge, add_charges, ledger_of
from tests.services import chromium_path

pytestmark = pytest.mark.services
REFRESH = "document.querySelector('#live').dispatchEvent(new Event('refresh'))"


@pytest.fixture
def address(
    transactional_db: None, page: Client, configured_ch: Warehouse, acme: Workspace,
    live_server: LiveServer,
) -> str:  # fmt: skip
    """The product with an hour of calls, on the test's own ClickHouse."""
    now = datetime.now(UTC)
    ledger_of(
        configured_ch,
        *(
            Charge(
                now - timedelta(minutes=minute), Decimal(minute), model=model, workspace_id=acme.pk
            )
            for minute in range(1, 50)
            for model in ("gpt-4o", "claude")
        ),
    )
    return str(live_server.url)


@pytest.fixture
def browser() -> Iterator[Browser]:
    with chromium(chromium_path()) as running:
        yield running


def logged_in(browser: Browser, address: str, page: Client, **options: object) -> BrowserContext:
    context = browser.new_context(**options)  # type: ignore[arg-type]
    context.add_cookies(
        [
            {"name": name, "value": morsel.value, "url": address}
            for name, morsel in page.cookies.items()
        ]
    )
    return context


@pytest.fixture
def tab(address: str, page: Client, browser: Browser) -> Iterator[Page]:
    """The Overview of the last hour; the test fails on any error in the console."""
    context = logged_in(browser, address, page)
    opened = context.new_page()
    wrong: list[str] = []
    opened.on(
        "console", lambda message: wrong.append(message.text) if message.type == "error" else None
    )
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.goto(f"{address}/?range=1h", wait_until="networkidle")
    yield opened
    context.close()
    assert wrong == []


@pytest.fixture
def analyst(page: Client) -> None:
    """Who is logged in may set budgets; asked for before the browser runs."""
    Membership.objects.update(role=Role.ANALYST)


def test_every_kind_of_field_with_an_error_has_the_same_border(analyst: None, tab: Page) -> None:
    tab.goto(tab.url.partition("?")[0] + "budgets/new")
    tab.get_by_label("E-mail to").fill("nobody")
    tab.get_by_role("button", name="Set budget").click()
    colours = [
        tab.locator(f"{kind}[aria-invalid=true]").evaluate("it => getComputedStyle(it).borderColor")
        for kind in ("input", "textarea")
    ]
    assert colours[0] == colours[1]
    usual = tab.get_by_label("Tenant").evaluate("it => getComputedStyle(it).borderColor")
    assert colours[0] != usual


def test_the_chart_is_drawn_in_the_colours_of_the_theme_and_again_in_the_other(tab: Page) -> None:
    bar = tab.locator("[data-chart] .trace.bars .point path").nth(30)
    expect(bar).to_be_visible()
    swatch = "getComputedStyle(document.querySelector('#cost-keys .swatch')).backgroundColor"
    light = tab.evaluate(swatch)
    assert bar.evaluate("mark => getComputedStyle(mark).fill") == light
    tab.get_by_role("button", name="Switch between light and dark").click()
    dark = tab.evaluate(swatch)
    assert dark != light
    expect(bar).to_have_css("fill", dark)


def test_dragging_over_bars_asks_for_that_range(tab: Page) -> None:
    box = tab.locator("[data-chart] .nsewdrag").bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    tab.mouse.move(box["x"] + box["width"] * 0.25, middle)
    tab.mouse.down()
    tab.mouse.move(box["x"] + box["width"] * 0.5, middle, steps=5)
    tab.mouse.up()
    tab.wait_for_url(re.compile(r"from=.*&to="))
    expect(tab.get_by_role("heading", name="Cost per minute, by model")).to_be_visible()
    found = re.findall(r"(?:from|to)=([0-9-]+T\d\d%3A\d\d)", tab.url)
    start, end = (datetime.fromisoformat(text.replace("%3A", ":")) for text in found)
    assert timedelta(minutes=10) < end - start < timedelta(minutes=20)


def test_a_refresh_shows_new_numbers_and_redraws_the_chart(
    tab: Page, configured_ch: Warehouse, acme: Workspace
) -> None:
    before = tab.locator("#card-spend .figure").inner_text()
    moment = datetime.now(UTC) - timedelta(seconds=1)
    add_charges(
        configured_ch, [Charge(moment, Decimal(500), model="brand-new", workspace_id=acme.pk)]
    )
    tab.evaluate(REFRESH)
    expect(tab.locator("#card-spend .figure")).not_to_have_text(before)
    expect(tab.locator("#unit-costs")).to_contain_text("brand-new")
    expect(tab.locator("#cost-keys li")).to_have_count(3)
    expect(tab.locator("[data-chart] .trace.bars")).to_have_count(3)
    expect(tab.get_by_role("img", name=re.compile("the largest model is .* with"))).to_be_visible()
    expect(tab.locator("[data-chart]")).to_have_attribute("aria-label", re.compile(r"\$2,950\.00"))


def test_the_keyboard_skips_to_the_content_and_opens_and_closes_an_explanation(tab: Page) -> None:
    tab.keyboard.press("Tab")
    link = tab.get_by_role("link", name="Skip to content")
    expect(link).to_be_focused()
    expect(link).to_be_in_viewport()
    tab.keyboard.press("Enter")
    expect(tab.locator("#main")).to_be_focused()

    how = tab.get_by_label("How waste is computed")
    how.focus()
    tab.keyboard.press("Enter")
    panel = tab.locator("#card-waste .panel")
    expect(panel).to_be_visible()
    tab.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(how).to_be_focused()


def test_at_360_pixels_names_and_costs_are_there_and_nothing_is_wider(
    address: str, page: Client, browser: Browser
) -> None:
    context = logged_in(browser, address, page, viewport={"width": 360, "height": 780})
    tab = context.new_page()
    tab.goto(f"{address}/?range=1h", wait_until="networkidle")
    assert tab.evaluate("document.documentElement.scrollWidth") == 360
    assert tab.evaluate(
        "[...document.querySelectorAll('.table-scroll')].every(t => t.scrollWidth <= t.clientWidth)"
    )
    context.close()


def test_without_javascript_every_number_can_be_read(
    address: str, page: Client, browser: Browser
) -> None:
    context = logged_in(browser, address, page, java_script_enabled=False)
    tab = context.new_page()
    tab.goto(f"{address}/?range=1h")
    expect(tab.locator("#card-spend")).to_contain_text("$2,450.00")
    expect(tab.locator("#unit-costs")).to_contain_text("claude")
    expect(tab.locator("[data-theme-toggle]")).to_be_hidden()
    tab.get_by_text("Show the numbers as a table").click()
    expect(tab.locator("#cost-figure tbody tr").first).to_be_visible()
    context.close()


def test_an_empty_workspace_fits_a_narrow_screen(
    transactional_db: None,
    page: Client,
    configured_ch: Warehouse,
    live_server: LiveServer,
    browser: Browser,
) -> None:
    context = logged_in(browser, str(live_server.url), page, viewport={"width": 360, "height": 800})
    opened = context.new_page()
    opened.goto(str(live_server.url), wait_until="load")
    expect(opened.locator("#sdk-snippet")).to_be_visible()
    assert opened.evaluate("document.documentElement.scrollWidth") == 360
    inside = (
        "li => li.getBoundingClientRect().right <= li.parentElement.getBoundingClientRect().right"
    )
    assert all(item.evaluate(inside) for item in opened.locator(".steps > li > *").all())
    context.close()


def test_a_long_name_of_a_model_pushes_no_column_out(
    address: str, page: Client, configured_ch: Warehouse, acme: Workspace, browser: Browser
) -> None:
    name = "m" * 310
    add_charges(
        configured_ch,
        [
            Charge(
                datetime.now(UTC) - timedelta(minutes=5),
                None,
                tenant="t" * 310,
                model=name,
                workspace_id=acme.pk,
                unpriced_reason="no_rate",
            )
        ],
    )
    context = logged_in(browser, address, page, viewport={"width": 1280, "height": 900})
    opened = context.new_page()
    beyond = "box => box.scrollWidth - box.clientWidth"
    opened.goto(f"{address}/?range=1h&rows=all", wait_until="load")
    assert opened.locator(".unpriced .table-scroll").evaluate(beyond) == 0
    assert opened.locator("#unit-costs .table-scroll").evaluate(beyond) == 0
    opened.set_viewport_size({"width": 360, "height": 900})
    assert opened.locator(".unpriced .table-scroll").evaluate(beyond) == 0
    assert opened.locator(".unpriced tbody th").get_attribute("title") == name
    context.close()
