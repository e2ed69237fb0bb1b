"""Lines are taken in whole, replaced by day and never doubled; golden case of complaint 22."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from finops.accounts.models import AuditEntry, Workspace
from finops.clickhouse.client import Warehouse
from finops.invoices.compare import compare
from finops.invoices.errors import BadLines
from finops.invoices.models import Invoice
from finops.invoices.preview import preview
from finops.invoices.take_in import Offer, take_back, take_in
from finops.pricing.exchange import set_exchange_rate
from finops.pricing.models import Deployment
from finops.queries.invoiced import Days, billed, lines_of_day, standings
from tests.invoices.conftest import NOW
from tests.invoices.samples import FILES, MAPPING, sample
from tests.queries.rows import Charge, ledger_of

FIRST = date(2026, 11, 1)
NOVEMBER = Days(FIRST, date(2026, 11, 30))
HEADER = (
    "start_time,amount_value,amount_currency,quantity,quantity_unit,line_item,organization_id\n"
)


def export(*rows: tuple[int, str, int, str]) -> bytes:
    """OpenAI's CSV with (day of November, amount, tokens, item)."""
    return (HEADER + "".join(
        f"2026-11-{day:02}T00:00:00+00:00,{amount},usd,{tokens},tokens,\"{item}\",\n"
        for day, amount, tokens, item in rows
    )).encode()  # fmt: skip


def put(
    ch: Warehouse, workspace: Workspace, content: bytes, seconds: int = 0, **said: str
) -> Invoice:
    offer = Offer(io.BytesIO(content), said.pop("name", "export.csv"), **said)
    return take_in(ch, workspace, offer, now=NOW + timedelta(seconds=seconds), actor=None)


def amounts(ch: Warehouse, workspace: Workspace) -> dict[int, Decimal]:
    found: dict[int, Decimal] = {}
    for row in billed(ch, workspace.pk, NOVEMBER):
        found[row.day.day] = found.get(row.day.day, Decimal(0)) + (row.billed or 0)
    return found


def test_an_import_can_be_repeated_corrected_overlapped_and_taken_back(
    ch: Warehouse, acme: Workspace, globex: Workspace
) -> None:
    item = "gpt-4o-2024-08-06, input"
    first = export((1, "10", 100, item), (2, "20", 200, item), (3, "30", 300, item))
    one = put(ch, acme, first)
    assert amounts(ch, acme) == {1: 10, 2: 20, 3: 30}

    # The same file again is the same invoice.
    assert put(ch, acme, first, 1).pk == one.pk
    assert amounts(ch, acme) == {1: 10, 2: 20, 3: 30}

    # Days 3 and 4: the third is replaced, down to a line that is gone.
    two = put(ch, acme, export((3, "33", 330, "o3, input"), (4, "40", 400, item)), 2)
    assert amounts(ch, acme) == {1: 10, 2: 20, 3: 33, 4: 40}
    known = standings(ch, acme.pk)
    assert (known[one.pk].lines, known[two.pk].lines) == (2, 2)

    # The dashboard's file of another organisation stands beside it, and so does another workspace.
    put(ch, acme, export((1, "5", 50, item)), 3, account="org-other")
    put(ch, globex, export((1, "99", 50, item)), 4)
    assert amounts(ch, acme) == {1: 15, 2: 20, 3: 33, 4: 40}
    assert amounts(ch, globex) == {1: 99}

    # A day that the file says is empty becomes empty.
    put(ch, acme, export((2, "", 0, "")) + export((4, "44", 440, item)).split(b"\n", 1)[1], 5)
    assert amounts(ch, acme) == {1: 15, 3: 33, 4: 44}

    number = two.pk
    take_back(ch, two, now=NOW + timedelta(seconds=6), actor=None)
    assert amounts(ch, acme) == {1: 15, 4: 44}
    actions = AuditEntry.objects.filter(workspace=acme, action__startswith="invoice").order_by("pk")
    assert [entry.action for entry in actions] == [*["invoice.imported"] * 5, "invoice.deleted"]
    left = ch.query(
        "SELECT count() AS n FROM invoice_lines WHERE invoice_id = {id:UInt64} AND raw != ''",
        {"id": number},
    )
    assert left == [{"n": 0}]

    # And what was taken back can be taken in again, by a clock that did not move.
    put(ch, acme, export((3, "33", 330, "o3, input")), 6)
    assert amounts(ch, acme) == {1: 15, 3: 33, 4: 44}


