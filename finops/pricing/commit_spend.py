"""Take a spend commitment in, or end it early: checked, written down and audited."""

from __future__ import annotations

from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction

from finops.accounts.audit import record
from finops.accounts.models import User, Workspace
from finops.pricing.errors import TermsRefused
from finops.pricing.models import SpendCommitment
from finops.pricing.rate_change import announce_ended, announce_saved
from finops.pricing.resolve import catalogue_provider


def commit_spend(
    commitment: SpendCommitment, *, actor: User | None, key: str = ""
) -> SpendCommitment:
    """Save a commitment under the provider's name in the catalogue; raises TermsRefused.

    `key` is the API key that asked.
    """
    if commitment.provider.strip():
        commitment.provider = catalogue_provider(commitment.provider)
    commitment.who = actor
    with transaction.atomic():
        save(commitment)
        record(
            commitment.workspace,
            actor,
            "commitment.saved",
            commitment.provider,
            key=key,
            commitment=commitment.pk,
            committed_usd=str(commitment.committed_usd),
            discount_percent=str(commitment.discount_percent),
            on_contract_rates=commitment.on_contract_rates,
            valid_from=commitment.valid_from.isoformat(),
            valid_to=commitment.valid_to.isoformat(),
            why=commitment.why,
        )
        cause = f"commitment {commitment.pk} with {commitment.provider} was saved"
        announce_saved(commitment, commitment.valid_to, cause, who=actor, key=key)
    return commitment


def end_commitment(
    commitment: SpendCommitment, valid_to: datetime, *, actor: User | None, key: str = ""
) -> SpendCommitment:
    """Set when a commitment ends, itself not part of it; raises TermsRefused."""
    before = commitment.valid_to
    commitment.valid_to = valid_to
    with transaction.atomic():
        save(commitment)
        record(
            commitment.workspace,
            actor,
            "commitment.ended",
            commitment.provider,
            key=key,
            commitment=commitment.pk,
            before=before.isoformat(),
            valid_to=valid_to.isoformat(),
        )
        cause = f"the end of commitment {commitment.pk} was set"
        announce_ended(commitment, before, valid_to, cause, who=actor, key=key)
    return commitment


def save(commitment: SpendCommitment) -> None:
    # Two that overlap must not both find the time free.
    Workspace.objects.select_for_update().get(pk=commitment.workspace.pk)
    try:
        commitment.full_clean()
    except ValidationError as error:
        raise TermsRefused(error) from None
    commitment.save()
