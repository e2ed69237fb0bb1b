"""What the page of price catalogues shows: catalogues, versions, and what differs between two."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils import timezone

from dashboards.asking import Asker
from finops.accounts.access import WorkspaceRequest, has_role
from finops.accounts.models import Role
from finops.pricing.difference import Change
from finops.pricing.errors import CatalogueRefused, NotForAll
from finops.pricing.meters import METERS
from finops.pricing.models import RateVersion
from finops.pricing.price_file import MOST_BYTES
from finops.pricing.upload import check_sets_list_prices
from finops.pricing.versions import (
    PUBLISHED,
    Listed,
    age_in_words,
    age_of,
    is_stale,
    list_catalogues,
)
from finops.pricing.wording import condition_text, price_text
from finops.queries.catalogue_difference import compare_sides, side_of

VERSIONS_SHOWN = 30
CHANGES_SHOWN = 300
MODELS_SHOWN = 100


class FileForm(forms.Form):
    """One file, no larger than a catalogue may be."""

    file = forms.FileField(label="File")

    def clean_file(self) -> UploadedFile[Any]:
        file: UploadedFile[Any] = self.cleaned_data["file"]
        if (file.size or 0) > MOST_BYTES:
            raise forms.ValidationError(f"The file is larger than {MOST_BYTES // 1024**2} MiB.")
        return file


def context_of(request: WorkspaceRequest) -> dict[str, Any]:
    """Return all that the page of catalogues shows, both forms empty."""
    workspace, now = request.workspace, timezone.now()
    catalogues = list_catalogues(workspace, now)
    versions = RateVersion.objects.exclude(published_at=None).order_by("-number")[:VERSIONS_SHOWN]
    context: dict[str, Any] = {
        "lines": [catalogue_line(listed, now) for listed in catalogues],
        "stale": next((catalogue_line(one, now) for one in catalogues if one.in_force), None),
        "versions": versions,
        "sides": [
            *((one.ref, one.label) for one in catalogues),
            *((f"{PUBLISHED}{v.number}", f"rates {v.number}") for v in versions),
        ],
        "upload": FileForm(label_suffix=""),
        "litellm": FileForm(label_suffix=""),
        "may_set": may_set(request),
        "may_compare": has_role(request.membership, Role.ANALYST),
    }
    refs = request.GET.get("from", ""), request.GET.get("to", "")
    if all(refs):
        context |= difference_context(request, *refs)
    return context


def catalogue_line(listed: Listed, now: datetime) -> dict[str, Any]:
    return {
        "one": listed,
        "age": age_in_words(age_of(listed.newest_price, now)),
        "stale": is_stale(listed, now),
    }


def difference_context(request: WorkspaceRequest, old: str, new: str) -> dict[str, Any]:
    asker, chosen = Asker(), {"old": old, "new": new}
    try:
        found = asker.ask(
            lambda ch: compare_sides(
                side_of(ch, request.workspace.pk, old), side_of(ch, request.workspace.pk, new)
            )
        )
    except CatalogueRefused as refused:
        return {"difference_problem": str(refused), **chosen}
    if found.value is None:
        return {"difference_problem": found.problem, **chosen}
    value = found.value
    return {
        **chosen,
        "difference": {
            "added": value.added[:MODELS_SHOWN],
            "added_in_all": len(value.added),
            "removed": value.removed[:MODELS_SHOWN],
            "removed_in_all": len(value.removed),
            "changes": [change_line(change) for change in value.changes[:CHANGES_SHOWN]],
            "changes_in_all": len(value.changes),
            "empty": value.empty,
        },
    }


def change_line(change: Change) -> dict[str, Any]:
    percent = change.percent
    return {
        "change": change,
        "meter": METERS[change.meter],
        "old": price_text(change.old),
        "new": price_text(change.new),
        "percent": "" if percent is None else f"{'▲' if percent > 0 else '▼'} {abs(percent)} %",
        "tone": "rise" if percent is None or percent > 0 else "fall",
        "conditions": condition_text(change).removeprefix(", "),
    }


def may_set(request: WorkspaceRequest) -> bool:
    if not request.membership.administers:
        return False
    try:
        check_sets_list_prices(request.user, request.workspace)
    except NotForAll:
        return False
    return True
