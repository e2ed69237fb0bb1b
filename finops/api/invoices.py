"""/api/v1/invoices: exports of providers; read, upload (or only try), delete."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from typing import IO, Any, ClassVar

from django.http import QueryDict
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import APIException
from rest_framework.parsers import BaseParser, MultiPartParser
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from finops.accounts.models import Role
from finops.api.authentication import asker, workspace_of
from finops.api.errors import InvalidParameter
from finops.api.invoice_body import (
    InvoiceSerializer,
    InvoicesSerializer,
    PreviewSerializer,
    invoice_body,
    preview_body,
)
from finops.api.parameters import refuse_others
from finops.api.permissions import CanRead, CanSetMoney
from finops.api.schema import ERRORS, WRITE_ERRORS, ErrorSerializer, query
from finops.clickhouse.client import warehouse
from finops.invoices.errors import InvoiceError, TooLarge
from finops.invoices.formats import TITLES
from finops.invoices.limits import WEB_LIMITS
from finops.invoices.models import Invoice
from finops.invoices.preview import preview
from finops.invoices.take_in import Offer, take_back, take_in
from finops.queries.invoiced import Standing, standings

PARAMETERS = ("file_format", "account", "name", "mapping", "dry_run")
LONGEST_TEXT = 200
PIECE = 256 * 1024
NOTHING = Standing(0, {})
TOO_LARGE_ANSWER = {(413, "application/json"): ErrorSerializer}


class CanDelete(CanSetMoney):
    """Take an invoice back: an admin or owner, or a key with the scope admin."""

    role: ClassVar[Role] = Role.ADMIN


class ReadUploadDelete(BasePermission):
    """Members read, analysts upload, admins delete."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        needed: CanRead = CanSetMoney()
        if request.method in SAFE_METHODS:
            needed = CanRead()
        elif request.method == "DELETE":
            needed = CanDelete()
        return needed.has_permission(request, view)


class FileTooLarge(APIException):
    status_code = 413
    default_code = TooLarge.code


class RawFile(BaseParser):
    """The body is the file, whatever it says it is; kept on disk above a megabyte."""

    media_type = "*/*"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        kept = tempfile.SpooledTemporaryFile(max_size=1024**2)  # noqa: SIM115 - read by the view
        size = 0
        while piece := stream.read(PIECE):
            size += len(piece)
            if size > WEB_LIMITS.file_bytes:
                raise FileTooLarge(f"The file has more than {WEB_LIMITS.file_bytes:,} bytes.")
            kept.write(piece)
        kept.seek(0)
        return {"file": kept}


class UploadSerializer(serializers.Serializer[Any]):
    """A form with the file; the other fields may be parameters of the address instead."""

    file = serializers.FileField(help_text="CSV, JSON or Parquet, also as gzip.")
    file_format = serializers.ChoiceField(
        choices=list(TITLES.items()), required=False, help_text="Default: found out."
    )
    account = serializers.CharField(
        required=False, max_length=LONGEST_TEXT, help_text="Who is billed, where it isn't said."
    )
    mapping = serializers.CharField(
        required=False, help_text="For a plain CSV: JSON that says which column is what."
    )


UPLOAD_PARAMETERS = [
    query("file_format", "The format; found out when left out.", enum=list(TITLES)),
    query("account", "Who is billed, where the file doesn't say it."),
    query("name", "The file's name, where the body is the file itself."),
    query("mapping", "For a plain CSV: JSON that says which column is what."),
    OpenApiParameter("dry_run", OpenApiTypes.BOOL, description="Only say what it would do."),
]


