"""Which format an answer has: ?format=, else the Accept header."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer

from finops.api.errors import InvalidParameter


class Negotiation(DefaultContentNegotiation):
    """As DRF's, but an unknown ?format= is a wrong parameter rather than a wrong address."""

    def filter_renderers(
        self, renderers: Iterable[BaseRenderer], format: str
    ) -> list[BaseRenderer]:
        offered = list(renderers)
        found = [renderer for renderer in offered if renderer.format == format]
        if not found:
            formats = ", ".join(str(renderer.format) for renderer in offered)
            raise InvalidParameter("format", "unknown_format", f"Use one of: {formats}.")
        return found


class CsvRenderer(BaseRenderer):
    """Announces CSV; the views that offer it stream their rows themselves."""

    media_type = "text/csv"
    format = "csv"
    charset = "utf-8"

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> str:
        return "" if data is None else str(data)
