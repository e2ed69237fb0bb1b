"""From the ledger to the file: nothing lost, nothing invented, prices by call."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from finops.clickhouse.client import Warehouse
from finops.focus.export import Export, Tally, export_rows
from finops.focus.left_out import left_out, left_out_csv
from finops.focus.versions import VERSIONS, version_named
from finops.focus.write_csv import csv_pieces
from finops.focus.write_parquet import write_parquet
from finops.pricing.rate import Rate
from finops.queries import Range
from finops.queries.focus_lines import focus_lines, slices
from tests.focus.ledger import GPT, HOUR, Bought, add_bought, add_gpu_parts, per_million
from tests.focus.lines import ACME
from tests.focus.rules import violations

pytestmark = pytest.mark.django_db
DAY = Range(HOUR - timedelta(hours=10), HOUR + timedelta(hours=14))
LIST = Rate("openai", "gpt-4o", GPT)
OWN = Rate("openai", "gpt-4o", per_million(input="2.1", output="8.5"), workspace_id=1)
CHANGE = HOUR + timedelta(minutes=30)
OLD = Rate("mistral", "m", per_million(input="2", output="6"), valid_to=CHANGE)
NEW = Rate("mistral", "m", per_million(input="3", output="9"), valid_from=CHANGE)
SMALL = Rate("google", "g", per_million(input="1.25", output="10"), context_upto=200_000)
LARGE = Rate("google", "g", per_million(input="2.5", output="15"), context_above=200_000)
BATCH = Rate("anthropic", "c", per_million(input="1.5", output="7.5"), service_tier="batch")
PLAIN = Rate("anthropic", "c", per_million(input="3", output="15"))
# finer than the twelve places that a charge is rounded to
FINE = Rate("deepseek", "d", per_million(input="0.0123456789", output="0.0000004"), region="eu-1")
FEES = Rate(
    "openai", "s", per_million(input="1", call="0.01"), uses={"web_search": Decimal("0.01")}
)
IO = {"input": 1001, "output": 77}
ALL = Rate("x", "y", per_million(**dict.fromkeys(
    ("input", "cache_read", "cache_write_5m", "cache_write_1h", "output", "reasoning", "audio_in",
     "audio_out", "image_in", "image_out"), "0.7")))  # fmt: skip

BOUGHT = (
    Bought(IO, OWN, LIST, columns={"feature": "chat", "team": "core"}),
    Bought(IO, OWN, LIST, columns={"waste_class": "retry", "last_attempt": 0, "tenant": ""}),
    Bought(IO, OLD, at=CHANGE - timedelta(seconds=1)),
    Bought(IO, NEW, at=CHANGE),
    Bought({"input": 200_000}, SMALL),
    Bought({"input": 200_001}, LARGE),
    Bought(IO, BATCH, columns={"service_tier": "Batch"}),
    Bought(IO, PLAIN, columns={"service_tier": "standard"}),
    *(Bought({"input": tokens, "output": 3}, FINE) for tokens in range(100, 140)),
    Bought({"input": 10}, FEES, uses={"web_search": 3}),
    Bought({"input": 10}, FEES, columns={"hit": 1}),
    Bought({"input": 10}, FEES, cost=False),
    Bought({name: 5 for name in ALL.prices.__slots__ if name != "call"}, ALL),
    Bought({"input": 10}, PLAIN, columns={"counted": 0}),
    Bought(IO, PLAIN, at=HOUR + timedelta(hours=1), rate_version=2),
)


def rows_of(ch: Warehouse, version: str, span: Range = DAY) -> tuple[str, list[dict[str, str]]]:
    wanted = Export(1, ACME, span, version_named(version))
    text = "".join(csv_pieces(export_rows(ch, wanted, Tally()), wanted.version))
    return text, list(csv.DictReader(io.StringIO(text)))


def billed(rows: Sequence[dict[str, str]]) -> Decimal:
    return sum((Decimal(row["BilledCost"]) for row in rows), Decimal(0))


def of(rows: Sequence[dict[str, str]], sku: str) -> list[dict[str, str]]:
    return [row for row in rows if row["SkuId"] == sku]


@pytest.fixture(scope="module")
def filled(module_ch: Warehouse) -> Warehouse:
    """Two workspaces with calls and a pool's hour each; nobody changes them."""
    ch = module_ch
    add_bought(ch, BOUGHT)
    others = replace(OWN, workspace_id=2)
    add_bought(ch, [Bought(IO, others, LIST, rate_version=7)], workspace_id=2)
    add_gpu_parts(
        ch,
        [
            {"kind": "busy", "tenant": "acme", "cost_usd": Decimal("3.333333333333"),
             "gpu_ms": 1_200_000, "weight": 9000, "model": "llama"},
            {"cost_usd": Decimal("6.666666666667"), "gpu_ms": 2_400_000},
            {"kind": "overhead", "cost_usd": Decimal("0.100000000001")},
        ],
    )  # fmt: skip
    add_gpu_parts(ch, [{"cost_usd": Decimal(99)}], workspace_id=2)
    return ch


