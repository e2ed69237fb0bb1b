"""The replay room as a Django app: it holds commands."""

from __future__ import annotations

from django.apps import AppConfig


class ReplayConfig(AppConfig):
    name = "finops.replay"
    label = "replay"
