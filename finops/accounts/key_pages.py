"""The API keys of a workspace: list, create with the secret shown once, revoke."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from finops.accounts.access import WorkspaceRequest, require_role
from finops.accounts.keys import create_key, revoke_key
from finops.accounts.models import ApiKey, Role, Scope, Workspace


class KeyForm(forms.Form):
    """A name that no living key of the workspace has, and one scope or more."""

    name = forms.CharField(
        max_length=100, help_text="Which app or person will use it, such as checkout-service."
    )
    scopes = forms.MultipleChoiceField(
        choices=Scope.choices, widget=forms.CheckboxSelectMultiple, initial=[Scope.INGEST]
    )

    def __init__(self, workspace: Workspace, data: object = None) -> None:
        super().__init__(data)  # type: ignore[arg-type]
        self.workspace = workspace

    def clean_name(self) -> str:
        # also keeps a page that is loaded again from making a second key
        name = str(self.cleaned_data["name"])
        if ApiKey.objects.filter(workspace=self.workspace, name=name, revoked_at=None).exists():
            raise forms.ValidationError("A key of this name exists: revoke it or choose another.")
        return name


@never_cache
@require_http_methods(["GET", "POST"])
@require_role(Role.ADMIN)
def keys_page(request: WorkspaceRequest) -> HttpResponse:
    """List the keys; a POST makes one and shows its secret in the answer, nowhere else."""
    form = KeyForm(request.workspace, request.POST if request.method == "POST" else None)
    created, secret = None, ""
    if form.is_valid():
        data = form.cleaned_data
        created, secret = create_key(
            request.workspace, data["name"], data["scopes"], actor=request.user
        )
        form = KeyForm(request.workspace)
    keys = request.workspace.api_keys.select_related("created_by").order_by("-created_at", "-pk")
    context = {
        "form": form,
        "created": created,
        "secret": secret,
        "keys": keys,
    }
    return render(request, "accounts/keys.html", context)


@require_POST
@require_role(Role.ADMIN)
def revoke_key_page(request: WorkspaceRequest, key_id: int) -> HttpResponse:
    """Revoke a key of this workspace; another's doesn't exist here."""
    key = get_object_or_404(ApiKey, pk=key_id, workspace=request.workspace)
    revoke_key(key, now=timezone.now(), actor=request.user)
    messages.success(request, f"{key.name} is revoked; requests with it are refused from now on.")
    return redirect("keys")
