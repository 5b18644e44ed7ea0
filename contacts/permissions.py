"""Who may read, and who may answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from company import queries as company
from contacts.models import Ticket
from contacts.queries import inbox

if TYPE_CHECKING:
    from company.types import Agent

VIEW = inbox.VIEW
ANSWER = inbox.ANSWER
DELETE = "contacts.delete_ticket"


def may_answer(agent: Agent, ticket: Ticket) -> bool:
    """Whether the agent may answer and change this ticket."""
    return company.may(agent, ANSWER, shop_id=ticket.shop_id)


def may_delete(agent: Agent, ticket: Ticket) -> bool:
    """Whether the agent may delete this ticket for good."""
    return company.may(agent, DELETE, shop_id=ticket.shop_id)


def may_follow_ticket(agent: Agent, topic: str) -> bool:
    """Whether the agent may hear that `ticket:<id>` changed. Runs one query."""
    ticket_id = topic.removeprefix("ticket:")
    if not (ticket_id.isascii() and ticket_id.isdigit()):
        return False
    return inbox.visible_to(agent).filter(pk=int(ticket_id)).exists()


def may_follow_shop(agent: Agent, topic: str) -> bool:
    """Whether the agent may hear that some ticket of `tickets:shop:<id>` changed."""
    shop_id = topic.removeprefix("tickets:shop:")
    if not (shop_id.isascii() and shop_id.isdigit()):
        return False
    return company.may(agent, VIEW, shop_id=int(shop_id))