class InvoicesView(APIView):
    """The invoices of the caller's workspace."""

    permission_classes = [ReadUploadDelete]
    parser_classes = [MultiPartParser, RawFile]

    @extend_schema(
        operation_id="invoices_list",
        summary="All invoices that were taken in",
        responses={(200, "application/json"): InvoicesSerializer, **ERRORS},
    )
    def get(self, request: Request) -> Response:
        workspace = workspace_of(request)
        found = workspace.invoices.exclude(state=Invoice.State.DRAFT).select_related("who")
        with warehouse() as ch:
            known = standings(ch, workspace.pk)
        bodies = [
            invoice_body(one, known.get(one.pk, NOTHING)) for one in found.order_by("-created_at")
        ]
        return Response({"invoices": bodies})

    @extend_schema(
        operation_id="invoices_upload",
        summary="Take a provider's export in",
        description=(
            "All or nothing: where a line can't be read, nothing is taken in. Days of the same "
            "bill and account that an earlier import covers are replaced."
        ),
        parameters=UPLOAD_PARAMETERS,
        request={"multipart/form-data": UploadSerializer, "application/octet-stream": bytes},
        responses={
            (201, "application/json"): InvoiceSerializer,
            (200, "application/json"): PreviewSerializer,
            **WRITE_ERRORS,
            **TOO_LARGE_ANSWER,
        },
    )
    def post(self, request: Request) -> Response:
        workspace, now = workspace_of(request), timezone.now()
        offer, dry_run = read_offer(request)
        try:
            with warehouse() as ch:
                if dry_run:
                    reading = offer.read(WEB_LIMITS)
                    return Response(preview_body(reading, preview(ch, workspace.pk, reading)))
                invoice = take_in(
                    ch, workspace, offer, now=now, limits=WEB_LIMITS, **asker(request)
                )
        except TooLarge as error:
            raise FileTooLarge(str(error)) from None
        except InvoiceError as error:
            raise InvalidParameter("file", error.code, str(error)) from None
        return Response(invoice_body(invoice, None), status=201)


class InvoiceView(APIView):
    """One invoice of the caller's workspace; another's doesn't exist here."""

    permission_classes = [ReadUploadDelete]

    @extend_schema(
        operation_id="invoices_read",
        summary="One invoice",
        responses={(200, "application/json"): InvoiceSerializer, **ERRORS},
    )
    def get(self, request: Request, invoice_id: int) -> Response:
        invoice = find(request, invoice_id)
        with warehouse() as ch:
            known = standings(ch, invoice.workspace.pk, [invoice.pk])
        return Response(invoice_body(invoice, known.get(invoice.pk, NOTHING)))

    @extend_schema(
        operation_id="invoices_delete",
        summary="Take an invoice back",
        responses={204: None, **ERRORS},
    )
    def delete(self, request: Request, invoice_id: int) -> Response:
        invoice = find(request, invoice_id)
        with warehouse() as ch:
            take_back(ch, invoice, now=timezone.now(), **asker(request))
        return Response(status=204)


def find(request: Request, invoice_id: int) -> Invoice:
    return get_object_or_404(
        Invoice.objects.exclude(state=Invoice.State.DRAFT).select_related("workspace", "who"),
        pk=invoice_id,
        workspace=workspace_of(request),
    )


def read_offer(request: Request) -> tuple[Offer, bool]:
    """Return the file with what was said of it, and whether it is only tried."""
    params: QueryDict = request.query_params
    refuse_others(params, PARAMETERS)
    if int(request.META.get("CONTENT_LENGTH") or 0) > WEB_LIMITS.file_bytes + PIECE:
        raise FileTooLarge(f"The file has more than {WEB_LIMITS.file_bytes:,} bytes.")
    form: Any = request.data
    file: Any = form.get("file")
    if not hasattr(file, "read"):
        raise InvalidParameter("file", "required", "Send the export as the field `file`.")
    said = {name: text_of(form.get(name) or params.get(name), name) for name in PARAMETERS}
    if said["dry_run"] not in ("", "true", "false", "1", "0"):
        raise InvalidParameter("dry_run", "invalid", "Give true or false.")
    name = said["name"] or str(getattr(file, "name", None) or "upload")
    offer = Offer(file, name, said["file_format"], said["mapping"], said["account"])
    return offer, said["dry_run"] in ("true", "1")


def text_of(value: Any, name: str) -> str:
    text = str(value or "").strip()
    longest = 20_000 if name == "mapping" else LONGEST_TEXT
    if len(text) > longest or "\x00" in text:
        raise InvalidParameter(name, "invalid", f"Give a text of at most {longest} characters.")
    return text
