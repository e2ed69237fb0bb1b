"""The forms of a GPU pool: what it serves, which GPUs it has, what they cost."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from finops.pricing.gpu_price import Kind
from finops.pricing.pools import GpuPool, Sharing

LISTS = ("serves", "providers", "tenants", "labels", "hosts", "gpu_models")
NUMBER = {"inputmode": "decimal", "autocomplete": "off"}


class NamesField(forms.CharField):
    """Names by comma or line."""

    def __init__(self, label: str, help_text: str) -> None:
        widget = forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"})
        super().__init__(
            label=label, help_text=help_text, required=False, max_length=5000, widget=widget
        )

    def to_python(self, value: Any) -> list[str]:  # type: ignore[override]
        text = super().to_python(value) or ""
        return list(
            dict.fromkeys(part.strip() for part in re.split(r"[,\n]", text) if part.strip())
        )

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(value) if isinstance(value, list) else value

    def run_validators(self, value: Any) -> None:
        """The model's own rules look at each name."""


def amount(label: str, help_text: str = "") -> forms.DecimalField:
    widget = forms.TextInput(attrs=NUMBER)
    return forms.DecimalField(label=label, help_text=help_text, required=False, widget=widget)


class PoolFormPart(forms.Form):
    """A part of a pool's page; what the models have against it is shown beside the fields."""

    def add_errors(self, problem: ValidationError) -> None:
        by_field = (
            problem.message_dict if hasattr(problem, "error_dict") else {"": problem.messages}
        )
        for field, messages in by_field.items():
            self.add_error(field if field in self.fields else None, messages)


class DatedForm(PoolFormPart):
    """From when, in UTC, and why."""

    valid_from = forms.DateTimeField(
        label="From, in UTC",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )
    why = forms.CharField(label="Why", max_length=500, help_text="Such as the order's number.")

    def clean_valid_from(self) -> datetime:
        moment: datetime = self.cleaned_data["valid_from"]
        # The field reads the clock of the process; the label says UTC.
        naive = timezone.make_naive(moment) if timezone.is_aware(moment) else moment
        return naive.replace(tzinfo=UTC)


class PoolForm(PoolFormPart):
    """What a pool serves, for whom, and how its busy part is shared."""

    name = forms.CharField(label="Name", max_length=100)
    serves = NamesField(
        "Models that run on it",
        "By comma, as llama*, qwen3-8b. Empty: every call of an inference server.",
    )
    tenants = NamesField("Only calls of these tenants", "By comma; empty: everybody's.")
    providers = NamesField(
        "Providers that stand for it", "Beside vllm, sglang, ollama and the like."
    )
    sharing = forms.ChoiceField(label="Busy time is shared", choices=Sharing.choices)
    overhead_percent = forms.DecimalField(
        label="Overhead, in percent",
        help_text="CPU, memory and network, on top of the GPUs' cost.",
        widget=forms.TextInput(attrs=NUMBER),
    )
    why = forms.CharField(label="Why", max_length=500, help_text="For the audit trail.")


class MembersForm(DatedForm):
    """Which GPUs a pool has from a moment on."""

    gpus = forms.IntegerField(
        label="GPUs that are paid for",
        required=False,
        min_value=0,
        help_text="Empty: as many as report. With a number, silent ones are billed and shown.",
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )
    labels = NamesField(
        "Their label pool", "By comma. With all three lists empty: the pool's name."
    )
    hosts = NamesField("Their hosts", "By comma, as node-*, gpu-7.")
    gpu_models = NamesField("Their GPU models", "By comma, as *H100*.")
    field_order = ("gpus", "labels", "hosts", "gpu_models", "valid_from", "why")


class PriceForm(DatedForm):
    """What a pool's GPUs cost from a moment on."""

    kind = forms.ChoiceField(label="Paid for", choices=Kind.choices)
    gpus = forms.IntegerField(
        label="For how many GPUs",
        required=False,
        min_value=1,
        help_text="Empty: for all that no other price covers.",
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )
    usd_per_gpu_hour = amount("Rented: USD per GPU-hour")
    purchase_usd = amount("Owned: purchase price of them together, USD")
    salvage_usd = amount("Owned: worth at the end, USD")
    months = forms.IntegerField(
        label="Owned: months of use",
        required=False,
        min_value=1,
        help_text="Written off in equal parts.",
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )
    hosting_usd_per_gpu_hour = amount("Owned: hosting, USD per GPU-hour")
    usd_per_kwh = amount("Energy, USD per kWh", "Empty where it is in the price.")
    pue = forms.DecimalField(
        label="PUE", help_text="Energy of the site ÷ of the GPUs.", initial="1",
        widget=forms.TextInput(attrs=NUMBER),
    )  # fmt: skip
    gco2e_per_kwh = amount("Grid, grams CO2e per kWh", "For emissions; empty: not shown.")
    field_order = (
        "kind", "gpus", "usd_per_gpu_hour", "purchase_usd", "salvage_usd", "months",
        "hosting_usd_per_gpu_hour", "usd_per_kwh", "pue", "gco2e_per_kwh", "valid_from", "why",
    )  # fmt: skip


class FirstPriceForm(PriceForm):
    """The price of a new pool, which may come later."""

    kind = forms.ChoiceField(
        label="Paid for", choices=[("", "Price comes later"), *Kind.choices], required=False
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        # The date and the reason are those of the GPUs.
        for name in ("valid_from", "why", "gpus"):
            del self.fields[name]


class EndPriceForm(PoolFormPart):
    """When a price ends."""

    valid_to = forms.DateTimeField(
        label="Ends, in UTC",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )

    def clean_valid_to(self) -> datetime:
        moment: datetime = self.cleaned_data["valid_to"]
        naive = timezone.make_naive(moment) if timezone.is_aware(moment) else moment
        return naive.replace(tzinfo=UTC)


def initial_of(pool: GpuPool) -> dict[str, Any]:
    """Return a pool as its form shows it."""
    percent = f"{pool.overhead_percent.normalize():f}"
    names = ("name", "serves", "tenants", "providers", "sharing")
    return {**{name: getattr(pool, name) for name in names}, "overhead_percent": percent}
