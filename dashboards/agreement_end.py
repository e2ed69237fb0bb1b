"""Asking when an agreement ends, and ending it: the same for all kinds of agreements."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render

from dashboards.contract_form import EndForm, add_problem, midnight
from finops.accounts.access import WorkspaceRequest
from finops.pricing.errors import TermsRefused


def end_page(
    request: WorkspaceRequest,
    what: str,
    end: Callable[[datetime], object],
    said: Callable[[date], str],
    *,
    back: str,
) -> HttpResponse:
    """Show the question, or `end` the agreement at the midnight of the day that was answered.

    `said` puts that into words; `back` is the page of all such agreements.
    """
    form = EndForm(request.POST or None, label_suffix="")
    if request.method == "POST" and form.is_valid():
        day = form.cleaned_data["valid_to"]
        try:
            end(midnight(day))
        except TermsRefused as refused:
            add_problem(form, refused.problem)
        else:
            messages.success(request, said(day))
            return redirect(back)
    context = {"form": form, "what": what, "back": back}
    return render(request, "dashboards/agreement_end.html", context)
