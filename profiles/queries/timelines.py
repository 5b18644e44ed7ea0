"""What happened with a customer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.db.models import Q, QuerySet

from company import queries as company
from ecrm.kernel import outbox
from profiles import extensions
from profiles.types import TimelineEntry

if TYPE_CHECKING:
    from company.types import Agent
    from ecrm.kernel.models import EventRecord

Position = tuple[datetime, int]
# Renderers leave facts out; a page looks this often for more before it ends short.
ROUNDS = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class TimelinePage:
    """Some facts, newest first, and the position after which the older ones begin."""

    entries: Sequence[TimelineEntry]
    next: Position | None


def timeline(
    profile_id: int,
    *,
    kinds: Iterable[str] | None = None,
    before: Position | None = None,
    limit: int = 50,
    shop_ids: Iterable[int] | None = None,
) -> list[TimelineEntry]:
    """What happened with a customer, newest first, in words; `shop_ids` leaves out other shops."""
    page = timeline_page(profile_id, kinds=kinds, before=before, limit=limit, shop_ids=shop_ids)
    return list(page.entries)


def timeline_page(
    profile_id: int,
    *,
    kinds: Iterable[str] | None = None,
    before: Position | None = None,
    limit: int = 50,
    shop_ids: Iterable[int] | None = None,
) -> TimelinePage:
    """A page of the timeline as some shops see it, or all.

    `before` is the `next` of the page before. One query for the facts and the constant number which
    each renderer needs; at most ROUNDS times that when many facts are not worth showing.
    """
    names = extensions.timeline.names(frozenset(kinds) if kinds is not None else None)
    shown = Q(name__in=names)
    if shop_ids is not None:
        shown &= Q(shop_id__in=list(shop_ids)) | Q(shop_id__isnull=True)
    return _page(profile_id, shown, before=before, limit=limit)


def timeline_for(
    agent: Agent,
    *,
    profile_id: int,
    kind: str = "",
    before: Position | None = None,
    limit: int = 50,
) -> TimelinePage:
    """A page of the timeline as this agent may read it: each kind of fact has its permission."""
    shown = Q(pk__in=[])
    for shop_ids, names in _readable(agent, kind).items():
        shown |= Q(name__in=names) & (Q(shop_id__in=shop_ids) | Q(shop_id__isnull=True))
    return _page(profile_id, shown, before=before, limit=limit)


def kinds_for(agent: Agent) -> dict[str, str]:
    """The kinds of facts this agent may read somewhere, with their labels."""
    return {
        renderer.kind: str(renderer.kind_label)
        for renderer in extensions.timeline.all()
        if agent.has_perm(renderer.permission)
    }


def _readable(agent: Agent, kind: str) -> dict[frozenset[int], list[str]]:
    """The names of the facts by the shops in which the agent may read them."""
    found: dict[frozenset[int], list[str]] = {}
    for permission, names in _names_by_permission(kind).items():
        if shop_ids := company.shop_ids(agent, permission):
            found.setdefault(shop_ids, []).extend(names)
    return found


def _names_by_permission(kind: str) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    for renderer in extensions.timeline.all():
        if not kind or renderer.kind == kind:
            found.setdefault(renderer.permission, []).append(renderer.event_name)
    return found


def _page(profile_id: int, shown: Q, *, before: Position | None, limit: int) -> TimelinePage:
    records = outbox.records_of_profile(profile_id).filter(shown)
    entries: list[TimelineEntry] = []
    position = before
    for _round in range(ROUNDS):
        chunk = list(_older_than(position, records)[: limit + 1])
        entries += timeline_of(chunk[:limit])
        if len(entries) > limit:
            entries = entries[:limit]
            return TimelinePage(entries=entries, next=(entries[-1].occurred_at, entries[-1].id))
        if len(chunk) <= limit:
            return TimelinePage(entries=entries, next=None)
        position = (chunk[limit - 1].occurred_at, chunk[limit - 1].pk)
        if len(entries) == limit:
            break
    return TimelinePage(entries=entries, next=position)


def _older_than(position: Position | None, records: QuerySet[EventRecord]) -> QuerySet[EventRecord]:
    if position is None:
        return records
    moment, last_id = position
    return records.filter(Q(occurred_at__lt=moment) | Q(occurred_at=moment, id__lt=last_id))


def timeline_of(records: Sequence[EventRecord]) -> list[TimelineEntry]:
    """These facts in words, in their order; what nobody puts into words is left out."""
    by_name: dict[str, list[EventRecord]] = {}
    for record in records:
        by_name.setdefault(record.name, []).append(record)
    entries: dict[int, TimelineEntry] = {}
    for name, group in by_name.items():
        renderer = extensions.timeline.get(name)
        texts = renderer.render(group) if renderer else {}
        for record in group:
            if renderer and (text := texts.get(record.pk)):
                entries[record.pk] = TimelineEntry(
                    id=record.pk,
                    name=name,
                    kind=renderer.kind,
                    icon=renderer.icon,
                    title=text.title,
                    detail=text.detail,
                    url=text.url,
                    shop_id=record.shop_id,
                    occurred_at=record.occurred_at,
                )
    return [entries[record.pk] for record in records if record.pk in entries]
