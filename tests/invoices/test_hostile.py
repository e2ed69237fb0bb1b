"""Broken, huge and malicious files end in a sentence; a bad line never costs a good one."""

from __future__ import annotations

import gzip
import json
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finops.invoices.amount import read_decimal
from finops.invoices.errors import (
    BadLines,
    InvoiceError,
    TooLarge,
    UnknownFormat,
    Unreadable,
    WrongMapping,
)
from finops.invoices.limits import Limits
from tests.invoices.samples import MAPPING, read_bytes, read_sample, sample

HEADER = "usage_date_utc,model,token_type,cost_usd\n"
SMALL = Limits(
    file_bytes=2_000, unpacked_bytes=4_000, json_bytes=3_000, rows=20, lines=10, line_chars=500
)


def console(*rows: str) -> bytes:
    return (HEADER + "\n".join(rows) + "\n").encode()


def test_bad_lines_are_named_and_the_good_ones_are_kept_beside_them() -> None:
    reading = read_bytes(
        console(
            "2026-11-01,Claude Sonnet 4.5,output,1.00",
            "2026-11-01,Claude Sonnet 4.5,output,a lot",
            "",
            "November,Claude Sonnet 4.5,output,1.00",
            "2026-11-02,Claude Sonnet 4.5,output,2.00",
            "2026-11-03,Claude Sonnet 4.5,output,3.00,and,more",
        )
    )
    assert [line.billed for line in reading.lines] == [Decimal(1), Decimal(2)]
    assert [(one.line, one.reason) for one in reading.problems] == [
        (3, "'a lot' is not a number"),
        (5, "'November' is not a day"),
        (7, "it has 6 cells, the header 4"),
    ]
    with pytest.raises(BadLines, match=r"Nothing was taken in: 3 lines can't be read\. Line 3: "):
        reading.refuse_problems()


def test_a_line_of_json_that_is_bad_is_named_by_its_number() -> None:
    pages = json.loads(sample("openai_costs.json"))
    pages["data"][0]["results"][1]["amount"] = {"value": None}
    pages["data"][0]["results"].append("what")
    reading = read_bytes(json.dumps(pages).encode())
    assert [(one.line, one.reason) for one in reading.problems] == [
        (2, "it has no amount.value"),
        (5, "a result is not an object"),
    ]
    assert len(reading.lines) == 3


def test_only_the_first_problems_are_kept_and_all_are_counted() -> None:
    reading = read_bytes(console(*["x,y,z,w"] * 300))
    assert (len(reading.problems), reading.problem_count) == (100, 300)


@pytest.mark.parametrize(
    ("content", "error", "said"),
    [
        (b"", Unreadable, "The file is empty."),
        (b"\n \n", Unreadable, "The file is empty."),
        (b"\x00\x01\x02\x03" * 50, Unreadable, "This is not text"),
        (b"%PDF-1.7 an invoice to look at\n1,2\n", UnknownFormat, "No known export"),
        (b"a,b\n1,2\n", UnknownFormat, "No known export has these columns: a, b."),
        (b"PAR1 is not enough", Unreadable, "The Parquet file can't be read"),
        (b"{", Unreadable, "The JSON can't be read"),
        (b"[" * 5_000, Unreadable, "The JSON"),
        (b'{"data": [1e9999999999999999999]}', Unreadable, "it holds a number that is none"),
        (b'{"data": 1}', Unreadable, "not pages of a usage API"),
        (b"[]", Unreadable, "not pages of a usage API"),
        (b'{"data": [{"start_time": 1, "results": []}]}', UnknownFormat, "No result in this JSON"),
        (
            gzip.compress(b"a,b\n" * 100, mtime=0)[:-9],
            Unreadable,
            "The gzip file ends in its middle",
        ),
        (b"\x1f\x8b and no gzip", Unreadable, "begins as gzip and is broken"),
        (HEADER.encode(), Unreadable, "no line about models"),
    ],
)
def test_what_is_no_export_is_refused_in_a_sentence(
    content: bytes, error: type[InvoiceError], said: str
) -> None:
    with pytest.raises(error, match=said.replace("(", r"\(")):
        read_bytes(content)


@pytest.mark.parametrize(
    "content",
    [
        console(*["2026-11-01,Claude Sonnet 4.5,output,1.00"] * 60),
        gzip.compress(console(*["2026-11-01,Claude Sonnet 4.5,output,1.00"] * 500), mtime=0),
        console(*["2026-11-01,m,output,1"] * 30),
        console(*["2026-11-01,m,output,1"] * 15),
        console("2026-11-01," + "m" * 900 + ",output,1"),
        console('2026-11-01,"never closed,output,1', *["2026-11-01,m,output,1"] * 18),
        b'{"data": [' + b" " * 3_500 + b"]}",
    ],
    ids=["bytes", "bomb", "rows", "lines", "line", "quote", "json"],
)
def test_a_file_over_a_bound_is_refused_and_not_cut(content: bytes) -> None:
    with pytest.raises((TooLarge, BadLines)):
        read_bytes(content, limits=SMALL).refuse_problems()


def test_formulas_stay_text_and_scripts_stay_text() -> None:
    reading = read_bytes(
        console(
            '2026-11-01,"=HYPERLINK(""http://example.com"")",output,1.00',
            "2026-11-01,<script>alert(1)</script>,output,1.00",
            "2026-11-01,@SUM(A1:A9),output,=1+1",
        )
    )
    assert [line.model for line in reading.lines] == [
        '=HYPERLINK("http://example.com")',
        "<script>alert(1)</script>",
    ]
    assert reading.problems[0].reason == "'=1+1' is not a number"


