"""Say which model a deployment is, or until when it was: checked, written down and audited."""

from __future__ import annotations

from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction

from finops.accounts.audit import record
from finops.accounts.models import User, Workspace
from finops.pricing.errors import TermsRefused
from finops.pricing.models import Deployment
from finops.pricing.rate_change import announce_ended, announce_saved
from finops.pricing.resolve import catalogue_provider, resolve_model


def name_deployment(deployment: Deployment, *, actor: User | None, key: str = "") -> Deployment:
    """Save a deployment under the names that the catalogue uses; raises TermsRefused.

    `key` is the API key that asked.
    """
    deployment.provider = as_listed(deployment.provider)
    deployment.model_provider = as_listed(deployment.model_provider)
    deployment.name = deployment.name.strip().lower()
    deployment.model = deployment.model.strip().lower()
    deployment.who = actor
    with transaction.atomic():
        save(deployment)
        record(
            deployment.workspace,
            actor,
            "deployment.saved",
            f"{deployment.provider}/{deployment.name}",
            key=key,
            deployment=deployment.pk,
            model=f"{deployment.model_provider or deployment.provider}/{deployment.model}",
            valid_from=deployment.valid_from.isoformat(),
            valid_to=deployment.valid_to.isoformat() if deployment.valid_to else "",
            why=deployment.why,
        )
        cause = f"deployment {deployment.name} was named"
        announce_saved(deployment, deployment.valid_to, cause, who=actor, key=key)
    return deployment


def end_deployment(
    deployment: Deployment, valid_to: datetime, *, actor: User | None, key: str = ""
) -> Deployment:
    """Set when a deployment stops being that model, itself not part; raises TermsRefused."""
    before = deployment.valid_to
    deployment.valid_to = valid_to
    with transaction.atomic():
        save(deployment)
        record(
            deployment.workspace,
            actor,
            "deployment.ended",
            f"{deployment.provider}/{deployment.name}",
            key=key,
            deployment=deployment.pk,
            before=before.isoformat() if before else "",
            valid_to=valid_to.isoformat(),
        )
        cause = f"the end of deployment {deployment.name} was set"
        announce_ended(deployment, before, valid_to, cause, who=actor, key=key)
    return deployment


def as_listed(provider: str) -> str:
    return catalogue_provider(provider) if provider.strip() else ""


def save(deployment: Deployment) -> None:
    # Two that overlap must not both find the time free.
    Workspace.objects.select_for_update().get(pk=deployment.workspace.pk)
    try:
        deployment.full_clean()
        refuse_listed_name(deployment)
    except ValidationError as error:
        raise TermsRefused(error) from None
    deployment.save()


def refuse_listed_name(deployment: Deployment) -> None:
    """Raise ValidationError for the catalogue's own key: all names of that model would follow."""
    found = resolve_model(deployment.provider, deployment.name)
    if found and (found.provider, found.model) == (deployment.provider, deployment.name):
        raise ValidationError(
            {
                "name": f"The price list itself has {deployment.name} of {deployment.provider}, "
                "under which other names are billed, too. Set a contract rate for it instead."
            }
        )
