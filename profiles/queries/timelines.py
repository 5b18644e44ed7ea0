"""What happened with a customer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from company import queries as company
from ecrm.kernel import outbox
from profiles import extensions
from profiles.extensions import Deed
from profiles.models import Activity, ActivityQuerySet
from profiles.queries.identities import VIEW
from profiles.types import TimelineEntry

if TYPE_CHECKING:
    from company.types import Agent
    from ecrm.kernel.models import EventRecord

# When something happened, and its rank among what happened at the same moment.
Position = tuple[datetime, int]
# The kind of what customers do by themselves, beside the kinds of facts.
DEEDS = "activity"
# Renderers leave facts out; a page looks this often for more before it ends short.
ROUNDS = 4
# Several deeds make one line.
DEEDS_PER_LINE = 4
ONE_VISIT = timedelta(minutes=30)
# Deeds rank after all facts of the same moment.
_DEEDS_AFTER = 10**18


@dataclass(frozen=True, kw_only=True, slots=True)
class TimelinePage:
    """Some facts, newest first, and the position after which the older ones begin."""

    entries: Sequence[TimelineEntry]
    next: Position | None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Sources:
    """What a page is made of; None leaves a source out."""

    records: QuerySet[EventRecord] | None
    deeds: ActivityQuerySet | None
    is_grouped: bool = True


@dataclass(slots=True)
class _Line:
    """A fact, or the deeds of one visit, the newest first; `end` is the position of the oldest."""

    at: datetime
    end: Position
    record: EventRecord | None = None
    deeds: tuple[Deed, ...] = ()


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
    is_grouped: bool = False,
) -> TimelinePage:
    """A page of the timeline as some shops see it, or all.

    `before` is the `next` of the page before; `is_grouped` makes one entry of what was done during one
    visit. One query for the facts, one for the deeds and the constant number which each renderer needs;
    at most ROUNDS times that when many facts are not worth showing.
    """
    wanted = frozenset(kinds) if kinds is not None else None
    shown = Q(name__in=extensions.timeline.names(wanted))
    deeds = Activity.objects.filter(profile_id=profile_id)
    if shop_ids is not None:
        in_sight = list(shop_ids)
        shown &= Q(shop_id__in=in_sight) | Q(shop_id__isnull=True)
        deeds = deeds.in_shops(in_sight)
    sources = _Sources(
        records=_records(profile_id, shown) if wanted is None or wanted - {DEEDS} else None,
        deeds=deeds if wanted is None or DEEDS in wanted else None,
        is_grouped=is_grouped,
    )
    return _page(sources, before=before, limit=limit)


def timeline_for(
    agent: Agent,
    *,
    profile_id: int,
    kind: str = "",
    before: Position | None = None,
    limit: int = 50,
) -> TimelinePage:
    """A page of the timeline as this agent may read it: each kind of fact has its permission."""
    deeds = Activity.objects.filter(profile_id=profile_id)
    sources = _Sources(
        records=_records(profile_id, readable(agent, kind)) if kind != DEEDS else None,
        deeds=deeds.in_shops(company.shop_ids(agent, VIEW)) if kind in {"", DEEDS} else None,
    )
    return _page(sources, before=before, limit=limit)


def page_of(records: QuerySet[EventRecord], *, before: Position | None, limit: int) -> TimelinePage:
    """A page of these facts, which come newest first."""
    return _page(_Sources(records=records, deeds=None), before=before, limit=limit)


def kinds_for(agent: Agent) -> dict[str, str]:
    """The kinds of facts this agent may read somewhere, with their labels."""
    found = {
        renderer.kind: str(renderer.kind_label)
        for renderer in extensions.timeline.all()
        if agent.has_perm(renderer.permission)
    }
    return found | {DEEDS: _("On the site")}


def readable(agent: Agent, kind: str) -> Q:
    """The facts which the agent may read, of one kind or all, in the shops where he may read them."""
    shown = Q(pk__in=[])
    for shop_ids, names in _readable(agent, kind).items():
        shown |= Q(name__in=names) & (Q(shop_id__in=shop_ids) | Q(shop_id__isnull=True))
    return shown


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


def _records(profile_id: int, shown: Q) -> QuerySet[EventRecord]:
    return outbox.records_of_profile(profile_id).filter(shown)


# --- Pages ----------------------------------------------------------------------------------------


def _page(sources: _Sources, *, before: Position | None, limit: int) -> TimelinePage:
    found: list[tuple[TimelineEntry, Position]] = []
    position = before
    for _round in range(ROUNDS):
        lines, is_end = _lines(sources, position, limit)
        found += _in_words(lines)
        if len(found) > limit:
            return _cut(found, limit)
        if is_end:
            return TimelinePage(entries=[entry for entry, _end in found], next=None)
        position = lines[-1].end
        if len(found) == limit:
            break
    return TimelinePage(entries=[entry for entry, _end in found], next=position)


def _cut(found: Sequence[tuple[TimelineEntry, Position]], limit: int) -> TimelinePage:
    kept = found[:limit]
    return TimelinePage(entries=[entry for entry, _end in kept], next=kept[-1][1])


def _lines(sources: _Sources, position: Position | None, limit: int) -> tuple[list[_Line], bool]:
    """The next lines, at least one unless it is the end, and whether that is the end.

    Both sources are read a piece each; what lies beyond the end of the shorter piece waits.
    """
    facts = _facts(sources, position, limit + 1)
    most = DEEDS_PER_LINE * (limit + 1)
    deeds = _deeds(sources, position, most)
    ends = [
        piece[-1].end for piece, most in ((facts, limit + 1), (deeds, most)) if len(piece) == most
    ]
    lines = sorted([*facts, *deeds], key=lambda line: line.end, reverse=True)
    if ends:
        horizon = max(ends)
        lines = [line for line in lines if line.end >= horizon]
    if sources.is_grouped:
        lines = _visits(lines)
        if ends and len(lines) > 1 and lines[-1].deeds:
            lines.pop()
    return lines, not ends


def _facts(sources: _Sources, position: Position | None, most: int) -> list[_Line]:
    if sources.records is None:
        return []
    rows = sources.records
    if position is not None:
        moment, rank = position
        rows = rows.filter(Q(occurred_at__lt=moment) | Q(occurred_at=moment, id__lt=rank))
    return [
        _Line(at=row.occurred_at, end=(row.occurred_at, row.pk), record=row) for row in rows[:most]
    ]


def _deeds(sources: _Sources, position: Position | None, most: int) -> list[_Line]:
    if sources.deeds is None:
        return []
    rows = sources.deeds.order_by("-occurred_at", "-id")
    if position is not None:
        moment, rank = position
        rows = rows.older_than(moment, rank + _DEEDS_AFTER)
    return [
        _Line(at=row.occurred_at, end=(row.occurred_at, row.pk - _DEEDS_AFTER), deeds=(_deed(row),))
        for row in rows[:most]
    ]


def _deed(row: Activity) -> Deed:
    return Deed(
        id=row.pk,
        name=row.name,
        shop_id=row.shop_id,
        occurred_at=row.occurred_at,
        sku=row.sku,
        value=row.value,
        properties=row.properties if isinstance(row.properties, dict) else {},
    )


def _visits(lines: Iterable[_Line]) -> list[_Line]:
    """Deeds of one group which follow each other closely, in one shop, become one line."""
    found: list[_Line] = []
    for line in lines:
        last = found[-1] if found else None
        if last is not None and last.deeds and line.deeds and _is_same_visit(last, line):
            last.deeds += line.deeds
            last.end = line.end
        else:
            found.append(line)
    return found


def _is_same_visit(later: _Line, earlier: _Line) -> bool:
    newer, older = later.deeds[-1], earlier.deeds[0]
    group = words_of(newer).group
    return (
        bool(group)
        and group == words_of(older).group
        and newer.shop_id == older.shop_id
        and newer.occurred_at - older.occurred_at <= ONE_VISIT
    )


# --- Words ----------------------------------------------------------------------------------------


def _in_words(lines: Sequence[_Line]) -> list[tuple[TimelineEntry, Position]]:
    entries = _facts_in_words([line.record for line in lines if line.record is not None])
    found: list[tuple[TimelineEntry, Position]] = []
    for line in lines:
        if line.record is None:
            found.append((_visit_in_words(line.deeds), line.end))
        elif entry := entries.get(line.record.pk):
            found.append((entry, line.end))
    return found


def words_of(deed: Deed) -> extensions.DeedWords:
    """Who puts a deed into words."""
    found = extensions.deeds.get(deed.name) or extensions.deeds.get("")
    if found is None:
        raise LookupError("Nobody puts deeds into words.")
    return found


def _visit_in_words(deeds: Sequence[Deed]) -> TimelineEntry:
    newest = deeds[0]
    words = words_of(newest)
    text = words.render(deeds)
    return TimelineEntry(
        id=newest.id,
        name=newest.name,
        kind=DEEDS,
        icon=words.icon,
        title=text.title,
        detail=text.detail,
        url=text.url,
        shop_id=newest.shop_id,
        occurred_at=newest.occurred_at,
        key=f"a{newest.id}",
        lines=text.lines,
    )


def timeline_of(records: Sequence[EventRecord]) -> list[TimelineEntry]:
    """These facts in words, in their order; what nobody puts into words is left out."""
    entries = _facts_in_words(records)
    return [entries[record.pk] for record in records if record.pk in entries]


def _facts_in_words(records: Sequence[EventRecord]) -> dict[int, TimelineEntry]:
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
                    key=str(record.pk),
                    lines=text.lines,
                )
    return entries
