"""Reads of the API: the tickets of one shop."""

from __future__ import annotations

from datetime import datetime

from contacts.models import Ticket, TicketMessage, TicketQuerySet

MESSAGES = 200


def of_shop(shop_id: int) -> TicketQuerySet:
    """The shop's tickets with their order and assignee, in one query."""
    return Ticket.objects.in_shops([shop_id]).select_related("order", "assignee")


def narrowed(
    tickets: TicketQuerySet,
    *,
    state: str | None = None,
    channel: str | None = None,
    tag: str | None = None,
    profile: int | None = None,
    updated_since: datetime | None = None,
) -> TicketQuerySet:
    """Those of these tickets that the caller asked for."""
    if state:
        tickets = tickets.filter(state=state)
    if channel:
        tickets = tickets.filter(channel=channel)
    if tag:
        tickets = tickets.filter(tags__contains=[tag])
    if profile:
        tickets = tickets.filter(profile_id=profile)
    return tickets.filter(updated_at__gte=updated_since) if updated_since else tickets


def ordering(*, updated_since: datetime | None = None, **_: object) -> tuple[str, ...]:
    """By change for whoever follows changes, otherwise the newest first."""
    return ("updated_at", "id") if updated_since else ("-id",)


def messages_of(ticket: Ticket) -> list[TicketMessage]:
    """The latest entries of a ticket in their order."""
    return list(ticket.messages.for_thread().order_by("-seq")[:MESSAGES])[::-1]
