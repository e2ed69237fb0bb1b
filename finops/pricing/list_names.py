"""What the list calls a model that a workspace has its own price for: to set list against contract.

The rate of such a call is published under the workspace's own name. The list has it under the name
that it would have led to without a contract; a deployment's, under that of its model at the time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from finops.pricing.aliases import Pair, lead_to, named
from finops.pricing.resolve import resolve_model
from finops.pricing.terms_in_force import load_terms
from finops.pricing.workspace_rates import Deployed, Key, segments

# workspace, provider and model as captured, provider and model of the list, from, to
ListName = tuple[int, str, str, str, str, datetime, datetime]


def list_names(pairs: Iterable[Pair]) -> list[ListName]:
    """Return what the list calls these pairs, and when; one that it doesn't know is not there."""
    deployed = {terms.workspace_id: terms.deployments for terms in load_terms()}
    return [name for pair in pairs for name in names_of(pair, deployed.get(pair[0], {}))]


def names_of(pair: Pair, deployments: Mapping[Key, Sequence[Deployed]]) -> Iterator[ListName]:
    own = deployments.get(named(pair), ())
    provider, model = lead_to(pair, set())
    for segment in segments(own, (provider, model)):
        found = listed(segment.model) if segment.deployment is not None else segment.model
        if found is not None and found != ("", ""):
            yield (*pair, *found, segment.start, segment.end)


def listed(model: Key | None) -> Key | None:
    """Return the list's key for the model of a deployment, as it was resolved when agreed."""
    found = None if model is None else resolve_model(*model)
    return model if found is None else (found.provider, found.model)
