"""Reads of the frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Q
from django.utils.timezone import now

from backoffice import rules
from backoffice.models import Notification, Presence, SavedView
from backoffice.types import PresenceInfo
from company import queries as company
from ecrm.kernel import outbox

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from django.db.models import QuerySet

    from backoffice.models import NotificationQuerySet
    from company.types import Agent, AgentRequest, ShopInfo
    from ecrm.kernel.models import Delivery

SHOP_CHOICE = "backoffice.shop"


def selected_shop(request: AgentRequest) -> ShopInfo | None:
    """Return the one shop the agent works in just now, or None for all of his."""
    chosen = request.session.get(SHOP_CHOICE)
    shops = company.shops_for(request.user)
    return next((shop for shop in shops if shop.id == chosen), None)


def selected_shop_ids(request: AgentRequest, code: str) -> frozenset[int]:
    """Return the shops a list page shows: those of the permission, narrowed to the chosen shop.

    A chosen shop in which the agent doesn't hold the permission leaves nothing.
    """
    allowed = company.shop_ids(request.user, code)
    shop = selected_shop(request)
    return allowed if shop is None else allowed & {shop.id}


def notifications_of(agent_id: int) -> NotificationQuerySet:
    """Return the agent's notifications, newest first."""
    return Notification.objects.of(agent_id).order_by("-created_at", "-pk")


def unread_count(agent_id: int) -> int:
    """Count what the agent has not read; one query on a partial index."""
    return Notification.objects.of(agent_id).unread().count()


def saved_views_of(agent_id: int, list_path: str) -> QuerySet[SavedView]:
    """Return the views an agent saved for the list at this path."""
    return SavedView.objects.filter(agent_id=agent_id, list_path=list_path)


def saved_view_of(agent_id: int, view_id: int) -> QuerySet[SavedView]:
    """Return one saved view, if it is this agent's."""
    return SavedView.objects.filter(agent_id=agent_id, pk=view_id)


def presence(agent_ids: Iterable[int], *, at: datetime | None = None) -> dict[int, PresenceInfo]:
    """Tell of each agent whether he has the product open, and whether he is away; one query."""
    ids = list(agent_ids)
    moment = at or now()
    rows = {row.agent_id: row for row in Presence.objects.filter(agent_id__in=ids)}
    return {agent_id: _presence(agent_id, rows.get(agent_id), moment) for agent_id in ids}


def _presence(agent_id: int, row: Presence | None, at: datetime) -> PresenceInfo:
    return PresenceInfo(
        agent_id=agent_id,
        is_online=row is not None and rules.is_online(row.seen_at, at=at),
        is_away=row is not None and row.is_away,
    )


def may_follow_agent(agent: Agent, topic: str) -> bool:
    """Allow `agent:<id>` to that agent only."""
    return topic == f"agent:{agent.id}"


def may_follow_outbox(agent: Agent, topic: str) -> bool:
    """Allow `outbox` to those who look after parked deliveries."""
    return topic == "outbox" and agent.has_perm("company.operate")


def parked_deliveries(agent: Agent) -> QuerySet[Delivery]:
    """Return the parked deliveries of the shops this operator looks after, newest first.

    Facts without a shop belong to those who operate every shop.
    """
    scope = Q(event__shop_id__in=company.shop_ids(agent, "company.operate"))
    if company.may(agent, "company.operate", shop_id=None):
        scope |= Q(event__shop_id__isnull=True)
    return outbox.parked().filter(scope)
