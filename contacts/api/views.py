"""Tickets for the shop's own programs."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.response import Response
from rest_framework.status import HTTP_201_CREATED
from rest_framework.views import APIView

from company.types import ApiRequest
from contacts import services
from contacts.api.serializers import (
    PRIORITIES,
    MessageIn,
    MessageOut,
    TicketIn,
    TicketOut,
    TicketPage,
    TicketQuery,
    TicketWithMessagesOut,
)
from contacts.models import Ticket, TicketMessage
from contacts.queries import listing
from ecrm.kernel.drf import CursorPage
from ecrm.kernel.idempotency import IdempotentMixin
from profiles.types import Identity

IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description="8 to 255 characters; sending the request again with it has no second effect.",
)


class TicketListView(IdempotentMixin, APIView):
    """The requests of the key's shop."""

    required_scopes: ClassVar[dict[str, str]] = {"GET": "tickets:read", "POST": "tickets:write"}

    @extend_schema(
        operation_id="list_tickets",
        summary="List requests",
        description="The newest first; with `updated_since` the longest unchanged first.",
        parameters=[
            TicketQuery,
            OpenApiParameter("cursor", str, description="`next` of the page before."),
            OpenApiParameter("limit", int, description="At most 100; 50 when absent."),
        ],
        responses={200: TicketPage},
    )
    def get(self, request: ApiRequest) -> Response:
        query = TicketQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        rows = listing.narrowed(listing.of_shop(request.auth.shop_id), **query.validated_data)
        page = CursorPage()
        page.ordering = listing.ordering(**query.validated_data)  # type: ignore[assignment]  # DRF takes tuples too
        tickets = page.paginate_queryset(rows, request, view=self)
        return page.get_paginated_response([TicketOut(ticket).data for ticket in tickets or []])

    @extend_schema(
        operation_id="open_ticket",
        summary="Open a request",
        description="In a customer's name; he is found or created, and agents see it at once.",
        parameters=[IDEMPOTENCY_KEY],
        request=TicketIn,
        responses={201: TicketWithMessagesOut},
    )
    def post(self, request: ApiRequest) -> Response:
        body = TicketIn(data=request.data)
        body.is_valid(raise_exception=True)
        given = dict(body.validated_data)
        ticket = services.open_request(
            _identity(given.pop("customer")),
            shop_id=request.auth.shop_id,
            order_external_id=given.pop("order_id", None),
            priority=PRIORITIES[given.pop("priority")],
            **given,
        )
        opened = listing.of_shop(request.auth.shop_id).get(pk=ticket.pk)
        return Response(_whole(opened), status=HTTP_201_CREATED)


class TicketView(APIView):
    """One request of the key's shop."""

    required_scopes: ClassVar[dict[str, str]] = {"GET": "tickets:read"}

    @extend_schema(
        operation_id="get_ticket",
        summary="Read one request",
        responses={200: TicketWithMessagesOut},
    )
    def get(self, request: ApiRequest, pk: int) -> Response:
        return Response(_whole(_found(request, pk)))


class TicketMessageListView(IdempotentMixin, APIView):
    """What is said in one request."""

    required_scopes: ClassVar[dict[str, str]] = {"POST": "tickets:write"}

    @extend_schema(
        operation_id="add_ticket_message",
        summary="Add a message to a request",
        description=(
            "The customer's words, an answer that is mailed to him, or a note for the agents. "
            "On a closed request the customer's words open a new one."
        ),
        parameters=[IDEMPOTENCY_KEY],
        request=MessageIn,
        responses={201: MessageOut},
    )
    def post(self, request: ApiRequest, pk: int) -> Response:
        ticket = _found(request, pk)
        body = MessageIn(data=request.data)
        body.is_valid(raise_exception=True)
        message = _add(ticket, **body.validated_data)
        return Response(MessageOut(message).data, status=HTTP_201_CREATED)


def _found(request: ApiRequest, pk: int) -> Ticket:
    return get_object_or_404(listing.of_shop(request.auth.shop_id), pk=pk)


def _whole(ticket: Ticket) -> dict[str, Any]:
    messages = [MessageOut(message).data for message in listing.messages_of(ticket)]
    return {**TicketOut(ticket).data, "messages": messages}


def _identity(customer: dict[str, str]) -> Identity:
    return Identity(
        email=customer.get("email"),
        phone=customer.get("phone"),
        customer_id=customer.get("external_id"),
        first_name=customer.get("first_name", ""),
        last_name=customer.get("last_name", ""),
        locale=customer.get("locale", ""),
        is_proven=True,
    )


def _add(
    ticket: Ticket, *, kind: str, text: str, client_id: uuid.UUID | None = None
) -> TicketMessage:
    if kind == TicketMessage.Kind.AGENT:
        return services.reply(ticket.pk, text=text, client_id=client_id or uuid.uuid4(), by=None)
    if kind == TicketMessage.Kind.NOTE:
        return services.add_note(ticket.pk, text=text, client_id=client_id, by=None)
    return services.add_customer_message(ticket.pk, text=text, client_id=client_id)