def test_the_files_add_up_to_the_ledger_and_keep_the_rules_of_their_version(
    filled: Warehouse, tmp_path: Path
) -> None:
    [ledger] = filled.query(
        "SELECT sum(cost_usd) AS usd, sum(if(waste_class != 'clean', cost_usd, 0)) AS waste "
        "FROM charges FINAL WHERE workspace_id = 1 AND counted = 1"
    )
    whole = ledger["usd"] + Decimal("10.100000000001")
    for version in VERSIONS:
        text, rows = rows_of(filled, version.name)
        assert violations(text, version.name) == []
        assert billed(rows) == whole
        waste = sum(Decimal(row["x_WasteCost"] or 0) for row in rows)
        assert waste == ledger["waste"] == Decimal("0.0027566")

    tally, wanted = Tally(), Export(1, ACME, DAY, version_named("1.4"))
    write_parquet(export_rows(filled, wanted, tally), wanted.version, tmp_path / "focus.parquet")
    table = pq.read_table(tmp_path / "focus.parquet")
    assert tuple(table.column_names) == wanted.version.names
    assert sum(table["BilledCost"].to_pylist()) == whole == tally.billed_usd
    assert table.num_rows == tally.rows == len(rows)
    assert table["ChargePeriodStart"].to_pylist()[0] == HOUR
    names = [row["SkuPriceId"] for row in rows]
    assert table["SkuPriceId"].to_pylist() == names


def test_each_row_has_the_prices_that_its_calls_were_charged_with(filled: Warehouse) -> None:
    _, rows = rows_of(filled, "1.2")
    assert not [row["SkuId"] for row in rows if row["x_PriceSource"] == "average"]

    first = of(rows, "openai/gpt-4o/input")
    assert [(row["ListUnitPrice"], row["ContractedUnitPrice"]) for row in first] == [
        ("2.5", "2.1"),
        ("2.5", "2.1"),
    ]
    assert {row["SubAccountId"] for row in first} == {"acme", ""}

    # a rate that changes within the hour, and a context above the threshold: rows of their own
    assert [row["ListUnitPrice"] for row in of(rows, "mistral/m/input")] == ["2.0", "3.0"]
    by_size = {row["ConsumedQuantity"]: row["ListUnitPrice"] for row in of(rows, "google/g/input")}
    assert by_size == {"200000.0": "1.25", "200001.0": "2.5"}
    assert Counter(row["ListUnitPrice"] for row in of(rows, "anthropic/c/input")) == {
        "1.5": 1, "3.0": 2,
    }  # fmt: skip

    # forty calls whose cents were rounded one by one: billed as rounded, contracted as multiplied
    (fine,) = of(rows, "deepseek/d/input")
    assert fine["RegionId"] == "eu-1"
    tokens = sum(range(100, 140))
    assert Decimal(fine["ContractedCost"]) == tokens * Decimal("0.0000000123456789")
    assert 0 < abs(Decimal(fine["BilledCost"]) - Decimal(fine["ContractedCost"])) < Decimal("2e-11")


def test_calls_without_a_price_are_in_no_row_and_listed_beside(filled: Warehouse) -> None:
    _, rows = rows_of(filled, "1.2")
    fees = [row for row in rows if row["SkuId"].startswith("openai/s/")]
    assert [(row["SkuMeter"], row["x_OperationCount"]) for row in fees] == [
        ("Input Tokens", "1.0"),
        ("Call Fees", "0.0"),
        ("Web Searches", "0.0"),
        ("Requests Without Charge", "1.0"),
    ]
    missing = left_out(filled, 1, DAY)
    assert [(one.model, one.reason, one.calls) for one in missing] == [("s", "no_rate", 1)]
    assert left_out_csv(missing).splitlines()[1] == "openai,s,no_rate,1,10,0"


def test_every_kind_of_token_has_its_own_sku(filled: Warehouse) -> None:
    _, rows = rows_of(filled, "1.4")
    skus = [row["SkuId"] for row in rows if row["SkuId"].startswith("x/y/")]
    assert len(skus) == len(set(skus)) == 10


def test_slices_cover_the_range_once_and_end_at_whole_hours(
    filled: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("finops.queries.focus_lines.MOST_CALLS", 1)
    span = Range(HOUR - timedelta(minutes=5), HOUR + timedelta(hours=1, minutes=30))
    parts = slices(filled, 1, span)
    starts = [part.span.start for part in parts]
    assert starts == [span.start, HOUR + timedelta(hours=1)]
    assert parts[-1].span.end == span.end
    cut = [line.cost_usd for part in parts for line in focus_lines(filled, 1, part.span)]
    assert cut == [line.cost_usd for line in focus_lines(filled, 1, span)]


def test_a_range_without_calls_is_a_file_with_a_header(filled: Warehouse) -> None:
    empty = Range(datetime(2020, 1, 1, tzinfo=UTC), datetime(2020, 1, 2, tzinfo=UTC))
    text, rows = rows_of(filled, "1.2", empty)
    assert rows == []
    assert text.count("\r\n") == 1
