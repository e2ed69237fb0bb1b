"""Which of all that a workspace has agreed holds for a call; by hand, and for any terms."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finops.pricing.overrides import Contract
from finops.pricing.rate import BEGINNING, FOREVER, Prices, Rate
from finops.pricing.workspace_rates import Deployed, Key, Terms, workspace_rates

GPT: Key = ("openai", "gpt-4o")
MINI: Key = ("openai", "gpt-4o-mini")
CLAUDE: Key = ("anthropic", "claude")
OURS: Key = ("azure", "prod-chat")
JUNE = datetime(2026, 6, 1, tzinfo=UTC)
JULY = datetime(2026, 7, 1, tzinfo=UTC)
AUGUST = datetime(2026, 8, 1, tzinfo=UTC)
LISTED = {
    GPT: [
        Rate(*GPT, Prices(input=Decimal(100), output=Decimal(400)), uses={"page": Decimal(10)}),
        Rate(*GPT, Prices(input=Decimal(50), output=Decimal(200)), service_tier="batch"),
    ],
    MINI: [Rate(*MINI, Prices(input=Decimal(10), output=Decimal(40)))],
    CLAUDE: [Rate(*CLAUDE, Prices(input=Decimal(200), output=Decimal(800)))],
}


def contract(number: int, **given: Any) -> Contract:
    return Contract(
        **{
            "number": number,
            "service_tier": "any",
            "prices": {},
            "discount_percent": None,
            "valid_from": JUNE,
            "valid_to": None,
            **given,
        }
    )


def off(number: int, percent: int, **given: Any) -> Contract:
    return contract(number, discount_percent=Decimal(percent), wide=True, **given)


def promise(number: int, percent: int, **given: Any) -> Contract:
    return off(number, percent, kind="commitment", **given)


def agreed(
    contracts: dict[Key, list[Contract]] | None = None,
    commitments: dict[Key, list[Contract]] | None = None,
    deployments: dict[Key, list[Deployed]] | None = None,
) -> Terms:
    return Terms(3, contracts or {}, commitments or {}, deployments or {})


def behind(key: Key) -> Key | None:
    if key == ("openai", "gpt-4o-2024-08-06"):
        return GPT
    return key if key in LISTED else None


def rates(terms: Terms) -> list[Rate]:
    return list(workspace_rates(terms, LISTED, behind))


def rate_at(terms: Terms, key: Key, at: datetime, tier: str = "", region: str = "") -> Rate | None:
    found = [
        rate
        for rate in rates(terms)
        if (rate.provider, rate.model, rate.service_tier, rate.region) == (*key, tier, region)
        and rate.valid_from <= at < rate.valid_to
    ]
    assert len(found) <= 1
    return found[0] if found else None


def input_at(terms: Terms, key: Key, at: datetime, **where: str) -> Decimal | None:
    rate = rate_at(terms, key, at, **where)
    return None if rate is None else rate.prices.input


def test_a_discount_on_a_provider_holds_for_all_its_models_and_for_nobody_elses() -> None:
    terms = agreed({("openai", "*"): [off(1, 10)]})

    assert input_at(terms, GPT, JUNE) == Decimal(90)
    assert input_at(terms, GPT, JUNE, tier="batch") == Decimal(45)
    assert input_at(terms, MINI, JUNE) == Decimal(9)
    assert input_at(terms, GPT, JUNE - timedelta(seconds=1)) == Decimal(100)
    assert {(rate.provider, rate.model) for rate in rates(terms)} == {GPT, MINI}


def test_a_discount_comes_off_what_is_billed_by_use_as_well() -> None:
    rate = rate_at(agreed({("*", "*"): [off(1, 25)]}), GPT, JUNE)
    assert rate is not None
    assert rate.uses == {"page": Decimal("7.5")}


def test_the_narrower_agreement_goes_first_and_discounts_do_not_add_up() -> None:
    terms = agreed(
        {
            GPT: [contract(1, prices={"input": Decimal(70_000_000)}, valid_to=JULY)],
            ("openai", "*"): [off(2, 10)],
            ("*", "*"): [off(3, 50)],
        }
    )

    assert input_at(terms, GPT, JUNE) == Decimal(70)
    assert input_at(terms, GPT, JULY) == Decimal(90)
    assert input_at(terms, MINI, JUNE) == Decimal(9)
    assert input_at(terms, CLAUDE, JUNE) == Decimal(100)
    rate = rate_at(terms, GPT, JUNE)
    assert rate is not None
    # what the contract doesn't name stays at list price
    assert (rate.prices.output, rate.source) == (Decimal(400), "override 1")


@pytest.mark.parametrize(
    ("on_top", "gpt", "mini", "claude"),
    [(False, 70, Decimal(9), 160), (True, 56, Decimal("7.2"), 160)],
)
def test_a_commitment_comes_off_the_list_or_also_off_contract_rates(
    on_top: bool, gpt: int, mini: Decimal, claude: int
) -> None:
    terms = agreed(
        {
            GPT: [contract(1, prices={"input": Decimal(70_000_000)})],
            ("openai", "*"): [off(2, 10)],
        },
        {("*", "*"): [promise(1, 20, on_top=on_top, valid_to=AUGUST)]},
    )

    assert input_at(terms, GPT, JUNE) == Decimal(gpt)
    assert input_at(terms, MINI, JUNE) == mini
    assert input_at(terms, CLAUDE, JUNE) == Decimal(claude)
    assert input_at(terms, CLAUDE, AUGUST) == Decimal(200)
    rate = rate_at(terms, GPT, JUNE)
    assert rate is not None
    assert rate.source == ("override 1, commitment 1" if on_top else "override 1")


def test_a_deployment_costs_what_its_model_costs_at_the_time() -> None:
    terms = agreed(
        {GPT: [contract(1, discount_percent=Decimal(10))]},
        deployments={
            OURS: [
                Deployed(4, GPT, JUNE, JULY),
                Deployed(5, MINI, AUGUST, None),
            ]
        },
    )

    assert input_at(terms, OURS, JUNE - timedelta(seconds=1)) is None
    assert input_at(terms, OURS, JUNE) == Decimal(90)
    assert input_at(terms, OURS, JUNE, tier="batch") == Decimal(45)
    assert input_at(terms, OURS, JULY) is None
    assert input_at(terms, OURS, AUGUST) == Decimal(10)
    rate = rate_at(terms, OURS, AUGUST)
    assert rate is not None
    assert (rate.workspace_id, rate.source) == (3, ", deployment 5")


def test_a_contract_on_the_deployment_itself_goes_before_one_on_its_model() -> None:
    terms = agreed(
        {
            OURS: [contract(1, discount_percent=Decimal(30))],
            GPT: [contract(2, discount_percent=Decimal(10))],
        },
        deployments={OURS: [Deployed(4, GPT, JUNE, None)]},
    )
    assert input_at(terms, OURS, JUNE) == Decimal(70)


def test_a_contract_on_a_snapshot_leaves_the_contract_on_its_model_around_it() -> None:
    snapshot = ("openai", "gpt-4o-2024-08-06")
    terms = agreed(
        {
            snapshot: [contract(1, discount_percent=Decimal(30), valid_to=JULY)],
            GPT: [contract(2, discount_percent=Decimal(10))],
        }
    )
    assert input_at(terms, snapshot, JUNE) == Decimal(70)
    assert input_at(terms, snapshot, JULY) == Decimal(90)


def test_a_price_for_one_region_holds_there_and_the_general_one_elsewhere() -> None:
    terms = agreed(
        {
            GPT: [
                contract(1, discount_percent=Decimal(10)),
                contract(2, prices={"input": Decimal(110_000_000)}, region="eu", valid_to=JULY),
            ]
        }
    )

    assert input_at(terms, GPT, JUNE) == Decimal(90)
    assert input_at(terms, GPT, JUNE, region="eu") == Decimal(110)
    assert input_at(terms, GPT, JULY, region="eu") == Decimal(90)
    assert input_at(terms, GPT, JUNE, tier="batch", region="eu") == Decimal(110)


def test_a_model_of_the_workspaces_own_takes_its_price_from_the_contract_alone() -> None:
    house = ("vllm", "house-7b")
    terms = agreed(
        {
            house: [
                contract(1, prices={"input": Decimal(2)}, uses={"audio_ms": Decimal("0.5")}),
            ],
            ("*", "*"): [off(2, 50)],
        }
    )
    rate = rate_at(terms, house, JUNE)
    assert rate is not None
    assert (rate.prices.input, rate.uses) == (Decimal("0.000002"), {"audio_ms": Decimal("0.5")})
    assert rate_at(terms, house, JUNE - timedelta(seconds=1)) is None


def test_a_wide_discount_opens_no_tier_that_a_model_is_not_sold_in() -> None:
    terms = agreed({("openai", "*"): [off(1, 50, service_tier="batch")]})
    assert input_at(terms, GPT, JUNE, tier="batch") == Decimal(25)
    assert rate_at(terms, MINI, JUNE, tier="batch") is None
    assert input_at(terms, MINI, JUNE) == Decimal(10)


MOMENTS = st.integers(0, 400).map(lambda days: JUNE + timedelta(days=days))
SPANS = st.tuples(MOMENTS, MOMENTS).filter(lambda span: span[0] < span[1])


@st.composite
def any_terms(draw: st.DrawFn) -> Terms:
    def some(key_of: Any, **given: Any) -> dict[Key, list[Contract]]:
        made: dict[Key, list[Contract]] = defaultdict(list)
        for number, (start, end) in enumerate(draw(st.lists(SPANS, max_size=3))):
            key = draw(st.sampled_from(key_of))
            if any(c.valid_from < end and start < c.until for c in made[key]):
                continue  # two of one key never hold at once
            tier = draw(st.sampled_from(["any", "", "batch"]))
            percent = Decimal(draw(st.integers(0, 100)))
            made[key].append(
                contract(
                    number,
                    service_tier=given.get("service_tier", tier),
                    discount_percent=percent,
                    valid_from=start,
                    valid_to=end,
                    wide=key[1] == "*",
                    region=draw(st.sampled_from(["", "", "eu"])),
                    on_top=draw(st.booleans()) if "kind" in given else False,
                    **{name: value for name, value in given.items() if name == "kind"},
                )
            )
        return made

    wide: list[Key] = [("openai", "*"), ("*", "*")]
    spans = draw(st.lists(MOMENTS, min_size=4, max_size=4, unique=True).map(sorted))
    deployed = [Deployed(1, GPT, spans[0], spans[1]), Deployed(2, MINI, spans[2], spans[3])]
    return agreed(
        some([GPT, MINI, ("openai", "gpt-4o-2024-08-06"), OURS, *wide]),
        some(wide, kind="commitment", service_tier="any"),
        draw(st.sampled_from([{}, {OURS: deployed}])),
    )


@settings(max_examples=60)
@given(any_terms())
def test_any_terms_leave_no_gap_and_no_overlap(terms: Terms) -> None:
    timelines: dict[tuple[str, ...], list[Rate]] = defaultdict(list)
    for rate in rates(terms):
        timelines[rate.provider, rate.model, rate.service_tier, rate.region].append(rate)
    for key, timeline in timelines.items():
        ordered = sorted(timeline, key=lambda rate: rate.valid_from)
        for earlier, later in pairwise(ordered):
            assert earlier.valid_to <= later.valid_from
            assert earlier.valid_to == later.valid_from or key[:2] == OURS
        if key[:2] != OURS:
            assert (ordered[0].valid_from, ordered[-1].valid_to) == (BEGINNING, FOREVER)


@settings(max_examples=60)
@given(any_terms())
def test_a_region_has_every_tier_that_there_is_without_one(terms: Terms) -> None:
    tiers: dict[tuple[str, str], dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for rate in rates(terms):
        tiers[rate.provider, rate.model][rate.region].add(rate.service_tier)
    for key, by_region in tiers.items():
        if key != OURS:
            assert all(found >= by_region[""] for found in by_region.values()), key


@settings(max_examples=60)
@given(any_terms(), MOMENTS)
def test_a_discount_never_makes_dearer_and_never_pays_back(terms: Terms, at: datetime) -> None:
    for key in (GPT, MINI, CLAUDE):
        rate = rate_at(terms, key, at)
        listed = LISTED[key][0].prices
        if rate is not None and rate.prices.input is not None and listed.input is not None:
            assert 0 <= rate.prices.input <= listed.input


@given(
    st.decimals(0, 1_000_000, places=6),
    st.decimals(0, 100, places=4),
    st.integers(0, 10**9),
    st.integers(0, 10**9),
)
def test_a_charge_is_linear_in_tokens_under_any_discount(
    per_million: Decimal, percent: Decimal, some: int, more: int
) -> None:
    listed = {GPT: [Rate(*GPT, Prices(input=per_million / 1_000_000))]}
    terms = agreed({GPT: [contract(1, discount_percent=percent)]})
    (_, rate) = workspace_rates(terms, listed, behind)
    usd = rate.prices.input
    assert usd is not None
    assert some * usd + more * usd == (some + more) * usd
    # exactly the percentage, within half of the last of 18 places for each token
    off_list = per_million / 1_000_000 * (100 - percent) / 100
    assert abs(usd - off_list) <= Decimal("5e-19")


def test_the_same_terms_are_published_the_same() -> None:
    terms = agreed(
        {("openai", "*"): [off(1, 10)], GPT: [contract(2, prices={"input": Decimal(1)})]}
    )
    swapped = replace(terms, contracts=dict(reversed(list(terms.contracts.items()))))
    assert rates(terms) == rates(swapped)
