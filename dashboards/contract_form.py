"""The form of a contract rate: prices for 1M tokens, or a discount; its rules are the model's."""

from __future__ import annotations

from datetime import UTC, datetime, time
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from finops.pricing.models import Tier
from finops.pricing.terms import PRICES, STANDARD

# What most contracts name; the API takes every price.
ASKED = {
    "input_usd": "Input",
    "cache_read_usd": "Cache read",
    "cache_write_5m_usd": "Cache write, 5 min",
    "cache_write_1h_usd": "Cache write, 1 h",
    "output_usd": "Output",
    "reasoning_usd": "Reasoning",
    "call_usd": "Each call",
}
CHOICES = [(tier.value or STANDARD, tier.label) for tier in Tier]


def price_field(label: str, help_text: str = "") -> forms.DecimalField:
    return forms.DecimalField(
        required=False,
        label=label,
        help_text=help_text,
        max_digits=19,
        decimal_places=12,
        min_value=Decimal(0),
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )


def day_field(label: str, *, required: bool, help_text: str) -> forms.DateField:
    return forms.DateField(
        label=label,
        required=required,
        help_text=help_text,
        widget=forms.DateInput(attrs={"type": "date"}),
    )


class ContractForm(forms.Form):
    """What a contract rate takes; one that is left empty stays at list price."""

    provider = forms.CharField(
        required=False, max_length=100, help_text="As calls or the list name it."
    )
    model = forms.CharField(max_length=200, help_text="'*' is every model, for a discount.")
    service_tier = forms.ChoiceField(label="Tier", choices=CHOICES)
    discount_percent = forms.DecimalField(
        required=False,
        label="Discount off the list, in percent",
        max_digits=7,
        decimal_places=4,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )
    input_usd = price_field(ASKED["input_usd"])
    cache_read_usd = price_field(ASKED["cache_read_usd"])
    cache_write_5m_usd = price_field(ASKED["cache_write_5m_usd"])
    cache_write_1h_usd = price_field(ASKED["cache_write_1h_usd"])
    output_usd = price_field(ASKED["output_usd"])
    reasoning_usd = price_field(ASKED["reasoning_usd"])
    call_usd = price_field(ASKED["call_usd"], "USD for one call.")
    valid_from = day_field("From", required=True, help_text="The first day, in UTC.")
    valid_to = day_field("Until", required=False, help_text="The first day at other prices.")
    why = forms.CharField(max_length=500, label="Why", help_text="Such as the contract's number.")

    def terms(self) -> dict[str, Any]:
        """Return what `override_of` takes; call it on a valid form."""
        data = self.cleaned_data
        return {
            "provider": data["provider"],
            "model": data["model"],
            "service_tier": data["service_tier"],
            "discount_percent": data["discount_percent"],
            "valid_from": midnight(data["valid_from"]),
            "valid_to": midnight(data["valid_to"]) if data["valid_to"] else None,
            "why": data["why"],
            **{PRICES[column]: data[column] for column in ASKED},
        }

    def add_problem(self, problem: ValidationError) -> None:
        """Show what the model's own rules said beside the fields that it is about."""
        add_problem(self, problem)


class EndForm(forms.Form):
    """When a contract rate ends."""

    valid_to = day_field("Ends on", required=True, help_text="The first day at other prices, UTC.")


def add_problem(form: forms.Form, problem: ValidationError) -> None:
    fields = problem.message_dict if hasattr(problem, "error_dict") else {"": problem.messages}
    for name, lines in fields.items():
        form.add_error(name if name in form.fields else None, list(lines))


def midnight(day: Any) -> datetime:
    return datetime.combine(day, time(), UTC)
