"""Log in, log out, change the password: Django's own views with our forms and pages."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.contrib.auth.views import LoginView, PasswordChangeView
from django.http import HttpRequest, HttpResponse
from django.urls import reverse_lazy
from django.utils import timezone

from finops.accounts.models import User
from finops.accounts.throttle import is_closed_to, locked_page


class LoginForm(AuthenticationForm):
    """E-mail address and password; which of the two was wrong is never said."""

    username = forms.EmailField(
        label="E-mail address",
        max_length=254,
        widget=forms.EmailInput(attrs={"autofocus": True, "autocomplete": "username"}),
    )
    error_messages = {
        "invalid_login": "E-mail address or password is wrong.",
        "inactive": "E-mail address or password is wrong.",
    }


class PasswordForm(PasswordChangeForm):
    """Django's form with what is allowed in one sentence."""

    def __init__(self, user: User, *arguments: Any, **options: Any) -> None:
        super().__init__(user, *arguments, **options)
        self.fields[
            "new_password1"
        ].help_text = "12 characters or more, no common one, and nothing like your name or address."
        self.fields["new_password2"].label = "New password again"
        self.fields["new_password2"].help_text = ""


class LoginPage(LoginView):
    """The login page; `next` is followed only within this site."""

    authentication_form = LoginForm
    template_name = "accounts/login.html"
    redirect_authenticated_user = True

    def post(self, request: HttpRequest, *arguments: Any, **options: Any) -> HttpResponse:
        """Try a login, unless too many from this address have failed."""
        if is_closed_to(request, timezone.now()):
            return locked_page(request, None)
        return super().post(request, *arguments, **options)


class PasswordPage(PasswordChangeView):
    """Change one's own password; every other session of the user ends."""

    form_class = PasswordForm
    template_name = "accounts/password.html"
    success_url = reverse_lazy("password")

    def form_valid(self, form: PasswordChangeForm) -> HttpResponse:
        messages.success(self.request, "Your password is changed.")
        return super().form_valid(form)
