"""REST for the programs of shops: who is who."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ecrm.kernel.drf import CursorPage, key_of
from ecrm.kernel.idempotency import IdempotentMixin
from profiles import queries, services
from profiles.api import completing, serializers

READ = {"GET": "profiles:read"}
SOURCE = "api"
MOST_DIGITS = 18
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
CURSOR = OpenApiParameter("cursor", str, description="`next` of the page before.")
LIMIT = OpenApiParameter("limit", int, description="At most 100; 50 when absent.")


class ProfileView(APIView):
    """One customer of the key's shop."""

    required_scopes: ClassVar[dict[str, str]] = READ | {"PATCH": "profiles:write"}

    @extend_schema(
        operation_id="get_profile",
        summary="Read one customer",
        description=(
            "The id of a customer who was merged into another one answers with the other; `merged_from` "
            "lists such ids."
        ),
        responses={200: serializers.ProfileOut},
    )
    def get(self, request: Request, profile_id: str) -> Response:
        shop_id = key_of(request).shop_id
        return Response(_representation(visible_or_404(profile_id, shop_id), shop_id=shop_id))

    @extend_schema(
        operation_id="complete_profile",
        summary="Complete one customer",
        description=(
            "Changes what the document names and leaves the rest: name, language, attributes by key (null "
            "removes a value), all tags, the stage (empty lets the orders decide). All of it or nothing."
        ),
        request=serializers.ProfileIn,
        responses={200: serializers.ProfileOut},
    )
    def patch(self, request: Request, profile_id: str) -> Response:
        told = serializers.ProfileIn(data=request.data)
        told.is_valid(raise_exception=True)
        shop_id = key_of(request).shop_id
        number = visible_or_404(profile_id, shop_id)
        completing.complete(number, shop_id=shop_id, told=told.validated_data)
        return Response(_representation(number, shop_id=shop_id))


class ProfileListView(APIView):
    """The customers of the key's shop."""

    required_scopes: ClassVar[dict[str, str]] = READ

    @extend_schema(
        operation_id="list_profiles",
        summary="List or find customers",
        parameters=[serializers.ProfileFilter, CURSOR, LIMIT],
        responses={200: serializers.ProfilePage},
    )
    def get(self, request: Request) -> Response:
        filters = serializers.ProfileFilter(data=request.query_params)
        filters.is_valid(raise_exception=True)
        shop_id = key_of(request).shop_id
        page = CursorPage()
        rows = page.paginate_queryset(
            queries.of_shop(shop_id, **filters.validated_data), request, view=self
        )
        views = queries.profile_views(rows or [], shop_id=shop_id)
        return page.get_paginated_response(serializers.ProfileOut(views, many=True).data)


class IdentifyView(IdempotentMixin, APIView):
    """Tell us what you know of a person."""

    required_scopes: ClassVar[dict[str, str]] = {"POST": "profiles:write"}

    @extend_schema(
        operation_id="identify_profile",
        summary="Find or create a customer",
        description=(
            "Finds the customer whom one of the identifiers leads to, or creates one, and adds what is "
            "new. Two known customers are never merged; the strongest identifier decides (customer "
            "id, then e-mail address, then telephone, as the company ranks them) and an agent is asked. "
            "A visitor known by his visitor id or device only is joined to the customer you name."
        ),
        parameters=[
            OpenApiParameter(
                "Idempotency-Key", str, OpenApiParameter.HEADER, description="8 to 255 characters."
            )
        ],
        request=serializers.IdentityIn,
        responses={200: serializers.ProfileOut, 201: serializers.ProfileOut},
    )
    def post(self, request: Request) -> Response:
        told = serializers.IdentityIn(data=request.data)
        told.is_valid(raise_exception=True)
        shop_id = key_of(request).shop_id
        resolution = services.identify(told.identity(), shop_id=shop_id, source=SOURCE)
        return Response(
            _representation(resolution.profile_id, shop_id=shop_id),
            status=201 if resolution.created else 200,
        )


class TimelineView(APIView):
    """What happened between a customer and the key's shop."""

    required_scopes: ClassVar[dict[str, str]] = READ

    @extend_schema(
        operation_id="get_profile_timeline",
        summary="Read a customer's timeline, newest first",
        parameters=[serializers.TimelineFilter],
        responses={200: serializers.TimelinePage},
    )
    def get(self, request: Request, profile_id: str) -> Response:
        filters = serializers.TimelineFilter(data=request.query_params)
        filters.is_valid(raise_exception=True)
        chosen = filters.validated_data
        kind, limit = chosen.get("kind"), chosen["limit"]
        found = queries.timeline_page(
            visible_or_404(profile_id, key_of(request).shop_id),
            kinds=[kind] if kind else None,
            before=_moment_and_id(chosen.get("cursor")),
            limit=limit,
            shop_ids=[key_of(request).shop_id],
        )
        page = {"results": found.entries, "next": _cursor(found.next)}
        return Response(serializers.TimelinePage(page).data)


def visible_or_404(profile_id: str, shop_id: int) -> int:
    """The id of the customer, or of whom he was merged into; 404 when the shop does not know him."""
    is_number = profile_id.isascii() and profile_id.isdigit() and len(profile_id) <= MOST_DIGITS
    number = int(profile_id) if is_number else 0
    if queries.is_known_to(number, [shop_id]):
        return number
    survivor_id = queries.survivor(number)
    if survivor_id == number or not queries.is_known_to(survivor_id, [shop_id]):
        raise NotFound
    return survivor_id


def _representation(profile_id: int, *, shop_id: int) -> dict[str, Any]:
    view = queries.profile_view(profile_id, shop_id=shop_id)
    return dict(serializers.ProfileOut(view).data)


def _cursor(position: tuple[datetime, int] | None) -> str | None:
    if position is None:
        return None
    moment, last_id = position
    return f"{(moment - EPOCH) // timedelta(microseconds=1)}_{last_id}"


def _moment_and_id(cursor: str | None) -> tuple[datetime, int] | None:
    if not cursor:
        return None
    microseconds, _, last_id = cursor.partition("_")
    try:
        return EPOCH + timedelta(microseconds=int(microseconds)), int(last_id)
    except OverflowError:
        return EPOCH, 0
