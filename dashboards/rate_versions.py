"""/rates/versions: catalogues and how they differ; upload, adopt, compare LiteLLM's."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from dashboards.catalogue_lines import MODELS_SHOWN, FileForm, context_of
from finops.accounts.access import WorkspaceRequest, require_role
from finops.accounts.models import Role
from finops.clickhouse.client import warehouse
from finops.clickhouse.errors import WarehouseError
from finops.config import ConfigError
from finops.pricing.compare import compare, read_litellm
from finops.pricing.errors import CatalogueRefused, NotForAll
from finops.pricing.in_force import INSTALLED, catalogue_in_force, rates_of
from finops.pricing.meters import METERS
from finops.pricing.publish import publish_rates
from finops.pricing.stored_catalogue import StoredCatalogue
from finops.pricing.upload import adopt_catalogue, check_sets_list_prices, upload_catalogue
from finops.pricing.versions import (
    UPLOAD,
    list_catalogues,
    number_in,
)
from finops.pricing.wording import price_text

OPINIONS_SHOWN = 300


class WhyForm(forms.Form):
    """The reason that the audit trail keeps."""

    why = forms.CharField(
        max_length=500,
        label="Why",
        help_text="Members of every workspace here can read it.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


@require_safe
@require_role(Role.VIEWER)
def rate_versions_page(request: WorkspaceRequest) -> HttpResponse:
    """List catalogues and published versions; ?from= and ?to= show what differs."""
    return render(request, "dashboards/rate_versions.html", context_of(request))


@require_POST
@require_role(Role.ADMIN)
def upload_catalogue_page(request: WorkspaceRequest) -> HttpResponse:
    """Keep a catalogue, and show what adopting it would change."""
    refuse_others(request)
    form = FileForm(request.POST, request.FILES, label_suffix="")
    if form.is_valid():
        file = form.cleaned_data["file"]
        try:
            kept = upload_catalogue(
                file.read(), file.name or "", actor=request.user, now=timezone.now()
            )
        except CatalogueRefused as refused:
            form.add_error("file", str(refused))
        else:
            ref = f"{UPLOAD}{kept.pk}"
            holds = catalogue_in_force()
            before = INSTALLED if holds.number is None else f"{UPLOAD}{holds.number}"
            messages.success(request, f"{kept.name} is kept. No price changes until it is adopted.")
            query = urlencode({"from": before, "to": ref})
            return redirect(f"{reverse('rate-versions')}?{query}#difference")
    context = {**context_of(request), "upload": form}
    return render(request, "dashboards/rate_versions.html", context, status=400)


@require_http_methods(["GET", "POST"])
@require_role(Role.ADMIN)
def adopt_catalogue_page(request: WorkspaceRequest, ref: str) -> HttpResponse:
    """Ask why, then make a catalogue the price of record."""
    refuse_others(request)
    found = list_catalogues(request.workspace, timezone.now())
    listed = next((one for one in found if one.ref == ref), None)
    if listed is None:
        raise Http404("no such catalogue")
    form = WhyForm(request.POST or None, label_suffix="")
    if request.method == "POST" and form.is_valid() and adopt(request, form, ref):
        messages.success(
            request, f"{listed.label} is the price of record. Earlier calls are repriced by it."
        )
        return redirect("rate-versions")
    return render(request, "dashboards/rate_adopt.html", {"form": form, "listed": listed})


@require_POST
@require_role(Role.ANALYST)
def compare_prices_page(request: WorkspaceRequest) -> HttpResponse:
    """Show LiteLLM's prices beside ours; the file is read and forgotten."""
    form = FileForm(request.POST, request.FILES, label_suffix="")
    context = context_of(request)
    if form.is_valid():
        try:
            entries = read_litellm(form.cleaned_data["file"].read())
        except CatalogueRefused as refused:
            form.add_error("file", str(refused))
        else:
            found = compare(entries, rates_of(catalogue_in_force()), timezone.now())
            differ = [one for one in found.opinions if one.verdict == "differ"]
            context |= {
                "comparison": {
                    "agree": found.count("agree"),
                    "differ": len(differ),
                    "only_ours": found.count("only_ours"),
                    "only_theirs": found.count("only_theirs"),
                    "unknown": found.unknown[:MODELS_SHOWN],
                    "unknown_in_all": len(found.unknown),
                    "lines": [
                        {
                            "opinion": one,
                            "meter": METERS[one.meter],
                            "ours": price_text(one.ours),
                            "theirs": price_text(one.theirs),
                        }
                        for one in differ[:OPINIONS_SHOWN]
                    ],
                }
            }
            return render(request, "dashboards/rate_versions.html", context)
    return render(
        request, "dashboards/rate_versions.html", {**context, "litellm": form}, status=400
    )


def refuse_others(request: WorkspaceRequest) -> None:
    try:
        check_sets_list_prices(request.user, request.workspace)
    except NotForAll as error:
        raise PermissionDenied(str(error)) from None


def adopt(request: WorkspaceRequest, form: WhyForm, ref: str) -> bool:
    """Adopt and publish; False leaves the form with what is wrong."""
    now = timezone.now()
    number = number_in(ref, UPLOAD)
    catalogue = StoredCatalogue.objects.get(pk=number) if number is not None else None
    try:
        adopt_catalogue(
            catalogue,
            actor=request.user,
            workspace=request.workspace,
            why=form.cleaned_data["why"],
            now=now,
        )
    except CatalogueRefused as refused:
        form.add_error(None, str(refused))
        return False
    try:
        with warehouse() as ch:
            publish_rates(ch, now=now)
    except (WarehouseError, ConfigError):
        messages.warning(request, "The ledger is away: the rates are published when it is back.")
    return True
