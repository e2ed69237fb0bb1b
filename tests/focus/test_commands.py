"""The commands: whole files or none, what was left out told, exit statuses."""

from __future__ import annotations

import csv
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from django.core.management import CommandError, call_command

from finops.accounts.models import Workspace
from finops.clickhouse.client import Warehouse
from tests.focus.ledger import HOUR, Bought, add_bought
from tests.focus.test_statements import GPT

RANGE = ("--from", "2026-11-20", "--to", "2026-11-21")


@pytest.fixture
def filled(configured_ch: Warehouse, db: None) -> None:
    Workspace.objects.create(pk=1, slug="acme", name="Acme")
    add_bought(
        configured_ch, [Bought({"input": 3}, GPT, at=HOUR), Bought({"input": 1}, GPT, cost=False)]
    )


def run(name: str, *arguments: str) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command(name, *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


@pytest.mark.usefixtures("filled")
def test_export_and_statements_are_written_whole_and_say_what_was_left_out(
    tmp_path: Path, capfdbinary: Any
) -> None:
    target = tmp_path / "november.csv"
    _, said = run("export_focus", *RANGE, "--version", "1.4", "--out", str(target))
    assert said == (
        "rows: 1, billed: 3 USD\n"
        "left out, because they have no price: 1 calls; listed in november.csv.unpriced.csv\n"
    )
    (row,) = csv.DictReader(target.open(newline=""))
    assert (row["BilledCost"], row["ServiceProviderName"]) == ("3.0", "OpenAI")
    listing = (tmp_path / "november.csv.unpriced.csv").read_text()
    assert "openai,gpt-4o,no_rate,1,1,0" in listing

    parquet = tmp_path / "november.parquet"
    run("export_focus", *RANGE, "--format", "parquet", "--out", str(parquet))
    table = pq.read_table(parquet)
    assert table["BilledCost"].to_pylist() == [Decimal(3)]
    assert table.schema.metadata[b"focus_version"] == b"1.2"

    capfdbinary.readouterr()
    run("export_focus", *RANGE, "--out", "-")
    printed = capfdbinary.readouterr().out
    assert printed.startswith(b"AvailabilityZone,BilledCost,")
    assert printed.count(b"\r\n") == 2

    sheet = tmp_path / "acme.html"
    arguments = ("--month", "2026-11", "--workspace", "acme")
    written, _ = run("statement", *arguments, "--tenant", "acme", "--out", str(sheet))
    assert written == f"{sheet}\n"
    assert "Amount due" in sheet.read_text()
    run("statement", *arguments, "--out", str(tmp_path / "all"))
    assert sorted(path.name for path in (tmp_path / "all").iterdir()) == [
        "chargeback_acme_acme_2026-11.csv",
        "chargeback_acme_acme_2026-11.html",
    ]
    assert sorted(path.suffix for path in tmp_path.glob("*.partial")) == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("command", "arguments", "said"),
    [
        ("export_focus", (*RANGE, "--out", "x.csv"), "There is no workspace yet"),
        ("export_focus", (*RANGE, "--out", "x.csv", "--workspace", "no"), "No workspace has"),
        ("export_focus", (*RANGE, "--out", "x.csv", "--version", "1.3"), "invalid choice: '1.3'"),
        ("statement", ("--month", "2026-11", "--out", "x"), "There is no workspace yet"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    command: str, arguments: tuple[str, ...], said: str, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CommandError, match=said):
        run(command, *arguments)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.django_db
def test_an_empty_range_and_a_month_to_come_are_named() -> None:
    Workspace.objects.create(slug="acme", name="Acme")
    with pytest.raises(CommandError, match="range is empty"):
        run("export_focus", "--from", "2026-11-02", "--to", "2026-11-01", "--out", "x.csv")
    with pytest.raises(CommandError, match="hasn't begun"):
        run("statement", "--month", "2099-01", "--tenant", "a", "--out", "x.html")


@pytest.mark.django_db
def test_a_warehouse_that_is_away_leaves_no_half_a_file(tmp_path: Path) -> None:
    Workspace.objects.create(slug="acme", name="Acme")
    with pytest.raises(CommandError, match="ClickHouse"):
        run("export_focus", *RANGE, "--out", str(tmp_path / "x.csv"))
    assert list(tmp_path.iterdir()) == []
