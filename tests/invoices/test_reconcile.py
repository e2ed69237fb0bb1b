"""Each reason with the numbers that show it, worked by hand; the sums hold whatever the numbers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finops.invoices.line import CATEGORIES, CREDIT, TAX, USAGE
from finops.invoices.reasons import TITLES
from finops.invoices.reconcile import Reconciliation, Row, reconcile
from finops.invoices.rows import BilledLine, CapturedHour, Terms, Tokens

FIRST = date(2026, 11, 1)
NOON = 12


def day(number: int) -> date:
    return FIRST + timedelta(days=number - 1)


def tokens(input: int, output: int = 0, cache_read: int = 0) -> Tokens:
    return Tokens(input=Decimal(input), output=Decimal(output), cache_read=Decimal(cache_read))


def bill(
    number: int,
    usd: str | None,
    *,
    model: str = "gpt-4o",
    counted: Tokens | None = None,
    category: str = USAGE,
    source: str = "openai.cost",
    meter: str = "input",
    lines: int = 1,
) -> BilledLine:
    return BilledLine(
        day=day(number),
        provider="openai",
        model=model,
        source=source,
        usd=None if usd is None else Decimal(usd),
        priced=usd is not None,
        category=category,
        meter=meter,
        tokens=counted,
        lines=lines,
    )


def calls(
    number: int,
    usd: str,
    *,
    model: str = "gpt-4o",
    counted: Tokens | None = None,
    count: int = 10,
    unpriced: int = 0,
    hour: int = NOON,
    provider: str = "openai",
) -> CapturedHour:
    return CapturedHour(
        hour=datetime(2026, 11, 1, hour, tzinfo=UTC) + timedelta(days=number - 1),
        provider=provider,
        model=model,
        usd=Decimal(usd),
        calls=count,
        unpriced_calls=unpriced,
        tokens=counted or Tokens(),
    )


def compare(
    billed: Sequence[BilledLine],
    captured: Sequence[CapturedHour],
    *,
    days: int = 1,
    terms: Terms | None = None,
) -> Reconciliation:
    return reconcile(billed, captured, [day(i + 1) for i in range(days)], terms or Terms())


def only(found: Reconciliation) -> Row:
    (row,) = found.rows
    return row


def test_equal_amounts_are_equal() -> None:
    row = only(compare([bill(1, "3.5")], [calls(1, "1.5"), calls(1, "2", hour=3)]))
    assert (row.reason, row.gap_usd, row.calls) == ("equal", Decimal(0), 20)


def test_a_model_without_a_call_was_not_captured_at_all() -> None:
    row = only(compare([bill(1, "4")], []))
    assert (row.reason, row.gap_usd, row.gap_share) == ("not_captured", Decimal(4), Decimal(1))


def test_more_tokens_billed_than_captured_were_captured_in_part() -> None:
    # 1,000,000 at $2.50 a million billed; 600,000 captured: $1.50.
    row = only(
        compare(
            [bill(1, "2.50", counted=tokens(1_000_000))],
            [calls(1, "1.50", counted=tokens(600_000))],
        )
    )
    assert (row.reason, row.gap_usd) == ("captured_partly", Decimal("1.00"))
    assert row.evidence == "600,000 of 1,000,000 billed tokens were captured (60.0 %)"


def test_missing_output_is_seen_although_all_tokens_together_agree() -> None:
    row = only(
        compare(
            [bill(1, "20", counted=tokens(10_000_000, 50_000))],
            [calls(1, "19", counted=tokens(10_000_000, 20_000))],
        )
    )
    assert row.reason == "captured_partly"
    assert row.evidence == "20,000 of 50,000 billed output tokens were captured (40.0 %)"


def test_equal_tokens_at_another_amount_are_another_price() -> None:
    # $2.50 a million at list; billed $2.125: 15 % off.
    row = only(
        compare(
            [bill(1, "2.125", counted=tokens(1_000_000))],
            [calls(1, "2.50", counted=tokens(1_000_000))],
        )
    )
    assert row.reason == "price_differs"
    assert row.evidence == ("tokens are equal; a discount of 15.00 % on the rate would explain it")


def test_half_the_price_is_called_what_it_is() -> None:
    row = only(
        compare([bill(1, "1.25", counted=tokens(10))], [calls(1, "2.50", counted=tokens(10))])
    )
    assert row.evidence.endswith("50.00 % on the rate would explain it, as batch processing has")


def test_a_price_above_the_rate_says_that_the_rate_is_too_low() -> None:
    row = only(
        compare([bill(1, "5.00", counted=tokens(10))], [calls(1, "4.00", counted=tokens(10))])
    )
    assert "the rate is 25.00 % too low" in row.evidence


def test_the_same_ratio_on_three_days_is_a_price_although_no_tokens_are_billed() -> None:
    billed = [bill(i, usd) for i, usd in ((1, "8"), (2, "16"), (3, "4"))]
    captured = [calls(i, usd) for i, usd in ((1, "10"), (2, "20"), (3, "5"))]
    found = compare(billed, captured, days=3)
    assert {row.reason for row in found.rows} == {"price_differs"}
    assert "a discount of 20.00 %" in found.rows[0].evidence


def test_without_tokens_and_without_a_pattern_nothing_is_claimed() -> None:
    row = only(compare([bill(1, "8")], [calls(1, "10")]))
    assert row.reason == "unexplained"
    assert "import the provider's usage export too" in row.evidence


def test_tokens_of_a_usage_export_serve_where_the_costs_count_none() -> None:
    usage = bill(1, None, counted=tokens(1_000), source="openai.usage")
    row = only(compare([bill(1, "8"), usage], [calls(1, "4", counted=tokens(500))]))
    assert row.reason == "captured_partly"
    assert row.billed_tokens == tokens(1_000)


def test_tokens_are_not_added_up_from_both_exports() -> None:
    usage = bill(1, None, counted=tokens(1_000), source="openai.usage")
    cost = bill(1, "8", counted=tokens(1_000))
    row = only(compare([cost, usage], [calls(1, "10", counted=tokens(1_000))]))
    assert (row.billed_tokens, row.reason) == (tokens(1_000), "price_differs")


def test_only_tokens_imported_is_no_bill_of_zero() -> None:
    usage = bill(1, None, counted=tokens(1_000), source="openai.usage")
    found = compare([usage], [calls(1, "4", counted=tokens(1_000))])
    assert only(found).reason == "no_amounts"
    assert found.total.capture_rate is None


def test_calls_without_a_price_explain_a_gap_where_tokens_agree() -> None:
    row = only(
        compare(
            [bill(1, "6", counted=tokens(100))],
            [calls(1, "2", counted=tokens(100), count=30, unpriced=20)],
        )
    )
    assert (row.reason, row.evidence) == ("unpriced", "20 of 30 calls have no price")


def test_the_same_tokens_cached_otherwise_cost_otherwise() -> None:
    row = only(
        compare(
            [bill(1, "2.0", counted=tokens(600, 0, 400))],
            [calls(1, "2.5", counted=tokens(1_000))],
        )
    )
    assert row.reason == "cache_split"
    assert "400 were billed as cache reads" in row.evidence


def test_twice_the_tokens_are_calls_that_arrived_twice() -> None:
    row = only(compare([bill(1, "2", counted=tokens(100))], [calls(1, "4", counted=tokens(200))]))
    assert row.reason == "over_captured"
    assert row.evidence.endswith("calls may arrive twice")


def test_gaps_of_neighbouring_days_that_cancel_are_the_days_boundary() -> None:
    found = compare([bill(1, "7"), bill(2, "13")], [calls(1, "10"), calls(2, "10")], days=2)
    assert [(row.gap_usd, row.reason) for row in found.rows] == [
        (Decimal(-3), "day_boundary"),
        (Decimal(3), "day_boundary"),
    ]
    assert found.rows[0].evidence == "the gap of 2026-11-02 cancels this one"
    assert found.total.gap_usd == 0


def test_the_hour_at_which_a_providers_day_starts_is_found() -> None:
    # $1 in every hour of the first days, $2 from the 4th on: in Pacific time (08:00 UTC) the day
    # of the 3rd ends 8 hours later, with 16 x $1 + 8 x $2 = $32.
    captured = [
        calls(number, "1" if number < 4 else "2", hour=hour, count=1)
        for number in range(0, 7)
        for hour in range(24)
    ]
    billed = [bill(i, usd) for i, usd in enumerate(["24", "24", "32", "48", "48"], start=1)]
    found = compare(billed, captured, days=5)
    rows = {row.day: row for row in found.rows}
    assert rows[day(3)].reason == "day_boundary"
    assert rows[day(3)].evidence == "fits if the provider's day starts at 08:00 UTC"
    assert rows[day(1)].reason == "equal"


def test_days_after_the_last_bill_are_not_billed_yet_and_leave_the_capture_rate_alone() -> None:
    found = compare([bill(1, "10")], [calls(1, "9"), calls(2, "50")], days=2)
    assert [row.reason for row in found.rows] == ["unexplained", "not_billed_yet"]
    assert found.total.capture_rate == Decimal("0.9")
    assert found.total.gap_usd == Decimal(10 - 59)


def test_a_model_that_the_bill_leaves_out_is_captured_and_not_billed() -> None:
    found = compare([bill(1, "10")], [calls(1, "10"), calls(1, "1", model="o3")])
    assert [(row.model, row.reason) for row in found.rows] == [
        ("gpt-4o", "equal"),
        ("o3", "not_billed"),
    ]


@pytest.mark.parametrize("category", [one for one in CATEGORIES if one != USAGE])
def test_what_is_no_usage_is_a_row_of_its_own_and_not_in_the_capture_rate(category: str) -> None:
    found = compare([bill(1, "10"), bill(1, "-2", category=category, model="")], [calls(1, "8")])
    rows = {row.category: row for row in found.rows}
    assert (rows[category].reason, rows[category].gap_usd) == (category, Decimal(-2))
    assert found.total.billed_usd == Decimal(8)
    assert found.total.capture_rate == Decimal("0.8")


def test_one_bill_under_two_accounts_is_billed_twice() -> None:
    row = only(
        compare([bill(1, "10"), bill(1, "10", source="openai.cost/org-sample")], [calls(1, "10")])
    )
    assert (row.billed_usd, row.reason) == (Decimal(20), "duplicate")
    assert "openai.cost/org-sample" in row.evidence


def test_half_a_cent_a_line_is_rounding_and_a_percent_is_tolerated() -> None:
    lines = [bill(1, "10.02", lines=4)]
    assert only(compare(lines, [calls(1, "10.00")])).reason == "rounding"
    assert only(compare([bill(1, "100")], [calls(1, "99.5")])).reason == "within_tolerance"
    strict = Terms(share=Decimal("0.001"), usd=Decimal("0.001"))
    assert only(compare([bill(1, "100")], [calls(1, "99.5")], terms=strict)).reason == "unexplained"


def test_a_currency_without_a_rate_is_neither_gap_nor_sum() -> None:
    line = BilledLine(
        day=day(1), provider="openai", model="gpt-4o", source="csv.openai", usd=None,
        currency="EUR", billed=Decimal("9.50"),
    )  # fmt: skip
    found = compare([line, bill(2, "3")], [calls(1, "10"), calls(2, "3")], days=2)
    row = found.rows[0]
    assert (row.reason, row.billed_usd, row.gap_usd) == ("currency", None, None)
    assert row.evidence == "9.50 EUR on the bill; enter an exchange rate for that day"
    assert (found.total.billed_usd, found.total.captured_usd) == (Decimal(3), Decimal(3))
    assert found.total.captured_aside_usd == Decimal(10)
    assert found.total.foreign == {"EUR": Decimal("9.50")}


def test_a_days_total_without_models_is_held_against_all_of_them() -> None:
    total = bill(1, "12", model="", meter="other")
    row = only(compare([total], [calls(1, "5"), calls(1, "7", model="o3")]))
    assert (row.reason, row.all_models, row.captured_usd) == ("equal", True, Decimal(12))


def test_a_line_without_a_model_beside_others_stays_by_itself() -> None:
    search = bill(1, "0.06", model="", meter="web_search")
    found = compare([bill(1, "10"), search], [calls(1, "10")])
    assert [(row.model, row.reason) for row in found.rows] == [
        ("", "no_model"),
        ("gpt-4o", "equal"),
    ]


def test_a_provider_that_no_line_is_from_is_told_aside() -> None:
    found = compare([bill(1, "10")], [calls(1, "10"), calls(1, "3", provider="groq")])
    assert found.not_invoiced == {"groq": Decimal(3)}
    assert found.total.captured_usd == Decimal(10)


def test_a_month_by_hand() -> None:
    """Captured $30.50 of $40: 20 + 8 + 2.5; a tax of $4 beside it; gap $13.50 by reason."""
    found = compare(
        [
            bill(1, "20"),
            bill(2, "10", counted=tokens(1_000)),
            bill(2, "4", category=TAX, model=""),
            bill(3, "5", model="o3"),
            bill(3, "5", counted=tokens(500)),
        ],
        [
            calls(1, "20"),
            calls(2, "8", counted=tokens(800)),
            calls(3, "2.5", counted=tokens(500)),
        ],
        days=3,
    )
    assert found.total.by_reason == {
        "not_captured": Decimal(5),
        TAX: Decimal(4),
        "price_differs": Decimal("2.5"),
        "captured_partly": Decimal(2),
        "equal": Decimal(0),
    }
    assert (found.total.billed_usd, found.total.captured_usd) == (Decimal(44), Decimal("30.5"))
    assert found.total.gap_usd == Decimal("13.5")
    assert found.total.capture_rate == Decimal("30.5") / Decimal(40)
    assert found.days[day(3)].gap_usd == Decimal("7.5")


AMOUNT = st.decimals(min_value=-100, max_value=10_000, places=12)
MODELS = st.sampled_from(["gpt-4o", "o3", ""])
BILLS = st.builds(
    BilledLine,
    day=st.integers(1, 5).map(day),
    provider=st.sampled_from(["openai", "anthropic"]),
    model=MODELS,
    source=st.sampled_from(["a", "b"]),
    usd=st.one_of(AMOUNT, st.none()),
    priced=st.booleans(),
    category=st.sampled_from([USAGE, USAGE, CREDIT]),
    meter=st.sampled_from(["input", "other"]),
    tokens=st.one_of(st.none(), st.builds(tokens, st.integers(0, 10**9), st.integers(0, 10**9))),
    currency=st.sampled_from(["USD", "EUR"]),
    billed=AMOUNT,
    lines=st.integers(1, 50),
)
CALLS = st.builds(
    CapturedHour,
    hour=st.integers(-24, 6 * 24).map(
        lambda hours: datetime(2026, 11, 1, tzinfo=UTC) + timedelta(hours=hours)
    ),
    provider=st.sampled_from(["openai", "anthropic", "groq"]),
    model=MODELS,
    usd=st.decimals(min_value=0, max_value=10_000, places=12),
    calls=st.integers(1, 100),
    unpriced_calls=st.integers(0, 3),
    tokens=st.builds(tokens, st.integers(0, 10**9), st.integers(0, 10**9)),
)


@given(st.lists(BILLS, max_size=25), st.lists(CALLS, max_size=40))
@settings(max_examples=70, deadline=None)
def test_the_gaps_sum_to_billed_minus_captured_and_every_gap_has_a_reason(
    billed: list[BilledLine], captured: list[CapturedHour]
) -> None:
    found = compare(billed, captured, days=5)
    comparable = [row for row in found.rows if row.gap_usd is not None]
    total = found.total
    assert sum(row.gap_usd or 0 for row in comparable) == total.billed_usd - total.captured_usd
    assert total.gap_usd == sum(total.by_reason.values(), Decimal(0))
    assert total.gap_usd == sum((one.gap_usd for one in found.providers.values()), Decimal(0))
    assert total.gap_usd == sum((one.gap_usd for one in found.days.values()), Decimal(0))
    assert all(row.reason in TITLES for row in found.rows)
    # Nothing that was captured is lost between the rows, the other currencies and the uninvoiced.
    inside = [one for one in captured if day(1) <= one.hour.date() <= day(5)]
    assert total.captured_usd + total.captured_aside_usd + sum(
        found.not_invoiced.values(), Decimal(0)
    ) == sum((one.usd for one in inside), Decimal(0))
    assert all(row.reason != "equal" or not row.gap_usd for row in found.rows)
