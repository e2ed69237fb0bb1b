"""The costing room as a Django app."""

from __future__ import annotations

from django.apps import AppConfig


class CostingConfig(AppConfig):
    name = "finops.costing"
    label = "costing"

    def ready(self) -> None:
        """Listen to what pricing announces."""
        from finops.costing.mark import hear  # noqa: PLC0415 - models are there only now
        from finops.pricing.rate_change import rate_changed  # noqa: PLC0415

        rate_changed.connect(hear, dispatch_uid="mark_for_repricing")
