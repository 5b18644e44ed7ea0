"""Reads of the inbox: which tickets an agent sees, in which view, in which order."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.utils.dateparse import parse_datetime

from company import queries as company
from contacts import rules
from contacts.models import BulkChange, Ticket, TicketQuerySet
from ecrm.kernel.filters import ROWS_PER_PAGE
from ecrm.kernel.prepared import Statement
from profiles.types import ERASED

if TYPE_CHECKING:
    from company.types import Agent

VIEW = "contacts.view_ticket"
ANSWER = "contacts.answer_ticket"
VIEWS = ("mine", "unassigned", "open", "waiting", "snoozed", "solved", "all")
LATEST, LONGEST = "latest", "longest"
MATCHED_PROFILES = 200
MOST_DIGITS = 18


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """Which tickets a list shows: exactly what stands in the URL."""

    view: str = "mine"
    words: str = ""
    channel: str = ""
    priority: int | None = None
    tag: str = ""
    sort: str = LATEST
    cursor: str = ""

    @property
    def is_narrowed(self) -> bool:
        """Whether a filter beyond the view is on."""
        return bool(self.words or self.channel or self.priority or self.tag)


@dataclass(frozen=True, slots=True)
class InUse:
    """What unfinished tickets have in common: the choices worth offering as filters."""

    channels: Sequence[str]
    tags: Sequence[str]


class TicketLine(NamedTuple):
    """One row of the list, as it stands in the database; `moment` is what the list is ordered by."""

    id: int
    moment: datetime
    number: int
    shop_id: int
    profile_id: int
    channel: str
    state: str
    priority: int
    tags: Sequence[str]
    subject: str
    snippet: str
    reply_to: str
    last_message_at: datetime
    first_name: str
    last_name: str
    erased_at: datetime | None
    owner: str | None

    @property
    def customer(self) -> str:
        """How the customer is called on this screen."""
        if self.erased_at is not None:
            return str(ERASED)
        return (
            f"{self.first_name} {self.last_name}".strip() or self.reply_to or f"#{self.profile_id}"
        )


_ELSEWHERE = {
    "first_name": "profile__first_name",
    "last_name": "profile__last_name",
    "erased_at": "profile__erased_at",
    "owner": "assignee__name",
}
_COLUMNS = [_ELSEWHERE.get(name, name) for name in TicketLine._fields]


@dataclass(frozen=True, slots=True)
class TicketPage:
    """Some rows of a list and where the next ones begin (empty at the end)."""

    tickets: Sequence[TicketLine]
    next_cursor: str


def visible_to(agent: Agent) -> TicketQuerySet:
    """The tickets this agent may read: the scope of every screen."""
    return Ticket.objects.in_shops(company.shop_ids(agent, VIEW))


def answerable_by(agent: Agent) -> TicketQuerySet:
    """The tickets this agent may answer and change."""
    return Ticket.objects.in_shops(company.shop_ids(agent, ANSWER))


def find(agent: Agent, number: int) -> Ticket | None:
    """The ticket of this number with everything its header shows, or None outside the agent's shops."""
    rows = visible_to(agent).select_related("profile", "assignee", "team", "continues")
    return rows.filter(number=number).first()


def page(
    shop_ids: Collection[int], *, selection: Selection, agent_id: int, size: int = ROWS_PER_PAGE
) -> TicketPage:
    """One page of a list of these shops. One query (two with words), however many rows."""
    tickets = _in_view(Ticket.objects.in_shops(shop_ids), selection.view, agent_id)
    tickets = _narrowed(tickets, selection).annotate(moment=_moment_of(selection.sort))
    order = ("moment", "id") if selection.sort == LONGEST else ("-moment", "-id")
    found = _after_cursor(tickets.order_by(*order), selection)[: size + 1]
    rows = [TicketLine(*row) for row in found.values_list(*_COLUMNS)]
    return TicketPage(rows[:size], _cursor(rows[size - 1]) if len(rows) > size else "")


_COUNTS = Statement(
    "tickets_to_do",
    """
SELECT count(*) FILTER (WHERE state IN ('new', 'open') AND assignee_id = %(agent_id)s::bigint),
    count(*) FILTER (WHERE state IN ('new', 'open') AND assignee_id IS NULL),
    count(*) FILTER (WHERE state IN ('new', 'open')),
    count(*) FILTER (WHERE state = 'waiting'),
    count(*) FILTER (WHERE state = 'snoozed')
FROM contacts_ticket
WHERE shop_id = ANY(%(shop_ids)s::bigint[]) AND state IN ('new', 'open', 'waiting', 'snoozed')
""",
)
_WAITING_FOR = Statement(
    "tickets_waiting_for",
    """
SELECT count(*) FROM contacts_ticket
WHERE shop_id = ANY(%(shop_ids)s::bigint[]) AND state IN ('new', 'open')
    AND (assignee_id = %(agent_id)s::bigint OR assignee_id IS NULL)
""",
)
_IN_USE = Statement(
    "tickets_in_use",
    """
WITH latest AS (
    SELECT channel, tags FROM contacts_ticket
    WHERE shop_id = ANY(%(shop_ids)s::bigint[]) AND state IN ('new', 'open', 'waiting', 'snoozed')
    ORDER BY last_message_at DESC LIMIT %(look_at)s::int
)
SELECT ARRAY(SELECT DISTINCT channel FROM latest),
    ARRAY(SELECT DISTINCT tag FROM latest, unnest(tags) AS tag)
""",
)


