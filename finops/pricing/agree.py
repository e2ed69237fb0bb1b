"""Take a workspace's contract price in: checked, written down and audited."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import transaction

from finops.accounts.audit import record
from finops.accounts.models import User, Workspace
from finops.pricing.errors import OverrideRefused
from finops.pricing.models import RateOverride
from finops.pricing.resolve import catalogue_provider


def agree_override(override: RateOverride, *, actor: User | None) -> RateOverride:
    """Save an override under the names that the catalogue uses; raises OverrideRefused.

    It holds for calls charged from now on; `manage.py recompute` charges earlier ones again.
    """
    override.provider = catalogue_provider(override.provider) if override.provider else ""
    override.model = override.model.strip().lower()
    override.who = actor
    with transaction.atomic():
        # Two that overlap must not both find the time free.
        Workspace.objects.select_for_update().get(pk=override.workspace.pk)
        try:
            override.full_clean()
        except ValidationError as error:
            raise OverrideRefused(
                error.message_dict if hasattr(error, "error_dict") else {"": error.messages}
            ) from None
        override.save()
        record(
            override.workspace,
            actor,
            "rate_override.saved",
            f"{override.provider}/{override.model}",
            override=override.pk,
            service_tier=override.service_tier,
            prices={bucket: str(usd) for bucket, usd in override.named_prices.items()},
            discount_percent=str(override.discount_percent or ""),
            valid_from=override.valid_from.isoformat(),
            valid_to=override.valid_to.isoformat() if override.valid_to else "",
            why=override.why,
        )
    return override
