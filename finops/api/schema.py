"""What the OpenAPI document says beyond what the views themselves show."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers

from finops.api.errors import TYPES
from finops.queries import DIMENSIONS, ORDERS


class ErrorDetailSerializer(serializers.Serializer[Any]):
    """What went wrong and what to do."""

    type = serializers.ChoiceField(choices=sorted(set(TYPES.values())))
    code = serializers.CharField(help_text="Stable; for programs.")
    message = serializers.CharField(help_text="For people: what to change.")
    param = serializers.CharField(allow_null=True, help_text="The parameter or field at fault.")
    request_id = serializers.CharField(help_text="Also in the header X-Request-Id.")
    doc_url = serializers.CharField(allow_null=True)


class ErrorSerializer(serializers.Serializer[Any]):
    """The one shape of every error."""

    error = ErrorDetailSerializer()


ERRORS: dict[tuple[int, str], type[ErrorSerializer]] = {
    (status, "application/json"): ErrorSerializer
    for status in (400, 401, 403, 404, 405, 406, 429, 500, 503)
}

WRITE_ERRORS = {**ERRORS, (415, "application/json"): ErrorSerializer}


class KeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Authorization: Bearer ilk_..."""

    target_class = "finops.api.authentication.KeyAuthentication"
    name = "apiKey"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "An API key of the workspace, `ilk_...`; reading takes scope `read`.",
        }


def query(name: str, description: str, **options: Any) -> OpenApiParameter:
    return OpenApiParameter(name, OpenApiTypes.STR, description=description, **options)


RANGE_PARAMETERS = [
    query(
        "from",
        "Start, part of the range: a date (its first instant in UTC) or a date-time with an "
        "offset, such as 2026-11-20T14:00:00Z. Default: 24 hours before `to`.",
    ),
    query("to", "End, not part of the range, in the same forms. Default: now."),
]
FILTER_PARAMETERS = [
    OpenApiParameter(
        name,
        {"type": "array", "items": {"type": "string", "maxLength": 1000}, "maxItems": 100},
        description=f"Only calls of this {name}; repeat it for several, empty = unattributed.",
    )
    for name in DIMENSIONS
]


def limit(description: str, most: int = 10_000, default: int = 10_000) -> OpenApiParameter:
    return OpenApiParameter(
        "limit",
        {"type": "integer", "minimum": 1, "maximum": most},
        description=f"{description} Default: {default}.",
    )


UNPRICED_PARAMETERS = [*RANGE_PARAMETERS, limit("The most rows."), *FILTER_PARAMETERS]
UNIT_COSTS_PARAMETERS = [
    *RANGE_PARAMETERS,
    query(
        "group_by",
        f"One or more of {', '.join(DIMENSIONS)}, separated by commas. Default: tenant,model.",
    ),
    query(
        "order",
        "What rows are sorted by; '-' in front: largest first. Default: -cost_usd.",
        enum=[sign + name for name in ORDERS for sign in ("", "-")],
    ),
    limit("The most rows of a JSON answer; CSV has all."),
    *FILTER_PARAMETERS,
]
