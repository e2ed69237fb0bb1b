"""The app that holds the commands and the pages for finance."""

from __future__ import annotations

from django.apps import AppConfig


class FocusConfig(AppConfig):
    name = "finops.focus"
    label = "focus"
