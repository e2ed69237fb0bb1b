"""Each format says what it bills: golden lines of the sample exports, each known by its look."""

from __future__ import annotations

import csv
import gzip
import io
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from finops.invoices.billed_model import is_known, meeting_name
from finops.invoices.line import Covered
from finops.invoices.read import MORE_PAGES
from tests.invoices.samples import FILES, MAPPING, read_bytes, read_sample, sample, short

DAY = date(2026, 11, 1)
SONNET = "claude-sonnet-4-5-20250929"
GOLDEN: dict[str, tuple[str, list[tuple[Any, ...]]]] = {
    "openai_costs.json": (
        "openai_costs",
        [
            ("gpt-4o-2024-08-06", "", "input", "usage", "1000000", "2.5"),
            ("gpt-4o-2024-08-06", "", "cache_read", "usage", "500000", "0.625"),
            ("gpt-4o-2024-08-06", "", "output", "usage", "100000", "1"),
            ("", "", "web_search", "usage", None, "0.06000000000000001"),
        ],
    ),
    "openai_dashboard_cost.csv": (
        "openai_csv",
        [
            ("gpt-4o-2024-08-06", "", "input", "usage", "1000000", "2.5"),
            ("gpt-4o-2024-08-06", "", "cache_read", "usage", "500000", "0.625"),
            ("gpt-4o-2024-08-06", "", "output", "usage", "100000", "1"),
        ],
    ),
    "openai_usage.json": (
        "openai_usage",
        [
            ("gpt-4o-2024-08-06", "", "input", "usage", "1000000", None),
            ("gpt-4o-2024-08-06", "", "cache_read", "usage", "500000", None),
            ("gpt-4o-2024-08-06", "", "output", "usage", "100000", None),
            ("gpt-4o-mini-2024-07-18", "batch", "input", "usage", "20000", None),
            ("gpt-4o-mini-2024-07-18", "batch", "output", "usage", "5000", None),
        ],
    ),
    "openai_dashboard_usage.csv": (
        "openai_usage_csv",
        [
            ("gpt-4o-2024-08-06", "", "input", "usage", "1000000", None),
            ("gpt-4o-2024-08-06", "", "cache_read", "usage", "500000", None),
            ("gpt-4o-2024-08-06", "", "output", "usage", "100000", None),
        ],
    ),
    # cents: "123.78912" is $1.2378912
    "anthropic_cost.json": (
        "anthropic_cost",
        [
            (SONNET, "", "input", "usage", None, "3"),
            (SONNET, "batch", "output", "usage", None, "0.375"),
            ("", "", "web_search", "usage", None, "1.2378912"),
        ],
    ),
    "anthropic_usage.json": (
        "anthropic_usage",
        [
            (SONNET, "", "input", "usage", "1000000", None),
            (SONNET, "", "cache_read", "usage", "200", None),
            (SONNET, "", "cache_write_5m", "usage", "500", None),
            (SONNET, "", "cache_write_1h", "usage", "1000", None),
            (SONNET, "", "output", "usage", "50000", None),
            (SONNET, "", "web_search", "usage", None, None),
        ],
    ),
    "anthropic_console_cost.csv": (
        "anthropic_csv",
        [
            ("Claude Sonnet 4.5", "", "input", "usage", None, "3"),
            ("Claude Sonnet 4.5", "", "cache_write_1h", "usage", None, "0.6"),
            ("Claude Haiku 4.5", "batch", "output", "usage", None, "0.02"),
        ],
    ),
    "anthropic_console_usage.csv": (
        "anthropic_usage_csv",
        [
            (SONNET, "", "input", "usage", "1000000", None),
            (SONNET, "", "cache_write_1h", "usage", "100000", None),
            (SONNET, "", "output", "usage", "50000", None),
            (SONNET, "", "web_search", "usage", None, None),
        ],
    ),
    "aws_cur2.csv": (
        "aws_cur",
        [
            ("claude-sonnet-4-5", "", "input", "usage", "1000000", "3.3"),
            ("claude-sonnet-4-5", "", "cache_read", "usage", "200000", "0.066"),
            ("nova-2-0-lite", "flex", "output", "usage", "10000", "0.0125"),
            ("claude-opus-4-5", "", "output", "usage", "50000", "0.75"),
            ("claude-sonnet-4-5", "", "input", "credit", None, "-1"),
            ("", "", "other", "tax", None, "0.62"),
        ],
    ),
    "aws_focus.csv": (
        "focus",
        [
            ("claude-sonnet-4-5", "", "input", "usage", "1000000", "3.3"),
            ("Llama3-3-70B", "", "output", "usage", "694400", "0.5"),
            ("claude-sonnet-4-5", "", "input", "refund", None, "-0.2"),
        ],
    ),
    "azure_focus.csv": (
        "focus",
        [
            ("gpt-4o", "", "input", "usage", "1000000", "2.5"),
            ("gpt-4o", "", "cache_read", "usage", "100000", "0.125"),
            ("provisioned-managed", "", "session", "commitment", None, "260"),
        ],
    ),
    "gcp_focus.csv": (
        "focus",
        [
            ("gemini-2.5-flash", "", "input", "usage", "1000000", "0.3"),
            ("gemini-2.5-flash", "", "reasoning", "usage", "100000", "0.25"),
            ("gemini-2.5-flash", "", "cache_read", "usage", "333000", "0.01"),
        ],
    ),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_a_sample_is_known_by_its_own_look_and_says_what_was_billed(name: str) -> None:
    format, lines = GOLDEN[name]
    reading = read_sample(name)
    assert reading.format == format
    assert reading.problems == []
    assert [short(line) for line in reading.lines] == lines


def test_every_sample_has_golden_lines() -> None:
    files = {file.name for file in FILES.iterdir() if file.suffix in (".csv", ".json")}
    assert files == {*GOLDEN, "mistral.csv", "mistral.mapping.json"}


@pytest.mark.parametrize(
    ("name", "bill", "account", "project"),
    [
        ("openai_costs.json", "openai.cost", "", "proj_support"),
        ("openai_dashboard_cost.csv", "openai.cost", "org-sample", "proj_support"),
        ("anthropic_cost.json", "anthropic.cost", "", "wrkspc_sample"),
        ("aws_cur2.csv", "aws", "111122223333", "444455556666"),
        ("aws_focus.csv", "aws", "111122223333", "444455556666"),
        (
            "azure_focus.csv", "azure", "/providers/Microsoft.Billing/billingAccounts/sample",
            "/subscriptions/00000000-0000-0000-0000-000000000001",
        ),
        ("gcp_focus.csv", "google", "01A2B3-SAMPLE-000001", "sample-project"),
    ],
)  # fmt: skip
def test_a_line_says_whose_book_it_is_from_and_who_is_billed(
    name: str, bill: str, account: str, project: str
) -> None:
    line = read_sample(name).lines[0]
    assert (line.bill, line.account, line.project, line.day) == (bill, account, project, DAY)
    assert read_sample(name, account="named").lines[0].account == "named"


def test_a_plain_csv_is_read_by_its_mapping_with_commas_days_and_currency() -> None:
    reading = read_sample("mistral.csv", mapping=MAPPING)
    assert [short(line) for line in reading.lines] == [
        ("mistral-large-latest", "", "input", "usage", "1000000", "1850.25"),
        ("mistral-large-latest", "", "output", "usage", "50000", "-12.5"),
    ]
    assert {(line.bill, line.currency, line.cost_usd, line.day) for line in reading.lines} == {
        ("csv.mistral", "EUR", None, DAY)
    }


def test_a_bucket_without_results_is_a_day_without_costs() -> None:
    empty = Covered("openai.cost", "", date(2026, 11, 2))
    assert read_sample("openai_costs.json").covered == [empty]


def test_an_export_that_stops_before_its_end_says_so() -> None:
    assert read_sample("openai_usage.json").notes == [MORE_PAGES]
    assert read_sample("openai_costs.json").notes == []


def test_a_charge_over_a_month_is_told_from_one_of_a_day() -> None:
    assert [line.days for line in read_sample("aws_cur2.csv").lines] == [1, 1, 1, 1, 1, 30]


def test_the_raw_row_is_kept_without_peoples_names_and_addresses() -> None:
    raw = read_sample("openai_dashboard_cost.csv").lines[0].raw
    assert raw["line_item"] == "gpt-4o-2024-08-06, input"
    assert raw["amount_value"] == "2.500000000000000000000000000000"
    assert "nobody@example.com" not in str(raw)
    assert "Sample Org" not in str(raw)
    assert "sample-key" not in str(read_sample("anthropic_console_cost.csv").lines[0].raw)


@pytest.mark.parametrize("name", ["openai_costs.json", "aws_cur2.csv"])
def test_gzip_is_the_same_file(name: str) -> None:
    assert read_bytes(gzip.compress(sample(name))).lines == read_sample(name).lines


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_mark_of_the_encoding_changes_nothing(encoding: str) -> None:
    text = sample("anthropic_console_cost.csv").decode()
    reading = read_bytes(text.encode(encoding))
    assert reading.lines == read_sample("anthropic_console_cost.csv").lines


def test_windows_letters_and_tabs_are_read() -> None:
    text = sample("mistral.csv").decode("utf-8-sig").replace(";", "\t")
    reading = read_bytes(text.encode("cp1252"), mapping=MAPPING)
    assert [line.billed for line in reading.lines] == [Decimal("1850.25"), Decimal("-12.5")]


def test_parquet_says_the_same_as_the_csv() -> None:
    rows = list(csv.DictReader(io.StringIO(sample("azure_focus.csv").decode())))
    numbers = ("BilledCost", "PricingQuantity", "ConsumedQuantity", "x_PricingBlockSize")
    columns: dict[str, Any] = {}
    for name in rows[0]:
        texts = [row[name] for row in rows]
        if name in numbers:
            values = [Decimal(text) if text else None for text in texts]
            columns[name] = pa.array(values, pa.decimal128(28, 9))
        elif name.startswith("ChargePeriod"):
            columns[name] = pa.array(
                [datetime.fromisoformat(text) for text in texts], pa.timestamp("us", "UTC")
            )
        else:
            columns[name] = pa.array([text or None for text in texts])
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file)
    reading = read_bytes(file.getvalue())
    assert reading.format == "focus"
    assert [short(line) for line in reading.lines] == GOLDEN["azure_focus.csv"][1]


