"""The pages in a real browser, on the demo's traffic: right numbers, no error, no way outside."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, StorageState, expect

from tests.e2e.browser import Watched, chromium, watched_page
from tests.e2e.conftest import Demo
from tests.e2e.stack import Stack
from tests.services import chromium_path

pytestmark = pytest.mark.services


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium(chromium_path()) as running:
        yield running


@pytest.fixture(scope="module")
def session(browser: Browser, stack: Stack, demo: Demo) -> StorageState:
    """What the browser keeps of a login through the page."""
    with watched_page(browser, stack.url) as page:
        page.log_in(demo.email, demo.password)
        assert page.wrong == []
        return page.page.context.storage_state()


@pytest.fixture
def watched(browser: Browser, stack: Stack, session: StorageState) -> Iterator[Watched]:
    """Logged in, on the Overview; at the end nothing may have gone wrong."""
    with watched_page(browser, stack.url, session=session) as page:
        page.goto("/")
        yield page
        assert page.wrong == []


def spend_shown(page: Page) -> Decimal:
    """The exact amount on the card, which the page shows on hover."""
    exact = page.locator("#card-spend .figure [data-exact]").get_attribute("data-exact") or ""
    return Decimal(exact.removeprefix("$").replace(",", ""))


def drawn(page: Page) -> None:
    expect(page.locator("[data-chart].drawn .main-svg").first).to_be_visible()


def test_the_overview_shows_the_numbers_of_the_api(
    watched: Watched, stack: Stack, demo: Demo
) -> None:
    page = watched.page
    totals = stack.get("/api/v1/unit-costs", demo.key)["totals"]
    assert spend_shown(page) == Decimal(totals["cost_usd"])
    requests = f"{totals['successful_requests']:,}"
    expect(page.locator("#card-requests")).to_contain_text(requests)
    drawn(page)
    expect(page.locator("#unit-costs tbody")).to_contain_text("rowan-airlines")
    # Until the first hour is over, the GPU that this model runs on has no bill.
    own = re.compile("guard-llama-8b|ran on your own GPUs")
    expect(page.locator("#unpriced")).to_contain_text(own)
    expect(page.locator("#freshness")).to_contain_text("costed to")


def test_the_overview_says_what_is_recorded_and_what_is_drawn(watched: Watched) -> None:
    page = watched.page
    page.get_by_text("What is what").click()
    for owner in ("Microsoft, CC BY 4.0", "Alibaba Cloud, Apache-2.0", "Drawn by a seeded rule"):
        expect(page.get_by_text(owner)).to_be_visible()


def test_another_range_and_a_filter_change_address_and_numbers(watched: Watched) -> None:
    page = watched.page
    everything = spend_shown(page)
    page.get_by_role("navigation", name="Range").get_by_role("link", name="7d").click()
    expect(page).to_have_url(re.compile(r"range=7d"))
    drawn(page)
    assert spend_shown(page) == everything
    page.locator("#unit-costs tbody").get_by_role("link", name="rowan-airlines").first.click()
    expect(page).to_have_url(re.compile(r"tenant=rowan-airlines"))
    drawn(page)
    assert 0 < spend_shown(page) < everything
    watched.goto("/?from=2020-01-01T00:00&to=2020-01-02T00:00")
    expect(page.get_by_role("main")).not_to_contain_text("rowan-airlines")


def test_both_themes_are_drawn_and_remembered(watched: Watched, tmp_path: Path) -> None:
    page = watched.page
    drawn(page)
    backgrounds = []
    for name in ("light", "dark"):
        shot = page.screenshot(path=tmp_path / f"{name}.png")
        assert len(shot) > 20_000
        backgrounds.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        page.get_by_role("button", name="Switch between light and dark").click()
    assert backgrounds[0] != backgrounds[1]
    page.get_by_role("button", name="Switch between light and dark").click()
    page.reload(wait_until="networkidle")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == backgrounds[1]


def test_a_budget_is_set_and_shown(watched: Watched) -> None:
    page = watched.page
    page.get_by_role("link", name="Budgets").click()
    page.get_by_role("main").get_by_role("link", name=re.compile("^(Set a|New) budget")).click()
    page.get_by_label("Amount a month, in USD").fill("100000")
    page.get_by_label("E-mail to").fill("ada@example.com")
    page.get_by_role("button", name="Set budget").click()
    expect(page.get_by_role("main")).to_contain_text("100,000")


def test_a_key_is_made_shown_once_and_works(watched: Watched, stack: Stack) -> None:
    page = watched.page
    page.get_by_role("link", name="Keys").click()
    page.get_by_label("Name").fill("from the browser")
    page.get_by_label("Read").check()
    page.get_by_role("button", name="Create key").click()
    secret = page.locator("#new-key").inner_text()
    assert stack.get("/api/v1/unit-costs", secret)["totals"]["calls"] > 0
    watched.goto("/settings/keys")
    expect(page.get_by_role("main")).to_contain_text("from the browser")
    assert secret not in page.content()


def test_a_narrow_screen_scrolls_in_one_direction_only(
    browser: Browser, stack: Stack, session: StorageState
) -> None:
    with watched_page(browser, stack.url, size=(390, 844), session=session) as watched:
        watched.goto("/")
        drawn(watched.page)
        wider = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert watched.page.evaluate(wider) == 0
        assert watched.wrong == []