def test_complaint_22_the_ledger_is_held_against_the_invoice_and_each_gap_has_its_reason(
    configured_ch: Warehouse, acme: Workspace
) -> None:
    """Five days of OpenAI by hand: $30 captured of $41.50 billed usage, and why the rest isn't."""
    ch, model = configured_ch, "gpt-4o-2024-08-06"

    def call(
        day: int, usd: str | None, tokens: int, model: str = model, provider: str = "openai"
    ) -> Charge:
        at = datetime(2026, 11, day, 12, tzinfo=UTC)
        cost = None if usd is None else Decimal(usd)
        return Charge(
            at, cost, input_tokens=tokens, output_tokens=0, model=model, workspace_id=acme.pk,
            provider=provider, unpriced_reason="" if usd else "no_rate",
        )  # fmt: skip

    ledger_of(
        ch,
        call(1, "10", 4_000_000),
        call(2, "5", 2_000_000),
        call(3, "10", 4_000_000),
        call(4, "5", 2_000_000),
        call(4, None, 2_000_000),
        call(6, "2.50", 1_000_000),
        call(1, "7", 10, provider="groq", model="llama-3.3-70b"),
    )
    item = f"{model}, input"
    put(
        ch,
        acme,
        export(
            (1, "10.00", 4_000_000, item),
            (2, "10.00", 4_000_000, item),
            (3, "9.00", 4_000_000, item),
            (4, "10.00", 4_000_000, item),
            (5, "2.50", 1_000_000, "o3, input"),
        ),
    )
    found = compare(ch, acme, NOVEMBER)
    rows = {(row.day.day, row.model): row for row in found.rows}
    assert {key: (row.gap_usd, row.reason) for key, row in rows.items()} == {
        (1, "gpt-4o"): (Decimal(0), "equal"),
        (2, "gpt-4o"): (Decimal(5), "captured_partly"),
        (3, "gpt-4o"): (Decimal(-1), "price_differs"),
        (4, "gpt-4o"): (Decimal(5), "unpriced"),
        (5, "o3"): (Decimal("2.5"), "not_captured"),
        (6, "gpt-4o"): (Decimal("-2.5"), "not_billed_yet"),
    }
    assert rows[2, "gpt-4o"].evidence.startswith("2,000,000 of 4,000,000 billed tokens")
    assert "a discount of 10.00 %" in rows[3, "gpt-4o"].evidence
    assert rows[4, "gpt-4o"].evidence == "1 of 2 calls have no price"
    assert found.total.gap_usd == Decimal("41.5") - Decimal("32.5")
    assert found.total.capture_rate == Decimal(30) / Decimal("41.5")
    assert found.providers["openai"].last_billed == date(2026, 11, 5)
    assert found.not_invoiced == {"groq": Decimal(7)}

    # Split by tier the sums are the same; only charges know the tier.
    assert compare(ch, acme, NOVEMBER, by_tier=True).total.gap_usd == found.total.gap_usd


