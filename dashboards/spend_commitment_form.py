"""The form of a spend commitment; its rules are the model's."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms

from dashboards.contract_form import day_field, midnight


class SpendCommitmentForm(forms.Form):
    """What a commitment takes."""

    provider = forms.CharField(
        max_length=100, help_text="As calls or the list name it; '*' is every provider."
    )
    committed_usd = forms.DecimalField(
        label="Committed, in USD",
        max_digits=20,
        decimal_places=2,
        help_text="For the whole term.",
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )
    discount_percent = forms.DecimalField(
        label="Discount off the list, in percent",
        max_digits=7,
        decimal_places=4,
        initial=Decimal(0),
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )
    valid_from = day_field("From", required=True, help_text="The first day, in UTC.")
    valid_to = day_field("Until", required=True, help_text="The first day without it.")
    why = forms.CharField(max_length=500, label="Why", help_text="Such as the contract's number.")
    on_contract_rates = forms.BooleanField(
        required=False, label="The discount also comes off contract rates and other discounts"
    )

    def terms(self) -> dict[str, Any]:
        """Return the columns of a commitment; call it on a valid form."""
        days = {name: midnight(self.cleaned_data[name]) for name in ("valid_from", "valid_to")}
        return {**self.cleaned_data, **days}
