"""What of the post office the signed-in agent reaches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import Http404

from company import queries as company
from messaging import permissions
from messaging.models import Mailbox, OutgoingMessage, RawMail
from messaging.queries import screens

if TYPE_CHECKING:
    from company.types import AgentRequest, ShopInfo


def shop_ids(request: AgentRequest) -> frozenset[int]:
    """The shops whose mail the agent may see."""
    return company.shop_ids(request.user, permissions.VIEW)


def shops(request: AgentRequest) -> dict[int, ShopInfo]:
    """Those shops by id."""
    return {shop_id: company.shop(shop_id) for shop_id in sorted(shop_ids(request))}


def topics(request: AgentRequest) -> str:
    """The live topics of those shops."""
    return " ".join(f"mail:shop:{shop_id}" for shop_id in sorted(shop_ids(request)))


def managed_shops(request: AgentRequest) -> dict[int, ShopInfo]:
    """The shops whose mailboxes the agent may set up, by id."""
    ids = company.shop_ids(request.user, permissions.MANAGE)
    return {shop_id: company.shop(shop_id) for shop_id in sorted(ids)}


def message(
    request: AgentRequest, message_id: int, *, code: str = permissions.VIEW
) -> OutgoingMessage:
    """An outgoing message in whose shop the agent holds the permission, or 404."""
    found = screens.outgoing_message(
        message_id,
        shop_ids=company.shop_ids(request.user, code),
        with_installation=company.may(request.user, code, shop_id=None),
    )
    if found is None:
        raise Http404
    return found


def raw_mail(request: AgentRequest, raw_id: int, *, code: str = permissions.VIEW) -> RawMail:
    """A received mail in whose shop the agent holds the permission, or 404."""
    found = screens.raw_mail(raw_id, shop_ids=company.shop_ids(request.user, code))
    if found is None:
        raise Http404
    return found


def mailbox(request: AgentRequest, mailbox_id: int) -> Mailbox:
    """A mailbox the agent may set up, or 404."""
    found = screens.mailbox(mailbox_id, shop_ids=frozenset(managed_shops(request)))
    if found is None:
        raise Http404
    return found
