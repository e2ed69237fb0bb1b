"""Addresses of login, keys and members."""

from __future__ import annotations

from django.contrib.auth.views import LogoutView
from django.urls import URLPattern, path

from finops.accounts.key_pages import keys_page, revoke_key_page
from finops.accounts.login_pages import LoginPage, PasswordPage
from finops.accounts.member_pages import members_page

urlpatterns: list[URLPattern] = [
    path("login", LoginPage.as_view(), name="login"),
    path("logout", LogoutView.as_view(), name="logout"),
    path("settings/password", PasswordPage.as_view(), name="password"),
    path("settings/keys", keys_page, name="keys"),
    path("settings/keys/<int:key_id>/revoke", revoke_key_page, name="revoke-key"),
    path("settings/members", members_page, name="members"),
]
