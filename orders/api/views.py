"""REST for the programs of shops."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ecrm.kernel.drf import CursorPage, key_of
from ecrm.kernel.errors import InvalidDocument
from ecrm.kernel.idempotency import IdempotentMixin
from orders import queries, services
from orders.api import serializers
from orders.api.examples import ORDER
from orders.rules.document import is_external_id
from orders.types import BatchResult, Expectation, StoredOrder

MAX_BATCH = 500

ETAG = OpenApiParameter(
    "ETag", str, OpenApiParameter.HEADER, response=[200, 201], description="The order's revision."
)
IF_MATCH = OpenApiParameter(
    "If-Match", str, OpenApiParameter.HEADER, description="Write only over this revision, else 412."
)
IF_NONE_MATCH = OpenApiParameter(
    "If-None-Match", str, OpenApiParameter.HEADER, description="`*`: only if there is none yet."
)
PRECONDITION = OpenApiResponse(description="The order is not the one you expected.")


def representation(order: StoredOrder) -> dict[str, Any]:
    """The document as it was accepted, and what we know about it."""
    return {
        "id": str(order.id),
        "external_id": order.external_id,
        "profile_id": str(order.profile_id),
        "received_at": order.received_at,
        "changed_at": order.changed_at,
        "warnings": list(order.mismatches),
        **order.body,
    }


def _etag(order: StoredOrder) -> str:
    return f'"{order.revision}"'


class OrderView(APIView):
    """One order of the key's shop."""

    required_scopes: ClassVar[dict[str, str]] = {"GET": "orders:read", "PUT": "orders:write"}

    @extend_schema(
        operation_id="get_order",
        summary="Read one order",
        parameters=[ETAG],
        responses={
            200: serializers.OrderOut,
            304: OpenApiResponse(description="Still the revision of If-None-Match."),
        },
    )
    def get(self, request: Request, external_id: str) -> Response:
        order = _find(key_of(request).shop_id, external_id)
        if _etag(order) in _etags(request.headers.get("If-None-Match", "")):
            return Response(status=304, headers={"ETag": _etag(order)})
        return Response(representation(order), headers={"ETag": _etag(order)})

    @extend_schema(
        operation_id="put_order",
        summary="Create or replace one order",
        description=(
            "Send the order whole, as the shop sees it now, as often as you like. "
            "The higher `version`, else the later `updated_at`, wins whatever arrives first: "
            "a state we already know, or an older one, changes nothing and is answered with 200 "
            "and the order as it stands."
        ),
        parameters=[ETAG, IF_MATCH, IF_NONE_MATCH],
        request=serializers.OrderDocument,
        responses={
            201: serializers.OrderOut,
            200: serializers.OrderOut,
            412: PRECONDITION,
        },
        examples=[OpenApiExample("A paid order", value=ORDER, request_only=True)],
    )
    def put(self, request: Request, external_id: str) -> Response:
        document = services.read_document(request.data, external_id=external_id)
        result = services.put_order(
            shop_id=key_of(request).shop_id,
            external_id=external_id,
            document=document,
            expecting=_expectation(request.headers),
        )
        return Response(
            representation(result.order),
            status=201 if result.created else 200,
            headers={"ETag": _etag(result.order)},
        )


class OrderListView(APIView):
    """The orders of the key's shop."""

    required_scopes: ClassVar[dict[str, str]] = {"GET": "orders:read"}

    @extend_schema(
        operation_id="list_orders",
        summary="List orders",
        parameters=[
            serializers.OrderFilter,
            OpenApiParameter("cursor", str, description="`next` of the page before."),
            OpenApiParameter("limit", int, description="At most 100; 50 when absent."),
        ],
        responses={200: serializers.OrderPage},
    )
    def get(self, request: Request) -> Response:
        filters = serializers.OrderFilter(data=request.query_params)
        filters.is_valid(raise_exception=True)
        chosen = filters.validated_data
        page = CursorPage()
        page.ordering = ("changed_at", "id") if "updated_since" in chosen else ("-id",)  # type: ignore[assignment] # DRF takes both
        rows = queries.filtered(key_of(request).shop_id, **chosen)
        orders = page.paginate_queryset(rows, request, view=self)
        return page.get_paginated_response(
            [representation(queries.stored(order)) for order in orders or []]
        )


class OrderBatchView(IdempotentMixin, APIView):
    """Many orders at once; a bad one never blocks a good one."""

    required_scopes: ClassVar[dict[str, str]] = {"POST": "orders:write"}

    @extend_schema(
        operation_id="put_orders",
        summary="Create or replace up to 500 orders",
        parameters=[
            OpenApiParameter(
                "Idempotency-Key", str, OpenApiParameter.HEADER, description="8 to 255 characters."
            )
        ],
        request=serializers.OrderBatch,
        responses={200: serializers.OrderBatchOut},
    )
    def post(self, request: Request) -> Response:
        results = services.put_orders(shop_id=key_of(request).shop_id, items=_batch(request.data))
        return Response({"results": [_result(result) for result in results]})


def _batch(data: Any) -> list[Any]:
    """The items of a batch. Raises InvalidDocument."""
    items = data.get("orders") if isinstance(data, dict) else data
    if not isinstance(items, list):
        raise InvalidDocument(
            "A batch is an object with a list of orders.", fields={"/orders": "A list."}
        )
    if len(items) > MAX_BATCH:
        raise InvalidDocument(
            f"At most {MAX_BATCH} orders at once.", fields={"/orders": f"At most {MAX_BATCH}."}
        )
    return items


def _result(result: BatchResult) -> dict[str, Any]:
    if result.refusal is None:
        return {
            "external_id": result.external_id,
            "status": 201 if result.created else 200,
            "id": str(result.order_id),
            "changed": result.changed,
        }
    return {
        "external_id": result.external_id,
        "status": result.refusal.status,
        "code": result.refusal.code,
        "errors": [
            {
                "pointer": pointer,
                "code": result.refusal.codes.get(pointer, "invalid"),
                "detail": text,
            }
            for pointer, text in result.refusal.fields.items()
        ],
    }


def _find(shop_id: int, external_id: str) -> StoredOrder:
    """The order, or 404."""
    rows = queries.orders_of_shop(shop_id)
    order = rows.filter(external_id=external_id).first() if is_external_id(external_id) else None
    if order is None:
        raise NotFound
    return queries.stored(order)


def _expectation(headers: Mapping[str, str]) -> Expectation | None:
    match, none_match = headers.get("If-Match"), headers.get("If-None-Match")
    if match is None and none_match is None:
        return None
    revisions = None
    if match is not None:
        revisions = frozenset(
            int(tag.strip('"')) for tag in _etags(match) if tag.strip('"').isdigit()
        )
        if match.strip() != "*" and not revisions:
            revisions = frozenset({0})  # tags we never gave out: no revision has this number
    return Expectation(revisions=revisions, is_new=(none_match or "").strip() == "*")


def _etags(header: str) -> list[str]:
    return [tag.strip().removeprefix("W/") for tag in header.split(",") if tag.strip()]
