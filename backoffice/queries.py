"""Reads of the frame."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode
from weakref import WeakKeyDictionary

from django.db.models import Q
from django.utils.timezone import now

from backoffice import rules
from backoffice.models import Notification, Presence, SavedView
from backoffice.types import (
    Column,
    ColumnChoice,
    ListTools,
    Marks,
    NamedFilters,
    PresenceInfo,
    Row,
    SavedViews,
)
from company import queries as company
from ecrm.kernel import outbox
from ecrm.kernel.prepared import Statement

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from django.db.models import QuerySet

    from backoffice.models import NotificationQuerySet
    from company.types import Agent, AgentRequest, ShopInfo
    from ecrm.kernel.models import Delivery

SHOP_CHOICE = "backoffice.shop"
_shops: WeakKeyDictionary[AgentRequest, list[ShopInfo]] = WeakKeyDictionary()


def shops_of(request: AgentRequest) -> list[ShopInfo]:
    """Return the agent's shops. Runs a query or two, once for a request."""
    if request not in _shops:
        _shops[request] = company.shops_for(request.user)
    return _shops[request]


def selected_shop(request: AgentRequest) -> ShopInfo | None:
    """Return the one shop the agent works in just now, or None for all of his."""
    chosen = request.session.get(SHOP_CHOICE)
    if chosen is None:
        return None
    return next((shop for shop in shops_of(request) if shop.id == chosen), None)


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


_MARKS = Statement(
    "marks",
    """
SELECT EXISTS (
    SELECT FROM backoffice_presence WHERE agent_id = %(agent_id)s::bigint AND is_away
), (
    SELECT count(*) FROM backoffice_notification
    WHERE agent_id = %(agent_id)s::bigint AND read_at IS NULL
)
""",
)


def marks_of(agent_id: int | None) -> Marks:
    """Return what the frame shows of the agent on every page; one query, none for a visitor."""
    if agent_id is None:
        return Marks(is_away=False, unread=0)
    ((is_away, unread),) = _MARKS.rows(agent_id=agent_id)
    return Marks(is_away=is_away, unread=unread)


def saved_view_of(agent_id: int, view_id: int) -> QuerySet[SavedView]:
    """Return one saved view, if it is this agent's."""
    return SavedView.objects.filter(agent_id=agent_id, pk=view_id)


_LIST_MEMORY = Statement(
    "list_memory",
    """
SELECT (
    SELECT keys FROM backoffice_chosencolumns
    WHERE agent_id = %(agent_id)s::bigint AND list_path = %(list_path)s::text
), (
    SELECT json_agg(json_build_array(id, name, query) ORDER BY name, id)
    FROM backoffice_savedview
    WHERE agent_id = %(agent_id)s::bigint AND list_path = %(list_path)s::text
)
""",
)


def saved_views(request: AgentRequest, *, list_path: str, query: str) -> SavedViews:
    """Return the agent's saved views of a list whose filters are those of `query`. Runs one query."""
    ((_keys, views),) = _LIST_MEMORY.rows(agent_id=request.user.pk, list_path=list_path)
    return _saved_views(views or [], list_path=list_path, query=query)


def columns_of(agent_id: int, list_path: str, offered: Sequence[Column[Row]]) -> list[Column[Row]]:
    """Return those of the offered columns which the agent sees, in their order. Runs one query."""
    ((keys, _views),) = _LIST_MEMORY.rows(agent_id=agent_id, list_path=list_path)
    return _shown(keys, offered)


def list_tools(
    request: AgentRequest, *, offered: Sequence[Column[Row]], export_url: str = ""
) -> ListTools[Row]:
    """Return what stands above the list of this address, and the columns it shows. Runs one query."""
    list_path = request.path
    ((keys, views),) = _LIST_MEMORY.rows(agent_id=request.user.pk, list_path=list_path)
    saved = _saved_views(views or [], list_path=list_path, query=request.GET.urlencode())
    shown = _shown(keys, offered)
    suffix = f"?{saved.query}" if saved.query else ""
    return ListTools(
        list_path=list_path,
        address=list_path + suffix,
        saved=saved,
        columns=tuple(
            ColumnChoice(key=column.key, label=column.label, is_shown=column in shown)
            for column in offered
        ),
        shown=shown,
        export_url=export_url and export_url + suffix,
    )


def _shown(keys: Sequence[str] | None, offered: Sequence[Column[Row]]) -> list[Column[Row]]:
    usual = [column.key for column in offered if column.is_usual]
    wanted = usual if keys is None else keys
    return [column for column in offered if column.key in wanted]


def _saved_views(
    views: Iterable[tuple[int, str, str]], *, list_path: str, query: str
) -> SavedViews:
    filters = rules.filters_in(query)
    return SavedViews(
        list_path=list_path,
        query=urlencode(filters),
        views=[
            NamedFilters(
                id=view_id,
                name=name,
                url=f"{list_path}?{saved}" if saved else list_path,
                is_current=rules.filters_in(saved) == filters,
            )
            for view_id, name, saved in views
        ],
    )


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
