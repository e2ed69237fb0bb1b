"""The invoices room as a Django app."""

from __future__ import annotations

from django.apps import AppConfig


class InvoicesConfig(AppConfig):
    name = "finops.invoices"
    label = "invoices"
