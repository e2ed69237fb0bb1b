"""The table `rate_aliases`: for each pair of names seen in calls, the rate they lead to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from finops.clickhouse.client import Warehouse
from finops.pricing.models import RateVersion
from finops.pricing.resolve import catalogue_provider, resolve_model

# workspace, provider and model as captured
Pair = tuple[int, str, str]


def ensure_aliases(
    ch: Warehouse, version: RateVersion, pairs: Iterable[Pair], *, now: datetime
) -> None:
    """Resolve pairs and write them for one rate version; callers send those not there yet."""
    wanted = sorted(set(pairs))
    if not wanted:
        return
    own = overridden_keys(ch, version)
    resolved = [lead_to(pair, own[pair[0]]) for pair in wanted]
    ch.insert(
        "rate_aliases",
        {
            "rate_version": [version.number] * len(wanted),
            "workspace_id": [workspace for workspace, _, _ in wanted],
            "provider": [provider for _, provider, _ in wanted],
            "model": [model for _, _, model in wanted],
            "rate_provider": [provider for provider, _ in resolved],
            "rate_model": [model for _, model in resolved],
            "resolved_at": [now] * len(wanted),
        },
    )


def overridden_keys(ch: Warehouse, version: RateVersion) -> dict[int, set[tuple[str, str]]]:
    """Return the keys that workspaces have rates of their own for, in this version."""
    keys: dict[int, set[tuple[str, str]]] = defaultdict(set)
    for row in ch.query(
        "SELECT DISTINCT workspace_id, provider, model FROM rates FINAL"
        " WHERE rate_version = {number:UInt32} AND workspace_id != 0",
        {"number": version.number},
    ):
        keys[row["workspace_id"]].add((row["provider"], row["model"]))
    return keys


def lead_to(pair: Pair, own: set[tuple[str, str]]) -> tuple[str, str]:
    """Return the key of the rate for a pair of names; two empty texts where there is none."""
    _, provider, model = pair
    if (name := named(pair)) in own:
        return name
    resolved = resolve_model(provider, model)
    return (resolved.provider, resolved.model) if resolved is not None else ("", "")


def named(pair: Pair) -> tuple[str, str]:
    """Return the key that a workspace's own rate for a pair of names is published under."""
    _, provider, model = pair
    return catalogue_provider(provider) if provider.strip() else "", model.strip().lower()