def test_numbers_beyond_all_bills_are_refused_and_large_ones_are_exact() -> None:
    million = (
        sample("aws_focus.csv")
        .replace(b"1K tokens", b"1B tokens")
        .replace(b",1000.0,", b",9999999999.0,")
    )
    assert "are too many tokens" in read_bytes(million).problems[0].reason
    usage = json.loads(sample("openai_costs.json"))
    usage["data"][0]["results"][0]["amount"]["value"] = "@"
    text = json.dumps(usage)
    for number in ("1e99999999", "1e15", "-9e15"):
        (problem,) = read_bytes(text.replace('"@"', number).encode()).problems
        assert "number" in problem.reason
    exact = "999999999999999.123456789012345678"
    assert str(read_bytes(text.replace('"@"', exact).encode()).lines[0].billed) == exact


def test_json_nested_without_end_is_no_error_of_ours() -> None:
    nest = '{"a":' * 400 + "1" + "}" * 400
    content = sample("anthropic_cost.json").replace(b'"300.0"', nest.encode())
    assert read_bytes(content).problems[0].reason == "'(nested)' is not a number"


@pytest.mark.parametrize("text", ["NaN", "Infinity", "1e999", "--1", "1,2,3", "0x10", "١٢", "1_0"])
def test_what_python_calls_a_number_and_a_bill_does_not_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a number|too large"):
        read_decimal(text)


@pytest.mark.parametrize(
    ("text", "comma", "number"),
    [
        ("1,234.50", False, "1234.50"),
        ("(12.5)", False, "-12.5"),
        ("$0.06", False, "0.06"),
        ("-1.234,5", True, "-1234.5"),
        ("2.5e-07", False, "2.5E-7"),
        ("−3", False, "-3"),
        ("0.0038359800000000000000000000001", False, "0.00383598"),
    ],
)
def test_a_number_is_read_as_it_was_meant(text: str, comma: bool, number: str) -> None:
    assert read_decimal(text, decimal_comma=comma) == Decimal(number)


def test_nan_in_json_is_not_a_number() -> None:
    broken = sample("openai_costs.json").replace(b'"value": 2.5', b'"value": NaN')
    with pytest.raises(Unreadable, match="NaN is not a number"):
        read_bytes(broken)


def test_more_cached_tokens_than_tokens_are_refused() -> None:
    broken = sample("openai_usage.json").replace(b'"input_tokens": 1500000', b'"input_tokens": 5')
    assert read_bytes(broken).problems[0].reason == (
        "500000 cached tokens are more than all 5 input tokens"
    )


@pytest.mark.parametrize(
    ("format", "name", "said"),
    [
        ("focus", "aws_cur2.csv", "This is not FOCUS"),
        ("openai_costs", "aws_cur2.csv", "is JSON; this file is a table"),
        ("aws_cur", "openai_costs.json", "is a table; this file is JSON"),
        ("anthropic_cost", "openai_costs.json", "its results are other ones"),
        ("excel", "aws_cur2.csv", "There is no format 'excel'"),
    ],
)
def test_a_format_that_is_named_has_to_fit(format: str, name: str, said: str) -> None:
    with pytest.raises(UnknownFormat, match=said):
        read_sample(name, format=format)


@pytest.mark.parametrize(
    ("mapping", "said"),
    [
        ("no json", "The mapping is not JSON"),
        ("[]", "is a JSON object"),
        ('{"colums": {}}', "not 'colums'"),
        ('{"columns": {"when": "Datum"}, "provider": "mistral"}', "There is no column 'when'"),
        ('{"columns": {"day": "Datum"}, "provider": "mistral"}', "amount or quantity"),
        ('{"columns": {"day": "Datum", "amount": "Betrag"}}', "whose bill it is"),
        (
            '{"columns": {"day": "Datum", "amount": "Total"}, "provider": "mistral"}',
            "no column 'Total'",
        ),
        (MAPPING.replace('"tokens"', "5"), "unit is a text"),
        (MAPPING.replace("true", '"yes"'), "decimal_comma is true or false"),
    ],
)
def test_a_mapping_that_contradicts_itself_or_the_file_is_refused(mapping: str, said: str) -> None:
    with pytest.raises(WrongMapping, match=said):
        read_sample("mistral.csv", mapping=mapping)


def test_days_in_another_order_than_mapped_are_named() -> None:
    mapping = MAPPING.replace("%d.%m.%Y", "%Y-%m-%d")
    reading = read_sample("mistral.csv", mapping=mapping)
    assert reading.problems[0].reason == "'01.11.2026' is not a day of the form %Y-%m-%d"


@given(st.binary(max_size=400))
@settings(max_examples=60, deadline=None)
def test_no_bytes_are_more_than_an_invoice_error(content: bytes) -> None:
    for start in (b"", HEADER.encode(), b'{"data": [', b"PAR1", b"\x1f\x8b"):
        try:
            read_bytes(start + content)
        except InvoiceError as error:
            assert str(error)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_no_damage_to_a_sample_is_more_than_an_invoice_error(data: st.DataObject) -> None:
    name = data.draw(
        st.sampled_from(["openai_costs.json", "aws_cur2.csv", "azure_focus.csv", "mistral.csv"])
    )
    content = bytearray(sample(name))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        read_bytes(bytes(content), mapping=MAPPING if name == "mistral.csv" else "")
    except InvoiceError as error:
        assert str(error)
