"""What happens with all customers, and what colleagues say about it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.db.models import QuerySet

from company import queries as company
from company.types import AgentInfo
from ecrm.kernel.models import EventRecord
from profiles.models import WallComment
from profiles.queries import timelines
from profiles.queries.cards import cards
from profiles.queries.identities import VIEW
from profiles.types import ProfileCard, TimelineEntry

if TYPE_CHECKING:
    from company.types import Agent


@dataclass(frozen=True, kw_only=True, slots=True)
class Comment:
    """A word of a colleague; `author` is None when he was removed."""

    id: int
    author: AgentInfo | None
    text: str
    created_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class WallEntry:
    """A fact on the wall, whose it is, and what colleagues say."""

    fact: TimelineEntry
    customer: ProfileCard
    comments: Sequence[Comment]


@dataclass(frozen=True, kw_only=True, slots=True)
class WallPage:
    """Some facts, newest first, and the position after which the older ones begin."""

    entries: Sequence[WallEntry]
    next: timelines.Position | None


def facts_for(agent: Agent, *, kind: str = "", shop_id: int | None = None) -> QuerySet[EventRecord]:
    """The facts about customers which the agent may read, each in its shop; newest first."""
    rows = EventRecord.objects.filter(
        timelines.readable(agent, kind),
        profile_id__isnull=False,
        shop_id__in=company.shop_ids(agent, VIEW) if shop_id is None else [shop_id],
    )
    return rows.order_by("-occurred_at", "-id")


def wall_page(
    agent: Agent,
    *,
    kind: str = "",
    shop_id: int | None = None,
    before: timelines.Position | None = None,
    limit: int = 40,
) -> WallPage:
    """A page of the wall. Six queries and what the renderers need, whatever stands on it."""
    facts = facts_for(agent, kind=kind, shop_id=shop_id)
    page = timelines.page_of(facts, before=before, limit=limit)
    return WallPage(entries=_with_words_of_colleagues(page.entries), next=page.next)


def wall_entry(agent: Agent, fact_id: int) -> WallEntry | None:
    """One fact as it stands on the wall, or None when the agent may not read it."""
    records = list(facts_for(agent).filter(pk=fact_id))
    return next(iter(_with_words_of_colleagues(timelines.timeline_of(records))), None)


def _with_words_of_colleagues(facts: Sequence[TimelineEntry]) -> list[WallEntry]:
    ids = [fact.id for fact in facts]
    owners = dict(EventRecord.objects.filter(pk__in=ids).values_list("pk", "profile_id"))
    customers = cards({profile_id for profile_id in owners.values() if profile_id is not None})
    comments = _comments(ids)
    return [
        WallEntry(fact=fact, customer=customer, comments=comments.get(fact.id, ()))
        for fact in facts
        if (customer := customers.get(owners.get(fact.id) or 0))
    ]


def _comments(fact_ids: Iterable[int]) -> dict[int, list[Comment]]:
    rows = list(WallComment.objects.present().filter(event_id__in=list(fact_ids)).order_by("id"))
    authors = company.agent_infos({row.author_id for row in rows if row.author_id is not None})
    found: dict[int, list[Comment]] = {}
    for row in rows:
        comment = Comment(
            id=row.pk,
            author=authors.get(row.author_id or 0),
            text=row.text,
            created_at=row.created_at,
        )
        found.setdefault(row.event_id, []).append(comment)
    return found
