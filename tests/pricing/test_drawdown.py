from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from finops.pricing.drawdown import drawdown
from finops.pricing.spend_commitment import SpendCommitment

START = datetime(2026, 1, 1, tzinfo=UTC)
END = datetime(2027, 1, 1, tzinfo=UTC)
SPENT = {"azure.ai.openai": Decimal(300), "azure": Decimal(100), "openai": Decimal(50)}


def promise(provider: str) -> SpendCommitment:
    return SpendCommitment(
        provider=provider, committed_usd=Decimal(1000), valid_from=START, valid_to=END
    )


@pytest.mark.parametrize(
    ("provider", "drawn"), [("azure", 400), ("openai", 50), ("*", 450), ("aws", 0)]
)
def test_every_name_of_the_provider_counts(provider: str, drawn: int) -> None:
    stands = drawdown(promise(provider), SPENT, now=START)
    assert stands.drawn_usd == drawn
    assert stands.remaining_usd == 1000 - drawn
    assert stands.drawn_share == Decimal(drawn) / 1000


def test_an_even_pace_is_by_time() -> None:
    # 73 of 365 days
    stands = drawdown(promise("*"), SPENT, now=datetime(2026, 3, 15, tzinfo=UTC))
    assert (stands.expected_usd, stands.over) == (Decimal(200), False)


def test_what_is_left_at_the_end_is_owed_and_more_than_promised_owes_nothing() -> None:
    after = datetime(2027, 6, 1, tzinfo=UTC)
    short = drawdown(promise("azure"), SPENT, now=after)
    assert short.over
    assert (short.shortfall_usd, short.expected_usd) == (Decimal(600), Decimal(1000))
    beyond = drawdown(promise("azure"), {"azure": Decimal(1200)}, now=after)
    assert beyond.shortfall_usd == 0
