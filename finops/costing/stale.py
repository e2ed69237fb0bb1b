"""Which charges carry rates that differ from those of now: found in the ledger itself.

Whatever changed (an override, a catalogue, which model a name leads to), a charge names the rate
version that it came from. So for each pair of names that a workspace's charges carry, the rates
that they led to then are compared with those that they lead to now, and only the time in which a
price differs has to be priced anew.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from finops.clickhouse.client import Warehouse
from finops.pricing.aliases import ensure_aliases
from finops.pricing.difference import changes_of
from finops.pricing.list_names import list_names
from finops.pricing.models import RateVersion
from finops.pricing.rate import BEGINNING, FOREVER, Rate
from finops.pricing.rate_row import rate_of
from finops.pricing.workspace_rates import deployment_in

HOUR = timedelta(hours=1)
# Versions of a charge lie in one partition, and a search may go over two years of them.
BY_PARTITION = {"do_not_merge_across_partitions_select_final": 1}
Span = tuple[datetime, datetime]
Key = tuple[str, str]  # provider, model
EVER: Span = (BEGINNING, FOREVER)

CHARGED = """
SELECT provider, model, rate_version,
    min(started_at) AS first, max(started_at) AS last, count() AS calls
FROM charges FINAL
WHERE workspace_id = {workspace:UInt64} AND counted
    AND started_at >= {start:DateTime64(6, 'UTC')} AND started_at < {end:DateTime64(6, 'UTC')}
    AND rate_version != {number:UInt32}
GROUP BY provider, model, rate_version
"""
ALIASES = """
SELECT rate_version, provider, model, rate_provider, rate_model
FROM rate_aliases FINAL
WHERE workspace_id = {workspace:UInt64} AND rate_version IN {versions:Array(UInt32)}
"""
RATES = """
SELECT * FROM rates FINAL
WHERE rate_version IN {versions:Array(UInt32)} AND workspace_id IN (0, {workspace:UInt64})
    AND (provider, model) IN (
        SELECT rate_provider, rate_model FROM rate_aliases
        WHERE workspace_id = {workspace:UInt64} AND rate_version IN {versions:Array(UInt32)})
"""
LIST_RATES = """
SELECT * FROM rates FINAL
WHERE rate_version IN {versions:Array(UInt32)} AND workspace_id = 0
    AND (provider, model) IN (
        SELECT key.1, key.2
        FROM (SELECT arrayJoin(arrayZip({providers:Array(String)}, {models:Array(String)})) AS key))
"""


@dataclass(frozen=True, slots=True)
class Stale:
    """Spans of whole hours with charges whose rates differ now, and the versions they carry."""

    spans: list[Span]
    versions: list[int]


@dataclass(frozen=True, slots=True)
class Charged:
    """Charges of one pair of names under one rate version."""

    provider: str
    model: str
    rate_version: int
    first: datetime
    last: datetime
    calls: int


def find_stale(
    ch: Warehouse,
    rates: RateVersion,
    workspace_id: int,
    start: datetime,
    end: datetime,
    *,
    now: datetime,
) -> Stale:
    """Return where charges of [start, end) would cost something else by `rates`."""
    bounds = {"workspace": workspace_id, "start": start, "end": end, "number": rates.number}
    charged = [Charged(**row) for row in ch.query(CHARGED, bounds, settings=BY_PARTITION)]
    if not charged:
        return Stale([], [])
    known = Known(ch, rates, workspace_id, charged, now)
    spans: list[Span] = []
    versions = set()
    for one in charged:
        found = known.spans_of(one)
        if found:
            versions.add(one.rate_version)
            spans += found
    return Stale(merge(whole_hours(span) for span in spans), sorted(versions))


class Known:
    """The rates that names led to in some versions, and lead to now; loaded at once."""

    def __init__(
        self,
        ch: Warehouse,
        rates: RateVersion,
        workspace_id: int,
        charged: Sequence[Charged],
        now: datetime,
    ) -> None:
        self.workspace_id, self.number = workspace_id, rates.number
        versions = sorted({one.rate_version for one in charged} | {rates.number})
        asked = {"workspace": workspace_id, "versions": versions}
        self.aliases = aliases_of(ch, asked)
        missing = {
            (workspace_id, one.provider, one.model)
            for one in charged
            if one.model and (rates.number, one.provider, one.model) not in self.aliases
        }
        if missing:
            ensure_aliases(ch, rates, missing, now=now)
            self.aliases = aliases_of(ch, asked)
        self.rates: dict[tuple[int, Key], list[Rate]] = defaultdict(list)
        self.load(ch.query(RATES, asked))
        own = {(p, m) for (version, p, m), key in self.aliases.items() if self.owns(version, key)}
        # What the list calls a name that has a price of its own, and when.
        self.behind: dict[Key, list[tuple[Key, Span]]] = defaultdict(list)
        for name in list_names((workspace_id, p, m) for p, m in sorted(own)) if own else []:
            _, provider, model, list_provider, list_model, start, end = name
            self.behind[provider, model].append(((list_provider, list_model), (start, end)))
        keys = {key for named in self.behind.values() for key, _ in named}
        if keys := {key for key in keys if not any(known[1] == key for known in self.rates)}:
            providers, models = [key[0] for key in sorted(keys)], [key[1] for key in sorted(keys)]
            self.load(ch.query(LIST_RATES, {**asked, "providers": providers, "models": models}))

    def load(self, rows: Iterable[dict[str, Any]]) -> None:
        for row in rows:
            rate = rate_of(row)
            self.rates[row["rate_version"], (rate.provider, rate.model)].append(rate)

    def owns(self, version: int, key: Key) -> bool:
        return any(rate.workspace_id for rate in self.rates.get((version, key), ()))

    def spans_of(self, one: Charged) -> list[Span]:
        """Return when, while these charges were made, their prices differ from those of now."""
        before = self.rates_of(one, one.rate_version)
        after = self.rates_of(one, self.number)
        old, new = holding(before, self.workspace_id), holding(after, self.workspace_id)
        found = [*differing(old, new), *other_deployments(old, new)]
        # The list price is kept beside the contract's, so both have to be the same.
        behind: Sequence[tuple[Key | None, Span]] = self.behind.get((one.provider, one.model), [])
        for key, (start, end) in behind or [(None, EVER)]:
            listed = differing(
                self.listed(one.rate_version, key, before), self.listed(self.number, key, after)
            )
            found += [(max(span[0], start), min(span[1], end)) for span in listed]
        last = one.last + timedelta(microseconds=1)
        cut = [(max(start, one.first), min(end, last)) for start, end in found]
        return [(start, end) for start, end in cut if start < end]

    def listed(self, version: int, key: Key | None, rates: Sequence[Rate]) -> list[Rate]:
        """Return the list's prices for a name that leads to some rates; `key` is behind its own."""
        if key is not None and any(rate.workspace_id for rate in rates):
            return holding(self.rates.get((version, key), ()), 0)
        return holding(rates, 0)

    def rates_of(self, one: Charged, version: int) -> list[Rate]:
        key = self.aliases.get((version, one.provider, one.model))
        return self.rates.get((version, key), []) if key is not None else []


