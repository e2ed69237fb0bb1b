"""/api/v1/gpu-pools: read with the scope read, set up and change with admin."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from finops.api.authentication import asker, workspace_of
from finops.api.body import as_api_error, read_body
from finops.api.gpu_pool_body import (
    EndSerializer,
    GpuPoolChangeSerializer,
    GpuPoolSerializer,
    GpuPoolsSerializer,
    NewGpuMembersSerializer,
    NewGpuPoolSerializer,
    NewGpuPriceSerializer,
    pool_body,
)
from finops.api.permissions import CanAdminister, ReadOrSetMoney
from finops.api.schema import ERRORS, WRITE_ERRORS
from finops.pricing.gpu_price import GpuPrice
from finops.pricing.pool_change import (
    PoolRefused,
    change_pool,
    delete_pool,
    end_price,
    open_pool,
    set_members,
    set_price,
)
from finops.pricing.pools import GpuPool

ONE = {(200, "application/json"): GpuPoolSerializer}
MADE = {(201, "application/json"): GpuPoolSerializer}


@contextmanager
def refused_as_400() -> Iterator[None]:
    try:
        yield
    except PoolRefused as error:
        raise as_api_error(error.problem) from None


def find(request: Request, pool_id: int) -> GpuPool:
    return get_object_or_404(GpuPool, pk=pool_id, workspace=workspace_of(request))


class GpuPoolsView(APIView):
    """The GPU pools of the caller's workspace."""

    permission_classes = [ReadOrSetMoney]

    @extend_schema(
        operation_id="gpu_pools_list",
        summary="All GPU pools with their GPUs and prices",
        responses={(200, "application/json"): GpuPoolsSerializer, **ERRORS},
    )
    def get(self, request: Request) -> Response:
        pools = workspace_of(request).gpu_pools.select_related("who").order_by("name")
        return Response({"gpu_pools": [pool_body(pool) for pool in pools]})

    @extend_schema(
        operation_id="gpu_pools_create",
        summary="Set a GPU pool up",
        request=NewGpuPoolSerializer,
        responses={**MADE, **WRITE_ERRORS},
    )
    def post(self, request: Request) -> Response:
        values = read_body(NewGpuPoolSerializer(data=request.data))
        members, price = values.pop("gpus"), values.pop("price", None)
        with refused_as_400():
            pool = open_pool(workspace_of(request), values, members, price, **asker(request))
        return Response(pool_body(pool), status=201)


class GpuPoolView(APIView):
    """One GPU pool of the caller's workspace; another's doesn't exist here."""

    permission_classes = [ReadOrSetMoney]

    @extend_schema(
        operation_id="gpu_pools_read", summary="One GPU pool", responses={**ONE, **ERRORS}
    )
    def get(self, request: Request, pool_id: int) -> Response:
        return Response(pool_body(find(request, pool_id)))

    @extend_schema(
        operation_id="gpu_pools_change",
        summary="Change what a GPU pool serves, for whom, and how it is shared",
        description="It holds for all hours of the pool; they are allocated again.",
        request=GpuPoolChangeSerializer(partial=True),
        responses={**ONE, **WRITE_ERRORS},
    )
    def patch(self, request: Request, pool_id: int) -> Response:
        pool = find(request, pool_id)
        values = read_body(GpuPoolChangeSerializer(data=request.data, partial=True))
        with refused_as_400():
            change_pool(pool, values, **asker(request))
        return Response(pool_body(pool))

    @extend_schema(
        operation_id="gpu_pools_delete",
        summary="Delete a GPU pool with its prices and bills",
        description="It takes an admin.",
        responses={204: None, **ERRORS},
    )
    def delete(self, request: Request, pool_id: int) -> Response:
        CanAdminister().has_permission(request, self)
        delete_pool(find(request, pool_id), **asker(request))
        return Response(status=204)


class GpuMembersView(APIView):
    """The GPUs of one pool."""

    permission_classes = [ReadOrSetMoney]

    @extend_schema(
        operation_id="gpu_pools_set_gpus",
        summary="Say which GPUs a pool has from a moment on",
        request=NewGpuMembersSerializer,
        responses={**MADE, **WRITE_ERRORS},
    )
    def post(self, request: Request, pool_id: int) -> Response:
        pool = find(request, pool_id)
        values = read_body(NewGpuMembersSerializer(data=request.data))
        with refused_as_400():
            set_members(pool, values, **asker(request))
        return Response(pool_body(pool), status=201)


class GpuPricesView(APIView):
    """The prices of one pool."""

    permission_classes = [ReadOrSetMoney]

    @extend_schema(
        operation_id="gpu_pools_set_price",
        summary="Set a price from a moment on",
        request=NewGpuPriceSerializer,
        responses={**MADE, **WRITE_ERRORS},
    )
    def post(self, request: Request, pool_id: int) -> Response:
        pool = find(request, pool_id)
        values = read_body(NewGpuPriceSerializer(data=request.data))
        with refused_as_400():
            set_price(pool, values, **asker(request))
        return Response(pool_body(pool), status=201)


class GpuPriceView(APIView):
    """One price of a pool."""

    permission_classes = [ReadOrSetMoney]

    @extend_schema(
        operation_id="gpu_pools_end_price",
        summary="Say when a price ends",
        request=EndSerializer,
        responses={**ONE, **WRITE_ERRORS},
    )
    def patch(self, request: Request, pool_id: int, price_id: int) -> Response:
        pool = find(request, pool_id)
        price = get_object_or_404(GpuPrice.objects.select_related("pool"), pk=price_id, pool=pool)
        values = read_body(EndSerializer(data=request.data))
        with refused_as_400():
            end_price(price, values["valid_to"], **asker(request))
        return Response(pool_body(pool))
