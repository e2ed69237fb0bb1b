"""How an invoice, a preview and a reconciliation look on the wire."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from rest_framework import serializers

from finops.api.unit_cost_body import UsdField, time_text, usd_text
from finops.invoices.formats import TITLES
from finops.invoices.models import Invoice
from finops.invoices.preview import Preview
from finops.invoices.read import Reading
from finops.invoices.reasons import TITLES as REASONS
from finops.invoices.reconcile import Reconciliation, Row, Sums
from finops.queries.invoiced import Standing

AMOUNTS = "Currency -> sum, as decimal texts."
ROW_COLUMNS = (
    "day", "provider", "model", "service_tier", "category", "billed_usd", "captured_usd", "gap_usd",
    "gap_share", "reason", "evidence", "calls", "unpriced_calls", "billed_tokens",
    "captured_tokens",
)  # fmt: skip
SHARE_PLACES = Decimal("1e-6")


def amounts_field() -> serializers.DictField:
    return serializers.DictField(child=serializers.CharField(), help_text=AMOUNTS)


class InvoiceSerializer(serializers.Serializer[Any]):
    """An export that was taken in."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    file_format = serializers.ChoiceField(choices=list(TITLES.items()))
    account = serializers.CharField(allow_blank=True)
    sha256 = serializers.CharField()
    first_day = serializers.DateField(allow_null=True, help_text="UTC")
    last_day = serializers.DateField(allow_null=True, help_text="Part of it.")
    lines = serializers.IntegerField()
    totals = amounts_field()
    lines_in_force = serializers.IntegerField(
        allow_null=True, help_text="Those that no newer import replaced; null: not asked."
    )
    notes = serializers.ListField(child=serializers.CharField())
    who = serializers.EmailField(allow_null=True, help_text="Null: a key or the command line.")
    imported_at = serializers.DateTimeField(allow_null=True)


class InvoicesSerializer(serializers.Serializer[Any]):
    """All invoices, the newest first."""

    invoices = InvoiceSerializer(many=True)


class ProblemSerializer(serializers.Serializer[Any]):
    """A line that can't be read."""

    line = serializers.IntegerField()
    reason = serializers.CharField()


class ReplacedSerializer(serializers.Serializer[Any]):
    """Lines of an earlier invoice that the import would replace."""

    invoice_id = serializers.IntegerField()
    days = serializers.IntegerField()
    lines = serializers.IntegerField()
    usd = UsdField("What they come to.")


class PreviewSerializer(serializers.Serializer[Any]):
    """What an import would do; `problems` are the first of `problem_count`."""

    file_format = serializers.ChoiceField(choices=list(TITLES.items()))
    first_day = serializers.DateField(allow_null=True)
    last_day = serializers.DateField(allow_null=True)
    lines = serializers.IntegerField()
    totals = amounts_field()
    replaced = ReplacedSerializer(many=True)
    warnings = serializers.ListField(child=serializers.CharField())
    problem_count = serializers.IntegerField(help_text="Above 0: nothing would be taken in.")
    problems = ProblemSerializer(many=True)


class TokensSerializer(serializers.Serializer[Any]):
    """Tokens by side; each bucket once."""

    input = serializers.IntegerField()
    cache_read = serializers.IntegerField()
    cache_write = serializers.IntegerField()
    output = serializers.IntegerField()


class ReconciliationRowSerializer(serializers.Serializer[Any]):
    """One day, model and category."""

    day = serializers.DateField()
    provider = serializers.CharField(allow_blank=True)
    model = serializers.CharField(allow_blank=True)
    service_tier = serializers.CharField(allow_blank=True, help_text="Empty unless by_tier=true.")
    category = serializers.CharField()
    billed_usd = UsdField("Null: in a currency without an exchange rate.")
    captured_usd = UsdField("Cost of the calls.")
    gap_usd = UsdField("billed_usd - captured_usd.")
    gap_share = serializers.CharField(allow_null=True, help_text="gap_usd / billed_usd.")
    reason = serializers.ChoiceField(choices=list(REASONS.items()))
    evidence = serializers.CharField(allow_blank=True)
    calls = serializers.IntegerField()
    unpriced_calls = serializers.IntegerField()
    billed_tokens = TokensSerializer(allow_null=True)
    captured_tokens = TokensSerializer()