def test_euros_are_converted_by_the_rate_of_the_day_and_deployments_meet_their_model(
    ch: Warehouse, acme: Workspace
) -> None:
    noon = datetime(2026, 11, 1, 12, tzinfo=UTC)
    ledger_of(
        ch,
        Charge(noon, Decimal("2000"), provider="mistral", model="mistral-large-latest",
               input_tokens=1_000_000, output_tokens=50_000, workspace_id=acme.pk),
        Charge(noon, Decimal("2.625"), provider="azure.ai.openai", model="prod-chat",
               input_tokens=1_000_000, cache_read_tokens=100_000, output_tokens=None,
               workspace_id=acme.pk),
    )  # fmt: skip
    put(ch, acme, sample("mistral.csv"), mapping=MAPPING)
    put(ch, acme, sample("azure_focus.csv"), 1, name="azure.csv")
    before = compare(ch, acme, Days(FIRST, FIRST))
    assert before.total.foreign == {"EUR": Decimal("1837.75")}

    set_exchange_rate(acme, "EUR", FIRST, Decimal("0.9"), "ECB", actor=None)
    Deployment.objects.create(
        workspace=acme, provider="azure", name="prod-chat", model="gpt-4o",
        valid_from=datetime(2026, 1, 1, tzinfo=UTC), why="portal",
    )  # fmt: skip
    found = compare(ch, acme, Days(FIRST, FIRST))
    rows = {(row.provider, row.category): row for row in found.rows}
    # 1,837.75 EUR / 0.9 = $2,041.944...; captured $2,000; tokens are equal.
    assert rows["mistral", "usage"].billed_usd == Decimal("2041.944444444444")
    assert rows["mistral", "usage"].reason == "price_differs"
    assert (rows["azure", "usage"].model, rows["azure", "usage"].reason) == ("gpt-4o", "equal")
    assert rows["azure", "commitment"].gap_usd == Decimal(260)
    assert found.total.foreign == {}
    raw = lines_of_day(ch, acme.pk, FIRST)
    assert {one["currency"] for one in raw} == {"EUR", "USD"}
    assert '"Betrag":"1.850,25"' in "".join(one["raw"] for one in raw)


def test_nothing_is_taken_in_where_a_line_is_bad(ch: Warehouse, acme: Workspace) -> None:
    bad = export((1, "10", 1, "o3, input")) + b"2026-11-02T00:00:00,ten,usd,1,tokens,x,\n"
    with pytest.raises(BadLines, match="Line 3: 'ten' is not a number"):
        put(ch, acme, bad)
    assert (Invoice.objects.count(), amounts(ch, acme)) == (0, {})


def test_a_preview_says_what_is_replaced_unknown_and_alike(ch: Warehouse, acme: Workspace) -> None:
    earlier = put(ch, acme, export((1, "10", 1, "gpt-4o, input"), (2, "7", 1, "gpt-4o, input")))
    same_day = Offer(io.BytesIO(export((1, "4", 1, "house-model, input"))), "again.csv")
    found = preview(ch, acme.pk, same_day.read())
    (replaced,) = found.replaced
    assert (replaced.invoice_id, replaced.lines, replaced.usd) == (earlier.pk, 1, Decimal(10))
    assert found.warnings == [
        "The price list doesn't know: house-model. They are compared by these names."
    ]
    twin = Offer(io.BytesIO(export((2, "7", 1, "gpt-4o, input"))), "twin.csv", account="org-sample")
    assert "this looks like the same bill" in preview(ch, acme.pk, twin.read()).warnings[0]


def test_the_command_previews_imports_and_refuses(
    configured_ch: Warehouse, acme: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = FILES / "aws_cur2.csv"
    call_command("import_invoice", str(file), "--workspace", "acme", "--dry-run")
    said = capsys.readouterr().out
    assert "AWS Cost and Usage Report: 6 lines, 2026-11-01 to 2026-11-01; 3.75 USD" in said
    assert Invoice.objects.count() == 0
    call_command("import_invoice", str(file), "--workspace", "acme")
    assert "Taken in as invoice 1." in capsys.readouterr().out
    bad = tmp_path / "bad.csv"
    bad.write_bytes(export((1, "ten", 1, "o3, input")))
    with pytest.raises(CommandError, match="Nothing was taken in: 1 line"):
        call_command("import_invoice", str(bad), "--workspace", "acme")
    with pytest.raises(CommandError, match="can't be read"):
        call_command("import_invoice", str(tmp_path / "none.csv"), "--workspace", "acme")
