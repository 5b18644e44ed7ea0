"""The API's form of tickets and messages."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from contacts import rules
from contacts.models import Ticket, TicketMessage

PRIORITIES = {"low": 1, "normal": 2, "high": 3, "urgent": 4}
PRIORITY_NAMES = {value: name for name, value in PRIORITIES.items()}
# Doors that somebody outside the product may say he came through.
CHANNELS = ("api", "form", "email", "phone")
LONGEST_TEXT = 100_000


class AttachmentOut(serializers.Serializer[dict[str, Any]]):
    """A file that came with a message."""

    name = serializers.CharField()
    type = serializers.CharField()
    size = serializers.IntegerField()


class MessageOut(serializers.Serializer[TicketMessage]):
    """One entry of a ticket."""

    id = serializers.CharField(source="pk")
    seq = serializers.IntegerField(help_text=_("1..n within the ticket, without gaps."))
    kind = serializers.ChoiceField(choices=TicketMessage.Kind.values)
    channel = serializers.ChoiceField(choices=Ticket.Channel.choices)
    author = serializers.SerializerMethodField()
    text = serializers.CharField()
    attachments = AttachmentOut(many=True)
    created_at = serializers.DateTimeField()

    def get_author(self, message: TicketMessage) -> str:
        """The agent's name, or how the customer signed; empty for the product itself."""
        return message.agent_name or message.author_name


class TicketOut(serializers.Serializer[Ticket]):
    """One request, without its messages."""

    id = serializers.CharField(source="pk")
    number = serializers.IntegerField(help_text=_("The number agents and customers see."))
    subject = serializers.CharField()
    state = serializers.ChoiceField(choices=Ticket.State.values)
    priority = serializers.SerializerMethodField()
    channel = serializers.ChoiceField(choices=Ticket.Channel.choices)
    language = serializers.CharField()
    tags = serializers.ListField(child=serializers.CharField())
    profile_id = serializers.CharField(help_text=_("The customer: GET /profiles/{id}."))
    order_id = serializers.SerializerMethodField()
    assignee = serializers.SerializerMethodField()
    messages_count = serializers.IntegerField(source="last_seq")
    opened_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    last_message_at = serializers.DateTimeField()
    waiting_since = serializers.DateTimeField(allow_null=True)
    first_answered_at = serializers.DateTimeField(allow_null=True)
    snoozed_until = serializers.DateTimeField(allow_null=True)
    solved_at = serializers.DateTimeField(allow_null=True)

    def get_priority(self, ticket: Ticket) -> str:
        """One of low, normal, high, urgent."""
        return PRIORITY_NAMES[ticket.priority]

    def get_order_id(self, ticket: Ticket) -> str | None:
        """The shop's own id of the order the request is about."""
        return ticket.order.external_id if ticket.order else None

    def get_assignee(self, ticket: Ticket) -> str | None:
        """The name of the agent who owns the request."""
        return ticket.assignee.name if ticket.assignee else None


class TicketWithMessagesOut(TicketOut):
    """One request with what was said, oldest first (the latest 200 entries)."""

    messages = MessageOut(many=True)


class TicketPage(serializers.Serializer[dict[str, Any]]):
    """Some requests, and the cursor of the next ones."""

    results = TicketOut(many=True)
    next = serializers.CharField(allow_null=True, help_text=_("Cursor of the next page."))


class CustomerIn(serializers.Serializer[dict[str, Any]]):
    """The person who writes; at least one identifier."""

    email = serializers.EmailField(required=False, max_length=254)
    phone = serializers.CharField(required=False, max_length=40)
    external_id = serializers.CharField(
        required=False, max_length=200, help_text=_("The customer's id in the shop.")
    )
    first_name = serializers.CharField(required=False, max_length=120, allow_blank=True)
    last_name = serializers.CharField(required=False, max_length=120, allow_blank=True)
    locale = serializers.CharField(required=False, max_length=12, allow_blank=True)


class TicketIn(serializers.Serializer[dict[str, Any]]):
    """A new request."""

    customer = CustomerIn()
    subject = serializers.CharField(max_length=300, allow_blank=True, default="")
    text = serializers.CharField(max_length=LONGEST_TEXT)
    channel = serializers.ChoiceField(choices=CHANNELS, default="api")
    language = serializers.CharField(required=False, max_length=8)
    order_id = serializers.CharField(
        required=False, max_length=200, help_text=_("The shop's own id of the customer's order.")
    )
    priority = serializers.ChoiceField(choices=tuple(PRIORITIES), default="normal")
    tags = serializers.ListField(
        child=serializers.CharField(max_length=rules.MAX_TAG_LENGTH),
        max_length=rules.MAX_TAGS,
        default=list,
    )


class MessageIn(serializers.Serializer[dict[str, Any]]):
    """The next message: the customer's words, an answer that is mailed to him, or an internal note."""

    kind = serializers.ChoiceField(choices=("customer", "agent", "note"), default="customer")
    text = serializers.CharField(max_length=LONGEST_TEXT)
    client_id = serializers.UUIDField(
        required=False, help_text=_("Sent again with the same id it gives the first message again.")
    )


class TicketQuery(serializers.Serializer[dict[str, Any]]):
    """What a list may be narrowed to."""

    state = serializers.ChoiceField(choices=Ticket.State.values, required=False)
    channel = serializers.ChoiceField(choices=Ticket.Channel.choices, required=False)
    tag = serializers.CharField(required=False, max_length=rules.MAX_TAG_LENGTH)
    profile = serializers.IntegerField(required=False, min_value=1)
    updated_since = serializers.DateTimeField(
        required=False,
        help_text=_("Only requests changed since then, the longest unchanged first."),
    )