class SumsSerializer(serializers.Serializer[Any]):
    """Sums of rows."""

    billed_usd = UsdField("All that was billed in USD or converted.")
    captured_usd = UsdField("What stands against it.")
    gap_usd = UsdField("billed_usd - captured_usd, exactly the sum of the gaps.")
    capture_rate = serializers.CharField(
        allow_null=True, help_text="Captured / billed usage, up to the last billed day."
    )
    by_reason = serializers.DictField(
        child=serializers.CharField(), help_text="Reason -> sum of its gaps."
    )
    foreign = amounts_field()
    captured_aside_usd = UsdField("Captured against bills that could not be converted.")
    last_billed_day = serializers.DateField(allow_null=True)


class ProviderSumsSerializer(SumsSerializer):
    """Sums of one provider."""

    provider = serializers.CharField(allow_blank=True)


class ReconciliationSerializer(serializers.Serializer[Any]):
    """Captured against billed."""

    first_day = serializers.DateField()
    last_day = serializers.DateField()
    total = SumsSerializer()
    providers = ProviderSumsSerializer(many=True)
    not_invoiced = serializers.DictField(
        child=serializers.CharField(), help_text="Provider without any bill -> captured USD."
    )
    rows = ReconciliationRowSerializer(many=True)


def invoice_body(invoice: Invoice, standing: Standing | None) -> dict[str, Any]:
    return {
        "id": invoice.pk,
        "name": invoice.name,
        "file_format": invoice.format,
        "account": invoice.account,
        "sha256": invoice.sha256,
        "first_day": invoice.first_day,
        "last_day": invoice.last_day,
        "lines": invoice.lines,
        "totals": invoice.totals,
        "lines_in_force": None if standing is None else standing.lines,
        "notes": invoice.notes,
        "who": invoice.who.email if invoice.who else None,
        "imported_at": time_text(invoice.imported_at) if invoice.imported_at else None,
    }


def preview_body(reading: Reading, found: Preview) -> dict[str, Any]:
    return {
        "file_format": reading.format,
        "first_day": reading.first_day,
        "last_day": reading.last_day,
        "lines": len(reading.lines),
        "totals": texts(found.totals),
        "replaced": [
            {
                "invoice_id": one.invoice_id,
                "days": one.days,
                "lines": one.lines,
                "usd": usd_text(one.usd),
            }
            for one in found.replaced
        ],
        "warnings": found.warnings,
        "problem_count": reading.problem_count,
        "problems": [{"line": one.line, "reason": one.reason} for one in reading.problems],
    }


def reconciliation_body(found: Reconciliation) -> dict[str, Any]:
    days = list(found.days)
    return {
        "first_day": days[0],
        "last_day": days[-1],
        "total": sums_body(found.total),
        "providers": [
            {"provider": name, **sums_body(sums)} for name, sums in found.providers.items()
        ],
        "not_invoiced": {name: usd_text(usd) for name, usd in found.not_invoiced.items()},
        "rows": [row_body(row) for row in found.rows],
    }


def sums_body(sums: Sums) -> dict[str, Any]:
    return {
        "billed_usd": usd_text(sums.billed_usd),
        "captured_usd": usd_text(sums.captured_usd),
        "gap_usd": usd_text(sums.gap_usd),
        "capture_rate": share_text(sums.capture_rate),
        "by_reason": {reason: usd_text(usd) for reason, usd in sums.by_reason.items()},
        "foreign": texts(sums.foreign),
        "captured_aside_usd": usd_text(sums.captured_aside_usd),
        "last_billed_day": sums.last_billed,
    }


def row_body(row: Row) -> dict[str, Any]:
    return {
        "day": row.day,
        "provider": row.provider,
        "model": row.model,
        "service_tier": row.service_tier,
        "category": row.category,
        "billed_usd": usd_text(row.billed_usd),
        "captured_usd": usd_text(row.captured_usd),
        "gap_usd": usd_text(row.gap_usd),
        "gap_share": share_text(row.gap_share),
        "reason": row.reason,
        "evidence": row.evidence,
        "calls": row.calls,
        "unpriced_calls": row.unpriced_calls,
        "billed_tokens": None if row.billed_tokens is None else tokens_body(row.billed_tokens),
        "captured_tokens": tokens_body(row.captured_tokens),
    }


def tokens_body(tokens: Any) -> dict[str, int]:
    names = ("input", "cache_read", "cache_write", "output")
    return {name: int(getattr(tokens, name)) for name in names}


def texts(amounts: Mapping[str, Decimal]) -> dict[str, str]:
    return {code: f"{amount:f}" for code, amount in sorted(amounts.items())}


def share_text(share: Decimal | None) -> str | None:
    return None if share is None else f"{share.quantize(SHARE_PLACES):f}"
