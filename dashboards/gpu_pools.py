"""The pages of GPU pools: what is set, and the forms that set it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from dashboards.gpu_forms import (
    EndPriceForm,
    FirstPriceForm,
    MembersForm,
    PoolForm,
    PoolFormPart,
    PriceForm,
    initial_of,
)
from finops.accounts.access import WorkspaceRequest, has_role, require_role
from finops.accounts.models import Role
from finops.pricing.gpu_price import GpuPrice
from finops.pricing.pool_change import (
    PoolRefused,
    change_pool,
    delete_pool,
    end_price,
    open_pool,
    set_members,
    set_price,
)
from finops.pricing.pools import GpuPool

SOON = "Its hours are allocated again within minutes."
ADDS = {
    "gpus": (MembersForm, set_members, "The pool's GPUs are set."),
    "price": (PriceForm, set_price, "The price is set."),
}


def pools_of(request: WorkspaceRequest) -> Any:
    return request.workspace.gpu_pools.prefetch_related("memberships", "prices").order_by("name")


def find(request: WorkspaceRequest, pool_id: int) -> GpuPool:
    return get_object_or_404(GpuPool, pk=pool_id, workspace=request.workspace)


@require_safe
@require_role(Role.VIEWER)
def gpu_pools_page(request: WorkspaceRequest) -> HttpResponse:
    """List pools with their GPUs and prices by time."""
    context = {
        "pools": pools_of(request),
        "may_write": has_role(request.membership, Role.ANALYST),
        "now": timezone.now(),
    }
    return render(request, "dashboards/gpu_pools.html", context)


@require_http_methods(["GET", "POST"])
@require_role(Role.ANALYST)
def new_gpu_pool_page(request: WorkspaceRequest) -> HttpResponse:
    """Set a pool up; ?label= and ?hosts= fill in what was seen."""
    data = request.POST or None
    pool = PoolForm(data, initial=usual_pool(request), label_suffix="")
    members = MembersForm(data, initial=usual_members(request), label_suffix="", prefix="gpus")
    price = FirstPriceForm(data, label_suffix="", prefix="price")
    del pool.fields["why"]
    del members.fields["why"]
    why = WhyForm(data, label_suffix="")
    # Each is asked, so that each shows what is wrong with it.
    valid = [form.is_valid() for form in (pool, members, price, why)]
    if all(valid):
        made = put_pool(request, pool, members, price, why.cleaned_data["why"])
        if made is not None:
            messages.success(request, f"The pool {made.name} is set up. {SOON}")
            return redirect("gpus")
    context = {"pool": pool, "members": members, "price": price, "why": why}
    return render(request, "dashboards/gpu_pool_new.html", context)


class WhyForm(forms.Form):
    """The reason of a whole page."""

    why = forms.CharField(label="Why", max_length=500, help_text="Such as the order's number.")


def usual_pool(request: WorkspaceRequest) -> dict[str, Any]:
    return {"name": request.GET.get("label", ""), "overhead_percent": "0"}


def usual_members(request: WorkspaceRequest) -> dict[str, Any]:
    label, hosts = request.GET.get("label", ""), request.GET.get("hosts", "")
    today = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    return {
        "labels": [label] if label else [],
        "hosts": [] if label or not hosts else [hosts],
        "valid_from": today.strftime("%Y-%m-%dT%H:%M"),
    }


def put_pool(
    request: WorkspaceRequest, pool: PoolForm, members: MembersForm, price: FirstPriceForm, why: str
) -> GpuPool | None:
    """Set a pool up from its forms; None leaves them with their errors."""
    dated = {"valid_from": members.cleaned_data["valid_from"], "why": why}
    priced = {**price.cleaned_data, **dated} if price.cleaned_data["kind"] else None
    try:
        return open_pool(
            request.workspace,
            {**pool.cleaned_data, "why": why},
            {**members.cleaned_data, **dated},
            priced,
            actor=request.user,
        )
    except PoolRefused as error:
        form_of(error, pool, members, price).add_errors(error.problem)
        return None


def form_of(error: PoolRefused, *parts: PoolFormPart) -> PoolFormPart:
    """Which of the forms a problem is about: the one that has its first field."""
    fields = getattr(error.problem, "error_dict", {})
    return next((form for form in parts if set(fields) & set(form.fields)), parts[0])


@require_http_methods(["GET", "POST"])
@require_role(Role.ANALYST)
def gpu_pool_page(request: WorkspaceRequest, pool_id: int) -> HttpResponse:
    """Change what a pool serves; the forms for its GPUs and prices are on the same page."""
    pool = find(request, pool_id)
    form = PoolForm(request.POST or None, initial=initial_of(pool), label_suffix="")
    if form.is_valid():
        try:
            change_pool(pool, form.cleaned_data, actor=request.user)
        except PoolRefused as error:
            form.add_errors(error.problem)
        else:
            messages.success(request, f"The pool is changed. {SOON}")
            return redirect("gpu-pool", pool.pk)
    return pool_page(request, find(request, pool_id), about=form)


@require_POST
@require_role(Role.ANALYST)
def add_to_gpu_pool(request: WorkspaceRequest, pool_id: int, what: str) -> HttpResponse:
    """Give a pool GPUs or a price from a moment on."""
    pool = find(request, pool_id)
    kind, put, said = ADDS[what]
    form = kind(request.POST, label_suffix="", prefix=what)
    if form.is_valid():
        try:
            put(pool, form.cleaned_data, actor=request.user)
        except PoolRefused as error:
            form.add_errors(error.problem)
        else:
            messages.success(request, f"{said} {SOON}")
            return redirect("gpu-pool", pool.pk)
    return pool_page(request, pool, **{what: form})


@require_POST
@require_role(Role.ANALYST)
def end_gpu_price(request: WorkspaceRequest, pool_id: int, price_id: int) -> HttpResponse:
    """Say when a price ends."""
    price = get_object_or_404(GpuPrice, pk=price_id, pool=find(request, pool_id))
    form = EndPriceForm(request.POST, label_suffix="")
    if not form.is_valid():
        messages.error(request, "Say when the price ends, as 2026-11-21T14:00.")
    else:
        try:
            end_price(price, form.cleaned_data["valid_to"], actor=request.user)
            messages.success(request, f"The price ends. {SOON}")
        except PoolRefused as error:
            messages.error(request, str(error))
    return redirect("gpu-pool", pool_id)


@require_http_methods(["GET", "POST"])
@require_role(Role.ADMIN)
def delete_gpu_pool_page(request: WorkspaceRequest, pool_id: int) -> HttpResponse:
    """Ask, then delete a pool with its prices and bills."""
    pool = find(request, pool_id)
    if request.method != "POST":
        return render(request, "dashboards/gpu_pool_delete.html", {"pool": pool})
    delete_pool(pool, actor=request.user)
    messages.success(request, f"The pool {pool.name} is deleted; its bills go within minutes.")
    return redirect("gpu-pools")


def pool_page(request: WorkspaceRequest, pool: GpuPool, **given: forms.Form) -> HttpResponse:
    """Show a pool's page with the forms that were sent, and fresh ones beside them."""
    now: datetime = timezone.now()
    today = {"valid_from": now.replace(hour=0, minute=0).strftime("%Y-%m-%dT%H:%M")}
    newest = pool.memberships.order_by("-valid_from").first()
    names = ("gpus", "labels", "hosts", "gpu_models")
    held = {name: getattr(newest, name) for name in names} if newest else {}
    context = {
        "gpu_pool": pool,
        "may_delete": has_role(request.membership, Role.ADMIN),
        "members": pool.memberships.order_by("-valid_from"),
        "prices": pool.prices.order_by("-valid_from", "-pk"),
        "now": now,
        "form": given.get("about") or PoolForm(initial=initial_of(pool), label_suffix=""),
        "members_form": given.get("gpus")
        or MembersForm(initial={**held, **today}, label_suffix="", prefix="gpus"),
        "price_form": given.get("price")
        or PriceForm(initial=today, label_suffix="", prefix="price"),
    }
    return render(request, "dashboards/gpu_pool.html", context)
