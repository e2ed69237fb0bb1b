"""Read what is sent to set or change something, and tell what the models have against it."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError as ModelError
from rest_framework import serializers

from finops.api.errors import InvalidParameter


def read_body(form: serializers.Serializer[Any]) -> dict[str, Any]:
    """Return checked values of the form's data; raises what answers with 400.

    Nothing is ignored: a misspelt field must not look like one that was set.
    """
    data = form.initial_data
    for name in data if isinstance(data, dict) else ():
        if name not in form.fields:
            allowed = ", ".join(form.fields)
            raise InvalidParameter(
                name[:50], "unknown_field", f"This can't be set here; what can: {allowed}."
            )
    form.is_valid(raise_exception=True)
    return dict(form.validated_data)


def as_api_error(error: ModelError) -> serializers.ValidationError:
    """Return what a model's own rules said in the form that the API answers."""
    fields = error.error_dict if hasattr(error, "error_dict") else {"__all__": error.error_list}
    return serializers.ValidationError(
        {
            "non_field_errors" if field == "__all__" else field: [
                serializers.ErrorDetail(message, code=item.code or "invalid")
                for item in errors
                for message in item.messages
            ]
            for field, errors in fields.items()
        }
    )
