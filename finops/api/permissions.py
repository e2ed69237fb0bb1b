"""What a caller may do: a key by its scopes, a person by the role in the workspace."""

from __future__ import annotations

from typing import ClassVar

from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from finops.accounts.access import has_role
from finops.accounts.keys import KeyIdentity
from finops.accounts.models import Role, Scope


class CanRead(BasePermission):
    """Ask what things cost: any member, or a key with the scope read."""

    scope: ClassVar[Scope] = Scope.READ
    role: ClassVar[Role] = Role.VIEWER

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Return False for nobody known (a 401); raise for somebody who may not (a 403)."""
        if isinstance(request.auth, KeyIdentity):
            if not request.auth.may(self.scope):
                raise PermissionDenied(
                    f"This takes a key with the scope {self.scope.value!r}.", "missing_scope"
                )
            return True
        if not request.user or not request.user.is_authenticated:
            return False
        if not has_role(getattr(request, "membership", None), self.role):
            raise PermissionDenied(
                f"This takes the role {self.role.label} in the workspace.", "missing_role"
            )
        return True


class CanSetMoney(CanRead):
    """Set budgets and contract rates: an analyst or above, or a key with the scope admin."""

    scope: ClassVar[Scope] = Scope.ADMIN
    role: ClassVar[Role] = Role.ANALYST


class CanAdminister(CanSetMoney):
    """Close months and delete for good: an admin or owner, or a key with the scope admin."""

    role: ClassVar[Role] = Role.ADMIN


class ReadOrSetMoney(BasePermission):
    """What CanRead asks for a request that changes nothing, else what CanSetMoney asks."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        needed = CanRead() if request.method in SAFE_METHODS else CanSetMoney()
        return needed.has_permission(request, view)
