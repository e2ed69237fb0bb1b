"""The form of a budget, in the words that people type: addresses by line, thresholds by comma."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from finops.budgets.change import messages_by_field
from finops.budgets.models import (
    Budget,
    check_recipients,
    check_thresholds,
    default_thresholds,
)

FIELD_OF = {"tenant": "tenant", "amount_usd": "amount", "": None}


class BudgetForm(forms.Form):
    """Fields of a budget; the rules themselves are the model's, see `add_errors`."""

    tenant = forms.CharField(
        required=False,
        max_length=200,
        label="Tenant",
        help_text="Leave empty for the whole workspace.",
        widget=forms.TextInput(attrs={"list": "tenants", "autocomplete": "off"}),
    )
    amount = forms.DecimalField(
        label="Amount a month, in USD",
        max_digits=15,
        decimal_places=6,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )
    thresholds = forms.CharField(
        label="Alert at, in percent",
        help_text="One e-mail for each, once a month; for several at once, only for the highest.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    recipients = forms.CharField(
        label="E-mail to",
        help_text="One address a line.",
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
    )

    def clean_thresholds(self) -> list[int]:
        parts = split(self.cleaned_data["thresholds"].replace("%", " "))
        if not all(part.isascii() and part.isdigit() and len(part) < 6 for part in parts):
            raise ValidationError("Write whole percentages, such as 80, 100.")
        thresholds = sorted({int(part) for part in parts})
        check_thresholds(thresholds)
        return thresholds

    def clean_recipients(self) -> list[str]:
        recipients = split(self.cleaned_data["recipients"])
        check_recipients(recipients)
        return recipients

    def values(self) -> dict[str, Any]:
        """Return the budget's values; call it on a valid form."""
        names = {"amount": "amount_usd"}
        return {names.get(name, name): value for name, value in self.cleaned_data.items()}

    def add_errors(self, error: ValidationError) -> None:
        """Show what the budget's own rules said beside the fields that it is about."""
        for field, messages in messages_by_field(error).items():
            name = FIELD_OF.get(field, field)
            self.add_error(name if name in self.fields else None, list(messages))


def split(text: str) -> list[str]:
    """Split at commas, semicolons and white space; each part once, in order."""
    return list(dict.fromkeys(part for part in re.split(r"[,;\s]+", text) if part))


def initial_of(budget: Budget) -> dict[str, Any]:
    """Return a budget as the form shows it."""
    return {
        "tenant": budget.tenant,
        "amount": f"{budget.amount_usd.normalize():f}",
        "thresholds": ", ".join(map(str, budget.thresholds)),
        "recipients": "\n".join(budget.recipients),
    }


def initial_of_new(email: str, tenant: str) -> dict[str, Any]:
    """Return what a new budget starts from: 80 and 100 percent, told to its author."""
    return {
        "tenant": tenant,
        "thresholds": ", ".join(map(str, default_thresholds())),
        "recipients": email,
    }
