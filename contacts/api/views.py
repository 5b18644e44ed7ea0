"""Tickets for the shop's own programs."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.status import HTTP_201_CREATED
from rest_framework.viewsets import GenericViewSet

from contacts import services
from contacts.api.serializers import (
    PRIORITIES,
    MessageIn,
    MessageOut,
    TicketIn,
    TicketOut,
    TicketQuery,
    TicketWithMessagesOut,
)
from contacts.models import Ticket, TicketMessage, TicketQuerySet
from contacts.queries import listing
from ecrm.kernel.idempotency import IdempotentMixin
from profiles.types import Identity


class TicketViewSet(IdempotentMixin, GenericViewSet[Ticket]):
    """The tickets of the key's shop."""

    required_scopes: ClassVar[dict[str, str]] = {"GET": "tickets:read", "POST": "tickets:write"}
    queryset = Ticket.objects.none()
    serializer_class = TicketOut
    lookup_value_regex = r"[0-9]{1,18}"

    def get_queryset(self) -> TicketQuerySet:
        """The tickets of the key's shop with what a row shows."""
        return listing.of_shop(self.request.auth.shop_id)

    @extend_schema(operation_id="tickets_list", parameters=[TicketQuery], responses=TicketOut(many=True))
    def list(self, request: Request) -> Response:
        """Requests, the newest first; with `updated_since` the longest unchanged first."""
        query = TicketQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        rows = listing.narrowed(self.get_queryset(), **query.validated_data)
        self.paginator.ordering = listing.ordering(**query.validated_data)
        page = self.paginate_queryset(rows)
        return self.get_paginated_response(TicketOut(page, many=True).data)

    @extend_schema(operation_id="tickets_retrieve", responses=TicketWithMessagesOut)
    def retrieve(self, request: Request, pk: str) -> Response:
        """One request with what was said."""
        ticket = get_object_or_404(self.get_queryset(), pk=int(pk))
        return Response(self._whole(ticket))

    @extend_schema(
        operation_id="tickets_create", request=TicketIn, responses={201: TicketWithMessagesOut}
    )
    def create(self, request: Request) -> Response:
        """Open a request in a customer's name; agents see it at once."""
        body = TicketIn(data=request.data)
        body.is_valid(raise_exception=True)
        ticket = services.open_request(
            _identity(body.validated_data["customer"]),
            shop_id=request.auth.shop_id,
            order_external_id=body.validated_data.get("order_id"),
            priority=PRIORITIES[body.validated_data["priority"]],
            **{
                field: body.validated_data[field]
                for field in ("subject", "text", "channel", "language", "tags")
                if field in body.validated_data
            },
        )
        return Response(self._whole(self.get_queryset().get(pk=ticket.pk)), status=HTTP_201_CREATED)

    @extend_schema(
        operation_id="tickets_messages_create", request=MessageIn, responses={201: MessageOut}
    )
    def add_message(self, request: Request, pk: str) -> Response:
        """Add the customer's words, mail him an answer, or leave a note for the agents."""
        ticket = get_object_or_404(self.get_queryset(), pk=int(pk))
        body = MessageIn(data=request.data)
        body.is_valid(raise_exception=True)
        message = _add(ticket, **body.validated_data)
        return Response(MessageOut(message).data, status=HTTP_201_CREATED)

    def _whole(self, ticket: Ticket) -> dict[str, Any]:
        ticket.shown = listing.messages_of(ticket)  # type: ignore[attr-defined]  # read by the serializer below
        return dict(TicketWithMessagesOut(ticket).data)


def _identity(customer: dict[str, str]) -> Identity:
    return Identity(
        email=customer.get("email"),
        phone=customer.get("phone"),
        customer_id=customer.get("external_id"),
        first_name=customer.get("first_name", ""),
        last_name=customer.get("last_name", ""),
        locale=customer.get("locale", ""),
    )


def _add(ticket: Ticket, *, kind: str, text: str, client_id: uuid.UUID | None = None) -> TicketMessage:
    if kind == TicketMessage.Kind.AGENT:
        return services.reply(ticket.pk, text=text, client_id=client_id or uuid.uuid4(), by=None)
    if kind == TicketMessage.Kind.NOTE:
        return services.add_note(ticket.pk, text=text, client_id=client_id, by=None)
    return services.add_customer_message(ticket.pk, text=text, client_id=client_id)
