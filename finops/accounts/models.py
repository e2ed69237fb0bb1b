"""Who may do what: users, workspaces, memberships, API keys and the audit trail."""

from __future__ import annotations

import zoneinfo
from datetime import datetime
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Lower
from django.utils.timezone import now as utc_now


class Role(models.TextChoices):
    """What a member may do in one workspace, from all to least."""

    OWNER = "owner", "Owner"
    ADMIN = "admin", "Admin"
    ANALYST = "analyst", "Analyst"
    VIEWER = "viewer", "Viewer"


class Scope(models.TextChoices):
    """What an API key may do in its workspace; no scope includes another."""

    INGEST = "ingest", "Ingest: send traces"
    READ = "read", "Read: query costs"
    ADMIN = "admin", "Admin: change budgets, prices and keys"


def check_timezone(name: str) -> None:
    """Raise ValidationError unless `name` is an IANA time zone, such as Europe/Berlin."""
    if name not in zoneinfo.available_timezones():
        raise ValidationError(f"{name!r} is not a time zone; use a name such as Europe/Berlin.")


def check_scopes(scopes: Any) -> None:
    """Raise ValidationError unless `scopes` is a non-empty list of known scopes, each once."""
    if (
        not isinstance(scopes, list)
        or not scopes
        or len(set(scopes)) != len(scopes)
        or not set(scopes) <= set(Scope.values)
    ):
        raise ValidationError(f"Scopes are a list of one or more of {', '.join(Scope.values)}.")


# A workspace's own limits, named as the settings FINOPS_INGEST_*; 0 is without limit.
INGEST_LIMITS = ("spans_per_second", "bytes_per_second", "spans_per_request")


def check_ingest_limits(limits: Any) -> None:
    """Raise ValidationError unless `limits` maps names of INGEST_LIMITS to whole numbers."""
    if not isinstance(limits, dict) or not limits.keys() <= set(INGEST_LIMITS):
        raise ValidationError(f"Limits are some of {', '.join(INGEST_LIMITS)}.")
    if not all(type(limit) is int and 0 <= limit < 2**63 for limit in limits.values()):
        raise ValidationError("A limit is a whole number, or 0 for none.")


class UserManager(BaseUserManager["User"]):
    """Finds and makes users by e-mail address, whose case never matters."""

    def create_user(
        self, email: str, password: str | None, name: str = "", now: datetime | None = None
    ) -> User:
        """Make a user, as of `now`; with no password, nobody can log in until one is set.

        Raises ValidationError when the address is wrong or taken.
        """
        user = self.model(email=email.strip().lower(), name=name, created_at=now or utc_now())
        user.set_password(password)
        user.full_clean()
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email=(username or "").strip().lower())


class User(AbstractBaseUser):
    """A person who logs in with an e-mail address."""

    email = models.EmailField(unique=True)
    name = models.CharField(max_length=100, blank=True)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=utc_now)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(email=Lower("email")), name="email_is_lower"),
        ]

    def __str__(self) -> str:
        return self.email


class Workspace(models.Model):
    """What one organisation sees: its calls, charges, budgets and keys, and nobody else's."""

    slug = models.SlugField(max_length=50, unique=True)
    name = models.CharField(max_length=100)
    timezone = models.CharField(max_length=50, default="UTC", validators=[check_timezone])
    # What it may send, where that differs from the collector's settings: INGEST_LIMITS -> number.
    ingest_limits = models.JSONField(default=dict, blank=True, validators=[check_ingest_limits])
    created_at = models.DateTimeField(default=utc_now)

    def __str__(self) -> str:
        return self.slug


class Membership(models.Model):
    """A user's one role in one workspace."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role.choices)
    created_at = models.DateTimeField(default=utc_now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "workspace"], name="one_role_in_a_workspace"),
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="role_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.user} is {self.role} of {self.workspace}"

    @property
    def administers(self) -> bool:
        """Whether the pages of an admin are open, so that templates lead to no refusal."""
        return self.role in (Role.ADMIN, Role.OWNER)


class ApiKey(models.Model):
    """A machine's key to one workspace; the secret itself is never stored."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=8, unique=True)
    digest = models.CharField(max_length=64)  # SHA-256 of the whole secret, in hex
    scopes = models.JSONField(default=list, validators=[check_scopes])
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True)
    created_at = models.DateTimeField(default=utc_now)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"ilk_{self.prefix}_…"


class AuditEntry(models.Model):
    """Who changed what and when; written with the change, never edited."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="audit_entries")
    actor = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True)
    action = models.CharField(max_length=50)  # such as api_key.created
    target = models.CharField(max_length=200, blank=True)
    detail = models.JSONField(default=dict)
    at = models.DateTimeField(default=utc_now)

    class Meta:
        indexes = [models.Index(fields=["workspace", "-at"], name="audit_by_time")]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.action} {self.target}"
