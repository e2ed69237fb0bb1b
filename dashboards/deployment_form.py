"""The form of a deployment; its rules are the model's."""

from __future__ import annotations

from typing import Any

from django import forms

from dashboards.contract_form import day_field, midnight


class DeploymentForm(forms.Form):
    """What a deployment takes."""

    provider = forms.CharField(required=False, max_length=100, help_text="As calls name it.")
    name = forms.CharField(max_length=200, help_text="As calls name their model.")
    model = forms.CharField(
        max_length=200, label="Billed as", help_text="As the list or a contract names the model."
    )
    model_provider = forms.CharField(
        required=False,
        max_length=100,
        label="Of the provider",
        help_text="Left empty: the same provider.",
    )
    valid_from = day_field("From", required=True, help_text="The first day, in UTC.")
    valid_to = day_field("Until", required=False, help_text="The first day that it is another.")
    why = forms.CharField(max_length=500, label="Why", help_text="How you know.")

    def terms(self) -> dict[str, Any]:
        """Return the columns of a deployment; call it on a valid form."""
        end = self.cleaned_data["valid_to"]
        return {
            **self.cleaned_data,
            "valid_from": midnight(self.cleaned_data["valid_from"]),
            "valid_to": midnight(end) if end else None,
        }
