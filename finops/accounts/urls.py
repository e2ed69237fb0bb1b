"""Addresses of login, keys and members."""

from __future__ import annotations

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
