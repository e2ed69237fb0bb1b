"""The form in which an export is handed in."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from finops.invoices.formats import TITLES
from finops.invoices.limits import MIB

# What a draft may keep in the database until its yes; the API and the command take more.
LARGEST = 16 * MIB


class UploadForm(forms.Form):
    """A file, and what it doesn't say itself."""

    file = forms.FileField(
        label="Export",
        help_text="CSV, JSON or Parquet, also as gzip, up to 16 MiB.",
        widget=forms.FileInput(attrs={"accept": ".csv,.json,.jsonl,.parquet,.gz"}),
    )
    format = forms.ChoiceField(
        label="Format",
        required=False,
        choices=[("", "Find out"), *TITLES.items()],
    )
    account = forms.CharField(
        label="Account",
        required=False,
        max_length=200,
        help_text="Who is billed, where the file doesn't say it.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    mapping = forms.CharField(
        label="Mapping",
        required=False,
        max_length=20_000,
        help_text=(
            'For another CSV: {"columns": {"day": "Date", "model": "Model", "amount": "Cost"}, '
            '"provider": "mistral"}'
        ),
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
    )

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > LARGEST:
            raise ValidationError(
                "The file is larger than 16 MiB: use the API or manage.py import_invoice."
            )
        return file