def counts(shop_ids: Collection[int], *, agent_id: int) -> Mapping[str, int]:
    """How many tickets of these shops stand in each view of work to do, in one query."""
    (found,) = _COUNTS.rows(shop_ids=list(shop_ids), agent_id=agent_id)
    return dict(zip(("mine", "unassigned", "open", "waiting", "snoozed"), found, strict=True))


def waiting_for(agent: Agent) -> int:
    """How many tickets wait for this agent himself or for anybody: the number on the rail."""
    shop_ids = list(company.shop_ids(agent, VIEW))
    ((number,),) = _WAITING_FOR.rows(shop_ids=shop_ids, agent_id=agent.pk)
    return int(number)


def longest_unassigned(agent: Agent, *, limit: int = 5) -> list[Ticket]:
    """What nobody has taken yet, the longest waiting first."""
    rows = visible_to(agent).unassigned().for_list()
    return list(rows.order_by(Coalesce("waiting_since", "last_message_at"), "id")[:limit])


def my_next(agent: Agent, *, limit: int = 5) -> list[Ticket]:
    """The agent's own tickets whose next word is ours, the longest waiting first."""
    rows = visible_to(agent).ours().assigned_to(agent.pk).for_list()
    return list(rows.order_by(Coalesce("waiting_since", "last_message_at"), "id")[:limit])


def matching(agent: Agent, words: str, *, limit: int = 6) -> list[Ticket]:
    """Tickets of this number, subject or customer, the latest first."""
    found = _matching(visible_to(agent), words)
    return list(found.for_list().order_by("-last_message_at", "-id")[:limit])


def is_own_change(agent: Agent, change_id: int) -> bool:
    """Whether the agent himself did this bulk action. Runs one query."""
    return BulkChange.objects.filter(pk=change_id, agent_id=agent.pk).exists()


def in_use(shop_ids: Collection[int], *, look_at: int = 500, most_tags: int = 30) -> InUse:
    """The channels and tags of the latest unfinished tickets of these shops, in one query."""
    ((channels, tags),) = _IN_USE.rows(shop_ids=list(shop_ids), look_at=look_at)
    return InUse(
        channels=[channel for channel in Ticket.Channel.values if channel in channels],
        tags=sorted(tags)[:most_tags],
    )


def _in_view(tickets: TicketQuerySet, view: str, agent_id: int) -> TicketQuerySet:
    if view == "mine":
        return tickets.ours().assigned_to(agent_id)
    if view == "unassigned":
        return tickets.unassigned()
    if view == "open":
        return tickets.ours()
    if view == "solved":
        return tickets.filter(state__in=rules.FINISHED)
    if view in {"waiting", "snoozed"}:
        return tickets.filter(state=view)
    return tickets


def _narrowed(tickets: TicketQuerySet, selection: Selection) -> TicketQuerySet:
    if selection.channel:
        tickets = tickets.filter(channel=selection.channel)
    if selection.priority:
        tickets = tickets.filter(priority=selection.priority)
    if selection.tag:
        tickets = tickets.filter(tags__contains=[selection.tag])
    return _matching(tickets, selection.words) if selection.words else tickets


def _matching(tickets: TicketQuerySet, words: str) -> TicketQuerySet:
    words = words.strip()
    number = words.lstrip("#")
    if number.isascii() and number.isdigit() and len(number) <= MOST_DIGITS:
        return tickets.filter(Q(number=int(number)) | Q(subject__icontains=words))
    return tickets.filter(
        Q(subject__icontains=words)
        | Q(reply_to__icontains=words)
        | Q(profile_id__in=_profiles_named(words))
    )


def _profiles_named(words: str) -> list[int]:
    """Profiles by name, read first so that the ticket indexes can be used for all alternatives."""
    return list(
        Ticket.objects.filter(profile__search_name__contains=rules.searchable(words))
        .order_by()
        .values_list("profile_id", flat=True)
        .distinct()[:MATCHED_PROFILES]
    )


def _moment_of(sort: str) -> F | Coalesce:
    return Coalesce("waiting_since", "last_message_at") if sort == LONGEST else F("last_message_at")


def _cursor(last: TicketLine) -> str:
    return f"{last.moment.isoformat()}~{last.id}"


def _after_cursor(tickets: TicketQuerySet, selection: Selection) -> TicketQuerySet:
    moment, _, pk = selection.cursor.partition("~")
    instant = _instant(moment)
    if instant is None or not pk.isdigit():
        return tickets
    if selection.sort == LONGEST:
        return tickets.filter(Q(moment__gt=instant) | Q(moment=instant, id__gt=int(pk)))
    return tickets.filter(Q(moment__lt=instant) | Q(moment=instant, id__lt=int(pk)))


def _instant(text: str) -> datetime | None:
    try:
        return parse_datetime(text)
    except ValueError:
        return None


def without_cursor(selection: Selection) -> Selection:
    """The same list from its beginning."""
    return replace(selection, cursor="")