def differing(old: Sequence[Rate], new: Sequence[Rate]) -> list[Span]:
    """Return when a price differs in any tier or region."""
    tiers = {(rate.service_tier, rate.region) for rate in (*old, *new)}
    changes = changes_of(filled(old, tiers), filled(new, tiers))
    return [(change.valid_from, change.valid_to) for change in changes]


def other_deployments(old: Sequence[Rate], new: Sequence[Rate]) -> list[Span]:
    """Return when a name has another model behind it: the same price may be set against another."""
    return [
        (max(was.valid_from, is_now.valid_from), min(was.valid_to, is_now.valid_to))
        for was in old
        for is_now in new
        if deployment_in(was.source) != deployment_in(is_now.source)
    ]


def aliases_of(ch: Warehouse, asked: dict[str, Any]) -> dict[tuple[int, str, str], Key]:
    return {
        (row["rate_version"], row["provider"], row["model"]): (
            row["rate_provider"],
            row["rate_model"],
        )
        for row in ch.query(ALIASES, asked)
    }


def holding(rates: Iterable[Rate], workspace_id: int) -> list[Rate]:
    """Return what holds for a workspace: its own timeline where there is one, else the list's."""
    found = list(rates)
    own = [rate for rate in found if rate.workspace_id == workspace_id]
    return own or [rate for rate in found if not rate.workspace_id]


def filled(rates: Sequence[Rate], tiers: Iterable[tuple[str, str]]) -> list[Rate]:
    """Give every tier and region a timeline: one without its own is charged as the general one."""
    complete = []
    for tier, region in sorted(tiers):
        for asked in ((tier, region), (tier, ""), ("", region), ("", "")):
            fitting = [rate for rate in rates if (rate.service_tier, rate.region) == asked]
            if fitting:
                complete += [replace(r, service_tier=tier, region=region) for r in fitting]
                break
    return complete


def whole_hours(span: Span) -> Span:
    start, end = (moment.replace(minute=0, second=0, microsecond=0) for moment in span)
    return start, end if end == span[1] else end + HOUR


def merge(spans: Iterable[Span]) -> list[Span]:
    """Return spans in order, those that touch or overlap as one."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def cut_out(span: Span, holes: Iterable[Span]) -> list[Span]:
    """Return what is left of a span where some others are cut out of it."""
    left, begin = [], span[0]
    for start, end in sorted(holes):
        if end <= begin or start >= span[1]:
            continue
        if start > begin:
            left.append((begin, start))
        begin = max(begin, end)
    return [*left, (begin, span[1])] if begin < span[1] else left
