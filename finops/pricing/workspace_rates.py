"""The rates of a workspace that has agreed anything: pure, from list prices and terms to rates.

What goes first, for one call: a contract rate on the name that the call gives, then on the model
behind it, then a discount on the provider, then one on everything, then what a commitment gives on
the provider, then on everything, then the list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from finops.pricing.overrides import Contract, apply_contracts
from finops.pricing.rate import BEGINNING, FOREVER, Rate

Key = tuple[str, str]
EVERY = "*"
DEPLOYMENT = ", deployment "


@dataclass(frozen=True, slots=True)
class Deployed:
    """The model that a name of the workspace's own stands for, for a time."""

    number: int
    model: Key
    valid_from: datetime
    valid_to: datetime | None

    @property
    def until(self) -> datetime:
        return self.valid_to or FOREVER


@dataclass(frozen=True, slots=True)
class Terms:
    """All that one workspace has agreed, by provider and model; the model '*' is every model.

    `commitments` are the discounts that come with promised spend, always for the model '*'.
    """

    workspace_id: int
    contracts: Mapping[Key, Sequence[Contract]]
    commitments: Mapping[Key, Sequence[Contract]]
    deployments: Mapping[Key, Sequence[Deployed]]


@dataclass(frozen=True, slots=True)
class Segment:
    """A time in which one model stands behind a name; None: nobody knows which."""

    start: datetime
    end: datetime
    model: Key | None
    deployment: int | None = None


def workspace_rates(
    terms: Terms,
    listed: Mapping[Key, Sequence[Rate]],
    behind: Callable[[Key], Key | None],
) -> Iterator[Rate]:
    """Yield a whole timeline for each name that the workspace pays its own price for.

    `listed` are the list prices, `behind` says which of them a name leads to.
    """
    for key in sorted(own_keys(terms, listed)):
        for segment in segments(terms.deployments.get(key, ()), behind(key)):
            yield from rates_of(terms, key, segment, listed, behind)


def own_keys(terms: Terms, listed: Mapping[Key, Sequence[Rate]]) -> set[Key]:
    agreed = {*terms.contracts, *terms.commitments}
    wide = {provider for provider, model in agreed if model == EVERY}
    keys = {key for key in agreed if key[1] != EVERY} | set(terms.deployments)
    return keys | {key for key in listed if EVERY in wide or key[0] in wide}


def segments(deployments: Sequence[Deployed], otherwise: Key | None) -> Iterator[Segment]:
    """Cut all time where another model comes to stand behind a name."""
    free = BEGINNING
    for each in sorted(deployments, key=lambda deployed: deployed.valid_from):
        start, end = max(each.valid_from, BEGINNING), min(each.until, FOREVER)
        if free < start:
            yield Segment(free, start, otherwise)
        if start < end:
            yield Segment(start, end, each.model, each.number)
            free = end
    if free < FOREVER:
        yield Segment(free, FOREVER, otherwise)


def rates_of(
    terms: Terms,
    key: Key,
    segment: Segment,
    listed: Mapping[Key, Sequence[Rate]],
    behind: Callable[[Key], Key | None],
) -> Iterator[Rate]:
    model = segment.model
    names = [key] if model is None else [key, model, behind(model) or model]
    found = apply_contracts(
        terms.workspace_id,
        key,
        listed.get(names[-1], ()),
        layers(terms, list(dict.fromkeys(names))),
        start=segment.start,
        end=segment.end,
    )
    if segment.deployment is None:
        yield from found
        return
    for rate in found:
        yield replace(rate, source=f"{rate.source}{DEPLOYMENT}{segment.deployment}")


def deployment_in(source: str) -> str:
    """Return the number of the deployment that a rate's source names, or an empty text."""
    return source.rpartition(DEPLOYMENT)[2] if DEPLOYMENT in source else ""


def layers(terms: Terms, names: Sequence[Key]) -> Iterator[Contract]:
    """Yield what may hold for a call in the order in which it goes first."""
    for name in names:
        yield from places_first(terms.contracts.get(name, ()))
    billed_by = names[-1][0]
    for agreed in (terms.contracts, terms.commitments):
        for provider in (billed_by, EVERY):
            yield from places_first(agreed.get((provider, EVERY), ()))


def places_first(contracts: Sequence[Contract]) -> list[Contract]:
    """What is agreed for one region goes before what is agreed for all of them."""
    return sorted(contracts, key=lambda contract: not contract.region)
