"""/api/v1/rate-catalogues: price catalogues, their differences, upload and adoption."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

from django.http import Http404
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import PermissionDenied
from rest_framework.parsers import BaseParser, JSONParser
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from finops.accounts.keys import KeyIdentity
from finops.accounts.models import ApiKey, Role, User, Workspace
from finops.api.authentication import actor_of, asker, workspace_of
from finops.api.body import read_body
from finops.api.catalogue_body import (
    AdoptSerializer,
    CatalogueSerializer,
    CataloguesSerializer,
    DifferenceSerializer,
    catalogues_body,
    difference_body,
    one_of,
)
from finops.api.errors import InvalidParameter
from finops.api.permissions import CanRead, CanSetMoney
from finops.api.schema import ERRORS, WRITE_ERRORS, query
from finops.clickhouse.client import warehouse
from finops.pricing.errors import CatalogueRefused, NotForAll
from finops.pricing.in_force import INSTALLED
from finops.pricing.price_file import MOST_BYTES
from finops.pricing.publish import publish_rates
from finops.pricing.stored_catalogue import StoredCatalogue
from finops.pricing.upload import adopt_catalogue, check_sets_list_prices, upload_catalogue
from finops.pricing.versions import (
    UPLOAD,
    number_in,
)
from finops.queries.catalogue_difference import compare_sides, side_of


class FileParser(BaseParser):
    """Leaves the body as it came, for it is kept and hashed whole."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        return stream.read(MOST_BYTES + 1)


class ReadOrSetListPrices(BasePermission):
    """Reading as anywhere; uploads take an admin, or a key with the scope admin."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        if request.method in SAFE_METHODS:
            return CanRead().has_permission(request, view)
        return CanRunWorkspace().has_permission(request, view)


class CanRunWorkspace(CanSetMoney):
    """An admin or owner, or a key with the scope admin."""

    role = Role.ADMIN


class CataloguesView(APIView):
    """The price catalogues of the installation."""

    permission_classes = [ReadOrSetListPrices]
    parser_classes = [FileParser]

    @extend_schema(
        operation_id="rate_catalogues_list",
        summary="Catalogues and published versions",
        responses={(200, "application/json"): CataloguesSerializer, **ERRORS},
    )
    def get(self, request: Request) -> Response:
        return Response(catalogues_body(workspace_of(request)))

    @extend_schema(
        operation_id="rate_catalogues_upload",
        summary="Upload a newer catalogue",
        description="The body is genai-prices' data.json. No price changes until it is adopted.",
        parameters=[query("name", "What to call it. Default: data.json.")],
        request={"application/json": OpenApiTypes.OBJECT},
        responses={(201, "application/json"): CatalogueSerializer, **WRITE_ERRORS},
    )
    def post(self, request: Request) -> Response:
        workspace = workspace_of(request)
        check_may_set(request, workspace)
        sent: object = request.data
        content = sent if isinstance(sent, bytes) else b""
        name = str(request.query_params.get("name", "data.json"))
        try:
            kept = upload_catalogue(content, name, actor=actor_of(request), now=timezone.now())
        except CatalogueRefused as error:
            raise InvalidParameter("body", error.code, str(error)) from None
        return Response(one_of(workspace, f"{UPLOAD}{kept.pk}"), status=201)


class CatalogueAdoptView(APIView):
    """Make a catalogue the price of record."""

    permission_classes = [CanRunWorkspace]
    parser_classes = [JSONParser]

    @extend_schema(
        operation_id="rate_catalogues_adopt",
        summary="Adopt a catalogue",
        description="For every workspace here. A new version is published; calls that were "
        "charged before are repriced where a price differs, closed months apart.",
        request=AdoptSerializer,
        responses={(200, "application/json"): CatalogueSerializer, **WRITE_ERRORS},
    )
    def post(self, request: Request, ref: str) -> Response:
        workspace, now = workspace_of(request), timezone.now()
        check_may_set(request, workspace)
        why = read_body(AdoptSerializer(data=request.data))["why"]
        catalogue = None
        if ref != INSTALLED:
            number = number_in(ref, UPLOAD)
            catalogue = StoredCatalogue.objects.filter(pk=number or 0).first()
            if catalogue is None:
                raise Http404("no such catalogue")
        try:
            adopt_catalogue(catalogue, workspace=workspace, why=why, now=now, **asker(request))
        except CatalogueRefused as error:
            raise InvalidParameter("ref", error.code, str(error)) from None
        with warehouse() as ch:
            publish_rates(ch, now=now)
        return Response(one_of(workspace, ref))


class CatalogueDiffView(APIView):
    """What differs between two catalogues or published versions."""

    permission_classes = [CanRead]

    @extend_schema(
        operation_id="rate_catalogues_diff",
        summary="The difference between two",
        parameters=[
            OpenApiParameter("from", OpenApiTypes.STR, required=True, description="The old side."),
            OpenApiParameter("to", OpenApiTypes.STR, required=True, description="The new side."),
        ],
        responses={(200, "application/json"): DifferenceSerializer, **ERRORS},
    )
    def get(self, request: Request) -> Response:
        workspace = workspace_of(request)
        with warehouse() as ch:
            sides = []
            for name in ("from", "to"):
                try:
                    ref = str(request.query_params.get(name, ""))
                    sides.append(side_of(ch, workspace.pk, ref))
                except CatalogueRefused as error:
                    raise InvalidParameter(name, "unknown_catalogue", str(error)) from None
        found = compare_sides(*sides)
        return Response(difference_body(sides[0].label, sides[1].label, found))


def check_may_set(request: Request, workspace: Workspace) -> None:
    """Refuse who doesn't run every workspace; a key stands for the person who made it."""
    try:
        check_sets_list_prices(person_behind(request), workspace)
    except NotForAll as error:
        raise PermissionDenied(str(error), error.code) from None


def person_behind(request: Request) -> User | None:
    if isinstance(request.auth, KeyIdentity):
        key = ApiKey.objects.select_related("created_by").get(pk=request.auth.key_id)
        return key.created_by
    return actor_of(request)
