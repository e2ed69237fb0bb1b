"""The forms of the currency page: what pages show, and what a dollar was worth on a day."""

from __future__ import annotations

from typing import Any

from django import forms

from finops.pricing.errors import TermsRefused

LETTERS = {"autocomplete": "off", "maxlength": "3", "size": "5", "spellcheck": "false"}


class CurrencyForm(forms.Form):
    """What pages show money in."""

    currency = forms.CharField(
        label="Pages show",
        max_length=3,
        help_text="ISO 4217, such as EUR. The ledger, the API and exports stay in USD.",
        widget=forms.TextInput(attrs=LETTERS),
    )


class ExchangeRateForm(forms.Form):
    """One exchange rate."""

    currency = forms.CharField(
        label="Currency", max_length=3, widget=forms.TextInput(attrs=LETTERS)
    )
    day = forms.DateField(
        label="From",
        help_text="It holds from this day (UTC) until the next rate. The same day again corrects.",
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    per_usd = forms.DecimalField(
        label="1 USD is",
        max_digits=20,
        decimal_places=10,
        help_text="In the currency, such as 0.9213.",
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )
    why = forms.CharField(
        label="Where the rate comes from",
        max_length=500,
        widget=forms.TextInput(attrs={"placeholder": "such as ECB reference rate"}),
    )


def add_problem(form: forms.Form, refused: TermsRefused) -> None:
    """Show what was refused beside the fields that it is about."""
    problem = refused.problem
    by_field: dict[str, Any] = (
        problem.message_dict if hasattr(problem, "error_dict") else {"": problem.messages}
    )
    for field, lines in by_field.items():
        form.add_error(field if field in form.fields else None, lines)
