"""A newer catalogue, from the file to the charges: by command, as an operator does it."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from finops.accounts.models import AuditEntry, Workspace
from finops.clickhouse.client import Warehouse
from finops.costing.models import Repricing
from finops.costing.tasks import reprice
from finops.pricing.in_force import catalogue_in_force, list_prices, take_up
from finops.pricing.models import CatalogueAdoption, StoredCatalogue
from finops.pricing.resolve import resolve_model
from tests.costing.calls import insert_calls
from tests.costing.charging import charge, charge_of, cost_of
from tests.pricing.price_files import as_file, provider

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def back_to_the_package() -> Iterator[None]:
    """A process keeps the catalogue that it took up."""
    yield
    CatalogueAdoption.objects.all().delete()
    take_up()


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("upload_catalogue", *arguments, stdout=out)
    return out.getvalue()


def test_an_adopted_catalogue_prices_names_and_calls_until_another_is_adopted(
    configured_ch: Warehouse, tmp_path: Path
) -> None:
    """Complaint 6: a catalogue of another day is seen, compared, adopted, and named by charges."""
    ch = configured_ch
    acme = Workspace.objects.create(slug="acme", name="Acme")
    both = {"workspace_id": acme.pk}
    insert_calls(ch, [{**both, "span": "old"}, {**both, "span": "new", "model_served": "gpt-9"}])
    charge(ch)
    assert charge_of(ch, "new")["unpriced_reason"] == "no_rate"
    file = tmp_path / "data.json"
    prices = {"input_mtok": 5, "output_mtok": 10}
    file.write_bytes(as_file([provider("openai", {"gpt-4o": prices, "gpt-9": prices})]))

    said = run(str(file))
    assert "catalogue 1: 2 models of 1 providers" in said
    assert "1 models added" in said
    assert "openai/gpt-4o input: $2.50 -> $5.00 (+100.0 %)" in said
    assert catalogue_in_force().number is None

    with pytest.raises(CommandError, match="Say why"):
        run(str(file), "--adopt")
    assert "adopted: rates 2 are published" in run(str(file), "--adopt", "--why", "list of May")
    assert StoredCatalogue.objects.count() == 1
    assert {rate.model for rate in list_prices()} == {"gpt-4o", "gpt-9"}
    assert resolve_model("openai", "gpt-4o-mini") is None
    entry = AuditEntry.objects.get(action="catalogue.adopted")
    assert (entry.detail["why"], entry.detail["before"]) == ("list of May", "genai-prices 0.2.3")

    reprice()
    # 1000 x 5 + 100 x 10 per million
    assert f"{cost_of(ch, 'old')}" == f"{cost_of(ch, 'new')}" == "0.006"
    assert charge_of(ch, "new")["rate_version"] == 2
    done = Repricing.objects.get()
    assert (done.old_versions, done.rows) == ([1], 2)
    assert [row["difference_usd"] for row in done.differences] == ["0.0085"]

    assert "rates 3 are published" in run("--installed", "--adopt", "--why", "that was a test")
    reprice()
    assert f"{cost_of(ch, 'old')}" == "0.0035"
    assert charge_of(ch, "new")["unpriced_reason"] == "no_rate"


def test_a_file_that_is_no_catalogue_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "prices.json"
    file.write_text('{"gpt-4o": 1}')
    with pytest.raises(CommandError, match=r"not genai-prices' data\.json"):
        run(str(file), "--adopt", "--why", "x")
    with pytest.raises(CommandError, match="can't be read"):
        run(str(tmp_path / "none.json"))
    with pytest.raises(CommandError, match="Give the file, or --installed"):
        run()
    assert not StoredCatalogue.objects.exists()
