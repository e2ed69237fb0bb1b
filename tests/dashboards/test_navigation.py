"""The bar at the top of every page leads to what its reader may open, and to nothing else."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from finops.accounts.models import Membership, Role
from finops.clickhouse.client import Warehouse


@pytest.mark.parametrize(
    ("role", "led_there"),
    [(Role.VIEWER, False), (Role.ANALYST, False), (Role.ADMIN, True), (Role.OWNER, True)],
)
@pytest.mark.parametrize("address", ["/", "/settings/members"])
def test_only_who_may_make_keys_is_led_to_them(
    page: Client, configured_ch: Warehouse, role: Role, led_there: bool, address: str
) -> None:
    Membership.objects.update(role=role)
    assert ('href="/settings/keys"' in page.get(address).content.decode()) is led_there
    assert (page.get("/settings/keys").status_code == 200) is led_there


def test_who_may_not_make_a_key_is_told_whom_to_ask(page: Client, configured_ch: Warehouse) -> None:
    assert "Ask an admin of Acme for a key" in page.get("/").content.decode()


def test_the_menu_of_the_user_leads_to_members_and_password(page: Client) -> None:
    html = page.get("/settings/members").content.decode()
    menu = html[html.index("Account: victor@acme.example") : html.index("Log out")]
    assert 'href="/settings/members"' in menu
    assert 'href="/settings/password"' in menu


def test_a_narrow_screen_has_the_same_pages_in_a_menu(
    page: Client, configured_ch: Warehouse
) -> None:
    html = page.get("/invoices").content.decode()
    row, menu = (
        re.findall(r'href="([^"]+)"', part.split("</nav>")[0])
        for part in html.split('aria-label="Pages">')[1:]
    )
    assert row == menu
    assert "/statements" in row
    assert html.count('href="/invoices" aria-current="page"') == 2
