"""`manage.py create_user`: make a user and a membership."""

from __future__ import annotations

import getpass
from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from finops.accounts.management.workspace_option import add_workspace_option, find_workspace
from finops.accounts.models import Role, User, Workspace
from finops.accounts.passwords import generate_password
from finops.accounts.workspaces import set_role


class Command(BaseCommand):
    help = (
        "Make a user and a membership; one who exists gets the membership or the new role. "
        "The password is generated and printed once, or asked for with --ask-password."
    )

    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_workspace_option(parser)
        parser.add_argument("--email", required=True)
        parser.add_argument("--name", default="", help="how the person is called")
        parser.add_argument("--role", choices=Role.values, default=Role.VIEWER.value)
        parser.add_argument(
            "--ask-password", action="store_true", help="ask for the password on the terminal"
        )

    def handle(self, **options: Any) -> None:
        workspace = find_workspace(options["workspace"])
        email = options["email"].strip().lower()
        role = Role(options["role"])
        user = User.objects.filter(email=email).first()
        generated = ""
        try:
            if user is None and options["ask_password"]:
                user = create_member(email, ask_password(email), options["name"], workspace, role)
            elif user is None:
                generated = generate_password()
                user = create_member(email, generated, options["name"], workspace, role)
            else:
                set_role(user, workspace, role)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None
        self.stdout.write(f"{email} is {role.label} of {workspace.name}.")
        if generated:
            self.stdout.write(f"Password (shown once): {generated}")


def create_member(email: str, password: str, name: str, workspace: Workspace, role: Role) -> User:
    """Make both or neither; raises ValidationError when the address is none."""
    with transaction.atomic():
        user = User.objects.create_user(email, password, name=name)
        set_role(user, workspace, role)
    return user


def ask_password(email: str) -> str:
    """Ask twice on the terminal; raises ValidationError for a weak or mistyped password."""
    password = getpass.getpass(f"Password for {email}: ")
    validate_password(password, User(email=email))
    if getpass.getpass("The same again: ") != password:
        raise ValidationError("The two passwords differ.")
    return password
