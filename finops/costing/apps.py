"""The costing room as a Django app."""

from __future__ import annotations

from django.apps import AppConfig


class CostingConfig(AppConfig):
    name = "finops.costing"
    label = "costing"
