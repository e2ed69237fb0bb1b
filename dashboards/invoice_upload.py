"""Hand an export in: look at what it would do, say yes or no; and take an invoice back."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from dashboards.amounts import count, usd
from dashboards.asking import Answer, Asker
from dashboards.invoice_form import UploadForm
from finops.accounts.access import WorkspaceRequest, require_role
from finops.accounts.models import Role
from finops.invoices.errors import InvoiceError
from finops.invoices.formats import TITLES
from finops.invoices.limits import WEB_LIMITS
from finops.invoices.models import Invoice
from finops.invoices.preview import Preview, preview
from finops.invoices.read import Reading
from finops.invoices.take_in import Offer, keep_draft, offer_of, take_back, take_in

GROUPS_SHOWN = 60
NOT_NOW = "The ledger can't be written at the moment; nothing was changed. Try again soon."


@require_http_methods(["GET", "POST"])
@require_role(Role.ANALYST)
def upload_invoice(request: WorkspaceRequest) -> HttpResponse:
    """Read an export and show what it would do; the file waits for a yes."""
    form = UploadForm(request.POST or None, request.FILES or None, label_suffix="")
    if request.method != "POST" or not form.is_valid():
        return render(request, "dashboards/invoice_upload.html", {"form": form})
    said = form.cleaned_data
    offer = Offer(
        said["file"], said["file"].name, said["format"], said["mapping"], said["account"].strip()
    )
    try:
        reading = offer.read(WEB_LIMITS)
    except InvoiceError as error:
        form.add_error("mapping" if error.code == "wrong_mapping" else "file", str(error))
        return render(request, "dashboards/invoice_upload.html", {"form": form})
    if reading.problem_count:
        return preview_page(request, reading, None)
    draft = keep_draft(request.workspace, offer, reading, now=timezone.now(), actor=request.user)
    return redirect("preview-invoice", draft.pk)


@require_http_methods(["GET", "POST"])
@require_role(Role.ANALYST)
def preview_invoice(request: WorkspaceRequest, invoice_id: int) -> HttpResponse:
    """Show what a draft would do; a POST takes it in, or with no=1 throws it away."""
    draft = get_object_or_404(
        Invoice, pk=invoice_id, workspace=request.workspace, state=Invoice.State.DRAFT
    )
    if request.method != "POST":
        return preview_page(request, offer_of(draft).read(WEB_LIMITS), draft)
    if request.POST.get("no"):
        draft.delete()
        messages.success(request, "Nothing was taken in.")
        return redirect("invoices")
    taken = Asker().ask(
        lambda ch: take_in(
            ch, request.workspace, offer_of(draft), now=timezone.now(), actor=request.user
        )
    )
    if taken.value is None:
        messages.error(request, NOT_NOW)
        return redirect("preview-invoice", draft.pk)
    draft.delete()
    messages.success(request, f"{taken.value.name} is taken in: {taken.value.lines:,} lines.")
    return redirect("invoices")


def preview_page(
    request: WorkspaceRequest, reading: Reading, draft: Invoice | None
) -> HttpResponse:
    found: Answer[Preview] = Asker().ask(lambda ch: preview(ch, request.workspace.pk, reading))
    context: dict[str, Any] = {
        "draft": draft,
        "reading": reading,
        "title": TITLES[reading.format],
        "found": found,
        "line_count": count(len(reading.lines)).exact,
    }
    if found.value is not None:
        context |= {
            "totals": [f"{total:,.2f} {code}" for code, total in found.value.totals.items()],
            "groups": [
                {
                    "group": one,
                    "amounts": ", ".join(
                        f"{total:,.4f} {code}" for code, total in one.totals.items()
                    ),
                    "tokens": count(int(one.tokens)).exact if one.tokens else "",
                }
                for one in found.value.groups[:GROUPS_SHOWN]
            ],
            "more_groups": max(0, len(found.value.groups) - GROUPS_SHOWN),
            "replaced": [(one, usd(one.usd)) for one in found.value.replaced],
        }
    return render(request, "dashboards/invoice_preview.html", context)


@require_http_methods(["GET", "POST"])
@require_role(Role.ADMIN)
def delete_invoice(request: WorkspaceRequest, invoice_id: int) -> HttpResponse:
    """Ask, then take an invoice and its lines back."""
    invoice = get_object_or_404(
        Invoice.objects.exclude(state=Invoice.State.DRAFT),
        pk=invoice_id,
        workspace=request.workspace,
    )
    if request.method != "POST":
        return render(request, "dashboards/invoice_delete.html", {"invoice": invoice})
    name = invoice.name

    def back(ch: Any) -> bool:
        take_back(ch, invoice, now=timezone.now(), actor=request.user)
        return True

    if Asker().ask(back).value:
        messages.success(request, f"{name} is deleted, and its lines with it.")
    else:
        messages.error(request, NOT_NOW)
    return redirect("invoices")
