"""Take a workspace's contract price in, or end it: checked, written down and audited.

Either holds for calls charged from now on; those charged before are marked for repricing.
"""

from __future__ import annotations

from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction

from finops.accounts.audit import record
from finops.accounts.models import User, Workspace
from finops.pricing.errors import OverrideRefused
from finops.pricing.models import RateOverride
from finops.pricing.rate_change import announce_ended, announce_saved
from finops.pricing.resolve import catalogue_provider


def agree_override(override: RateOverride, *, actor: User | None, key: str = "") -> RateOverride:
    """Save an override under the names that the catalogue uses; raises OverrideRefused.

    `key` is the API key that asked.
    """
    override.provider = catalogue_provider(override.provider) if override.provider else ""
    override.model = override.model.strip().lower()
    override.who = actor
    with transaction.atomic():
        save(override)
        record(
            override.workspace,
            actor,
            "rate_override.saved",
            f"{override.provider}/{override.model}",
            key=key,
            override=override.pk,
            service_tier=override.service_tier,
            region=override.region,
            prices={bucket: str(usd) for bucket, usd in override.named_prices.items()},
            uses_usd=override.uses_usd,
            discount_percent=str(override.discount_percent or ""),
            valid_from=override.valid_from.isoformat(),
            valid_to=override.valid_to.isoformat() if override.valid_to else "",
            why=override.why,
        )
        cause = f"override {override.pk} of {override.provider}/{override.model} was saved"
        announce_saved(override, override.valid_to, cause, who=actor, key=key)
    return override


def end_override(
    override: RateOverride, valid_to: datetime, *, actor: User | None, key: str = ""
) -> RateOverride:
    """Set when an override ends, itself not part of it; raises OverrideRefused."""
    before = override.valid_to
    override.valid_to = valid_to
    with transaction.atomic():
        save(override)
        record(
            override.workspace,
            actor,
            "rate_override.ended",
            f"{override.provider}/{override.model}",
            key=key,
            override=override.pk,
            before=before.isoformat() if before else "",
            valid_to=valid_to.isoformat(),
        )
        cause = f"the end of override {override.pk} was set"
        announce_ended(override, before, valid_to, cause, who=actor, key=key)
    return override


def save(override: RateOverride) -> None:
    # Two that overlap must not both find the time free.
    Workspace.objects.select_for_update().get(pk=override.workspace.pk)
    try:
        override.full_clean()
    except ValidationError as error:
        raise OverrideRefused(error) from None
    override.save()
