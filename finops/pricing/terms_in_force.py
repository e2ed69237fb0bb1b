"""Everything that workspaces have agreed, read from the database for the rates of a version."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from decimal import Decimal

from finops.pricing.models import Deployment, RateOverride, SpendCommitment
from finops.pricing.overrides import ANY_TIER, Contract
from finops.pricing.rate import SOLD, per_one
from finops.pricing.resolve import resolve_model
from finops.pricing.workspace_rates import EVERY, Deployed, Key, Terms


def load_terms() -> list[Terms]:
    """Return what each workspace has agreed; those that have agreed nothing are not there."""
    contracts: dict[int, dict[Key, list[Contract]]] = defaultdict(lambda: defaultdict(list))
    commitments: dict[int, dict[Key, list[Contract]]] = defaultdict(lambda: defaultdict(list))
    deployments: dict[int, dict[Key, list[Deployed]]] = defaultdict(lambda: defaultdict(list))
    for override in RateOverride.objects.order_by("pk"):
        key = override_key(override.provider, override.model)
        contracts[override.workspace_id][key].append(contract_of(override))
    for promise in SpendCommitment.objects.order_by("pk"):
        commitments[promise.workspace_id][promise.provider, EVERY].append(discount_of(promise))
    for deployment in Deployment.objects.order_by("pk"):
        key = (deployment.provider, deployment.name)
        deployments[deployment.workspace_id][key].append(deployed_of(deployment))
    return [
        Terms(workspace, contracts[workspace], commitments[workspace], deployments[workspace])
        for workspace in sorted({*contracts, *commitments, *deployments})
    ]


def fingerprint_of(terms: Iterable[Terms]) -> str:
    """Return the SHA-256 of everything in the terms that a rate depends on."""
    text = json.dumps([part for each in terms for part in rated_by(each)], default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def rated_by(terms: Terms) -> Iterator[list[object]]:
    """Yield everything in a workspace's terms that a rate depends on, in a steady order."""
    for agreed in (terms.contracts, terms.commitments):
        for key, contracts in sorted(agreed.items()):
            yield from ([terms.workspace_id, *key, asdict(each)] for each in contracts)
    for key, deployments in sorted(terms.deployments.items()):
        yield from ([terms.workspace_id, *key, asdict(each)] for each in deployments)


def override_key(provider: str, model: str) -> Key:
    """Return the key that an override is published under.

    Named as the catalogue names the model, it holds for every alias of it; named as a snapshot or
    a deployment, for that name alone.
    """
    resolved = None if model == EVERY else resolve_model(provider, model)
    if resolved is not None and resolved.model_id.lower() == model:
        return resolved.provider, resolved.model
    return provider, model


def contract_of(override: RateOverride) -> Contract:
    return Contract(
        number=override.pk,
        service_tier=override.service_tier,
        prices=override.named_prices,
        discount_percent=override.discount_percent,
        valid_from=override.valid_from,
        valid_to=override.valid_to,
        region=override.region,
        uses={
            use: per_one(Decimal(usd), units)
            for name, usd in sorted(override.uses_usd.items())
            for use, units in [SOLD[name]]
        },
        wide=override.model == EVERY,
    )


def discount_of(promise: SpendCommitment) -> Contract:
    return Contract(
        number=promise.pk,
        service_tier=ANY_TIER,
        prices={},
        discount_percent=promise.discount_percent,
        valid_from=promise.valid_from,
        valid_to=promise.valid_to,
        kind="commitment",
        wide=True,
        on_top=promise.on_contract_rates,
    )


def deployed_of(deployment: Deployment) -> Deployed:
    provider = deployment.model_provider or deployment.provider
    return Deployed(
        number=deployment.pk,
        model=override_key(provider, deployment.model),
        valid_from=deployment.valid_from,
        valid_to=deployment.valid_to,
    )
