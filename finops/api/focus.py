"""GET /api/v1/focus: what the workspace spent, in the FOCUS format, as CSV or Parquet."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from datetime import timedelta
from itertools import chain
from typing import Any

from django.http import FileResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from finops.accounts.models import Workspace
from finops.api.authentication import workspace_of
from finops.api.errors import InvalidParameter
from finops.api.negotiation import CsvRenderer, Negotiation
from finops.api.parameters import read_range, refuse_others
from finops.api.permissions import CanRead
from finops.api.schema import ERRORS, RANGE_PARAMETERS, query
from finops.clickhouse.client import connect, warehouse
from finops.config import load_config
from finops.focus.account import Account, Row
from finops.focus.errors import UnknownVersion
from finops.focus.export import Export, Tally, export_rows
from finops.focus.left_out import left_out
from finops.focus.versions import NAMES, version_named
from finops.focus.write_csv import csv_pieces
from finops.focus.write_parquet import write_parquet

# A Parquet file is written whole before its first byte goes out, on a thread that others wait for.
LONGEST_PARQUET = timedelta(days=31)
PARAMETERS = ("from", "to", "version", "format")


class ParquetRenderer(BaseRenderer):
    """Announces Parquet; the view writes the file itself."""

    media_type = "application/vnd.apache.parquet"
    format = "parquet"
    charset = None

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        return b""


class FocusView(APIView):
    """The caller's workspace in FOCUS's Cost and Usage columns."""

    permission_classes = [CanRead]
    renderer_classes = [CsvRenderer, ParquetRenderer]
    content_negotiation_class = Negotiation

    @extend_schema(
        operation_id="focus",
        summary="Export for finance in the FOCUS format",
        description=(
            "One row for each token SKU, tenant, feature and hour, and for each part of a GPU "
            "pool's hour. Calls without a price are in no row: the header X-Unpriced-Calls counts "
            "them, /api/v1/unpriced lists them."
        ),
        parameters=[
            *RANGE_PARAMETERS,
            query("version", f"The version of FOCUS. Default: {NAMES[0]}.", enum=list(NAMES)),
        ],
        responses={
            (200, "text/csv"): OpenApiTypes.STR,
            (200, "application/vnd.apache.parquet"): OpenApiTypes.BINARY,
            **ERRORS,
        },
    )
    def get(self, request: Request) -> HttpResponseBase:
        wanted = read_export(request, workspace_of(request))
        with warehouse() as ch:
            missing = left_out(ch, wanted.workspace_id, wanted.span)
        parquet = request.accepted_renderer.format == ParquetRenderer.format
        response = parquet_answer(wanted) if parquet else csv_answer(wanted)
        response["X-Unpriced-Calls"] = str(sum(one.calls for one in missing))
        return response


def read_export(request: Request, workspace: Workspace) -> Export:
    params = request.query_params
    refuse_others(params, PARAMETERS)
    try:
        version = version_named(str(params.get("version", NAMES[0])))
    except UnknownVersion as error:
        raise InvalidParameter("version", error.code, str(error)) from None
    span = read_range(params, timezone.now())
    parquet = request.accepted_renderer.format == ParquetRenderer.format
    if parquet and span.length > LONGEST_PARQUET:
        raise InvalidParameter(
            "from",
            "invalid_range",
            f"Parquet is for at most {LONGEST_PARQUET.days} days here: ask for less, for CSV, or "
            "use manage.py export_focus.",
        )
    return Export(workspace.pk, Account(workspace.slug, workspace.name), span, version)


def own_rows(wanted: Export) -> Iterator[Row]:
    """Rows over a connection of their own: the answer may leave the thread that asked."""
    ch = connect(load_config().warehouse_url())
    try:
        yield from export_rows(ch, wanted, Tally())
    finally:
        ch.close()


def csv_answer(wanted: Export) -> HttpResponseBase:
    """Stream the rows; the first is read before the answer begins, so an outage is a 503."""
    rows = own_rows(wanted)
    first = [row for _, row in zip(range(1), rows, strict=False)]
    return StreamingHttpResponse(
        csv_pieces(chain(first, rows), wanted.version),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{file_name(wanted, "csv")}"'},
    )


def parquet_answer(wanted: Export) -> HttpResponseBase:
    """Write a file without a name, which is gone when it is sent."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the answer closes it
    write_parquet(own_rows(wanted), wanted.version, file)
    file.seek(0)
    return FileResponse(
        file,
        as_attachment=True,
        filename=file_name(wanted, "parquet"),
        content_type=ParquetRenderer.media_type,
    )


def file_name(wanted: Export, ending: str) -> str:
    days = f"{wanted.span.start:%Y-%m-%d}_{wanted.span.end:%Y-%m-%d}"
    return f"focus-{wanted.version.name}_{wanted.account.id}_{days}.{ending}"
