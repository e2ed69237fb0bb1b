"""How far a spend commitment is drawn down: pure, from sums by provider."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from finops.pricing.resolve import catalogue_provider
from finops.pricing.spend_commitment import EVERYTHING, SpendCommitment


@dataclass(frozen=True, slots=True)
class Drawdown:
    """What was spent of what was promised, in USD at contracted cost, discounts taken off.

    `shortfall_usd` is what would be owed if nothing more were spent; it is due once the term is
    over. `expected_usd` is what an even pace over the term would have drawn by now.
    """

    committed_usd: Decimal
    drawn_usd: Decimal
    expected_usd: Decimal
    over: bool

    @property
    def remaining_usd(self) -> Decimal:
        return max(self.committed_usd - self.drawn_usd, Decimal(0))

    @property
    def shortfall_usd(self) -> Decimal:
        return self.remaining_usd

    @property
    def drawn_share(self) -> Decimal:
        return self.drawn_usd / self.committed_usd


def drawdown(
    commitment: SpendCommitment, cost_by_provider: Mapping[str, Decimal], *, now: datetime
) -> Drawdown:
    """Sum what counts towards a commitment.

    `cost_by_provider` is the cost of the workspace's calls in the term, by the provider's name in
    calls.
    """
    counts = commitment.provider
    drawn = sum(
        (
            usd
            for name, usd in cost_by_provider.items()
            if counts in (EVERYTHING, catalogue_provider(name))
        ),
        Decimal(0),
    )
    whole_s = Decimal((commitment.valid_to - commitment.valid_from).total_seconds())
    passed_s = Decimal((min(now, commitment.valid_to) - commitment.valid_from).total_seconds())
    expected = commitment.committed_usd * max(passed_s, Decimal(0)) / whole_s
    return Drawdown(
        committed_usd=commitment.committed_usd,
        drawn_usd=drawn,
        expected_usd=expected.quantize(Decimal("1e-12")),
        over=now >= commitment.valid_to,
    )