@pytest.mark.parametrize(
    ("billed", "called"),
    [
        (("openai", "gpt-4o-2024-08-06"), ("openai", "gpt-4o")),
        (("anthropic", "Claude Sonnet 4.5"), ("anthropic", "claude-sonnet-4-5-20250929")),
        (("anthropic", "claude-sonnet-4-20250514"), ("anthropic", "claude-sonnet-4-0")),
        (
            ("aws", "claude-sonnet-4-5"),
            ("aws.bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"),
        ),
        (("aws", "claude-3-haiku"), ("aws.bedrock", "anthropic.claude-3-haiku-20240307-v1:0")),
        (("aws", "nova-pro"), ("aws.bedrock", "amazon.nova-pro-v1:0")),
        (("azure", "gpt-4o"), ("azure.ai.openai", "gpt-4o-2024-11-20")),
        (("google", "gemini-2.5-flash"), ("gcp.vertex_ai", "gemini-2.5-flash")),
    ],
)
def test_a_bill_and_a_call_meet_under_one_name(
    billed: tuple[str, str], called: tuple[str, str]
) -> None:
    assert meeting_name(*billed) == meeting_name(*called)


def test_a_name_of_a_bill_is_known_where_the_list_has_the_model_under_another_id() -> None:
    assert is_known("aws", "claude-sonnet-4-5")
    assert is_known("anthropic", "Claude Sonnet 4.5")
    assert not is_known("aws", "Llama9-900B")


def test_models_that_differ_do_not_meet() -> None:
    names = {
        meeting_name("aws", name)
        for name in ("Claude4.5Sonnet", "Claude4.5Haiku", "Claude4Sonnet", "Claude4.6Sonnet")
    }
    assert len(names) == 4
    assert meeting_name("google", "gemini-2.5-flash") != meeting_name(
        "google", "gemini-2.5-flash-lite"
    )
