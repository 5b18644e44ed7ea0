"""Reads of one ticket: what was said, how far each answer got, and what stands beside."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.db.models import prefetch_related_objects
from django.utils.dateparse import parse_datetime
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from company import queries as company
from company.types import AgentInfo
from contacts import rules
from contacts.models import Draft, Ticket, TicketMessage
from ecrm.kernel.prepared import Rows, Statement
from messaging import queries as mails
from messaging.types import OutgoingInfo
from orders import queries as orders
from orders.types import OrderCard
from profiles import queries as profiles
from profiles.types import ProfileCard

if TYPE_CHECKING:
    from company.types import Agent

LENGTH = 60
UNDERWAY = frozenset({"pending", "claimed"})
TROUBLE = frozenset({"failed", "skipped", "cancelled", "ambiguous"})


@dataclass(frozen=True, slots=True)
class Entry:
    """One message of a thread, ready to show."""

    message: TicketMessage
    delivery: OutgoingInfo | None
    line: str

    @property
    def progress(self) -> str:
        """How far an answer got: sending, deferred, sent, failed, or nothing to say."""
        if self.delivery is None:
            return ""
        state = self.delivery.state
        if state in UNDERWAY:
            return "sending"
        return "failed" if state in TROUBLE else "deferred" if state == "deferred" else "sent"


@dataclass(frozen=True, slots=True)
class Thread:
    """The entries of a ticket in their order; `earlier_seq` is where older ones end (0: none)."""

    entries: Sequence[Entry]
    head: int
    earlier_seq: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Beside:
    """What helps to answer: the customer, his orders and his other requests."""

    customer: ProfileCard | None
    orders: Sequence[OrderCard]
    may_see_orders: bool
    others: Sequence[Ticket]
    others_count: int


def thread(ticket: Ticket, *, before: int | None = None, length: int = LENGTH) -> Thread:
    """The latest entries of a ticket, or those before a number. Runs at most three queries."""
    rows = ticket.messages.filter(seq__lt=before) if before else ticket.messages.all()
    latest = list(rows.for_thread().order_by("-seq")[:length])[::-1]
    earlier = latest[0].seq if latest and latest[0].seq > 1 else 0
    return Thread(_entries(latest), ticket.last_seq, earlier)


def news(ticket: Ticket, *, after: int, length: int = LENGTH) -> Thread:
    """The entries after a number: what an open page has missed."""
    rows = list(ticket.messages.after(after).for_thread()[:length])
    return Thread(_entries(rows), rows[-1].seq if rows else after, 0)


def deliveries(ticket: Ticket, *, length: int = LENGTH) -> Sequence[Entry]:
    """The latest answers with how far they got, to refresh their ticks. Runs two queries."""
    answers = ticket.messages.filter(kind=TicketMessage.Kind.AGENT, outgoing__isnull=False)
    return _entries(list(answers.for_thread().order_by("-seq")[:length]))


def beside(ticket: Ticket, *, agent: Agent) -> Beside:
    """The customer card, orders and other tickets within the agent's shops. Constant queries."""
    seen_orders = company.shop_ids(agent, "orders.view_order")
    profile_shops = company.shop_ids(agent, "profiles.view_profile")
    tickets = Ticket.objects.in_shops(company.shop_ids(agent, "contacts.view_ticket"))
    others = tickets.filter(profile_id=ticket.profile_id).exclude(pk=ticket.pk)
    return Beside(
        customer=profiles.card(ticket.profile_id, shop_ids=profile_shops)
        if ticket.shop_id in profile_shops
        else None,
        orders=orders.recent_of_profile(ticket.profile_id, shop_ids=seen_orders, limit=5)
        if seen_orders
        else [],
        may_see_orders=bool(seen_orders),
        others=list(others.select_related("assignee").order_by("-last_message_at", "-id")[:5]),
        others_count=others.count(),
    )


def draft(ticket: Ticket, *, agent: Agent) -> Draft | None:
    """What the agent was writing here. Runs one query."""
    return Draft.objects.filter(ticket=ticket, agent_id=agent.pk).first()


_OF_PROFILE = Rows(
    "tickets_of_profile",
    Ticket,
    """
WHERE profile_id = %(profile_id)s AND shop_id = ANY(%(shop_ids)s::bigint[])
ORDER BY last_message_at DESC, id DESC LIMIT %(limit)s
""",
)


def of_profile(profile_id: int, *, shop_ids: Iterable[int], limit: int = 5) -> list[Ticket]:
    """A customer's latest requests in these shops. One query, and one for who looks after them."""
    found = _OF_PROFILE.all(profile_id=profile_id, shop_ids=list(shop_ids), limit=limit)
    prefetch_related_objects([row for row in found if row.assignee_id], "assignee")
    return found


_OPEN = Rows(
    "open_tickets_of_profile",
    Ticket,
    """
WHERE profile_id = %(profile_id)s AND shop_id = ANY(%(shop_ids)s::bigint[])
    AND state IN ('new', 'open', 'waiting', 'snoozed')
ORDER BY last_message_at DESC, id DESC LIMIT 50
""",
)


def open_of_profile(profile_id: int, *, shop_ids: Iterable[int]) -> list[Ticket]:
    """A customer's unfinished requests in these shops, the latest first; at most 50. One query."""
    return _OPEN.all(profile_id=profile_id, shop_ids=list(shop_ids))


def of_order(order_id: int, *, shop_ids: Iterable[int], limit: int = 5) -> list[Ticket]:
    """The requests about an order, the latest first."""
    rows = Ticket.objects.in_shops(list(shop_ids)).filter(order_id=order_id)
    return list(rows.select_related("assignee").order_by("-last_message_at", "-id")[:limit])


_BY_ID = Rows("tickets_by_id", Ticket, "WHERE id = ANY(%(ids)s::bigint[])")


def tickets_by_id(ticket_ids: Iterable[int]) -> dict[int, Ticket]:
    """Tickets by id, in one query."""
    ids = list(set(ticket_ids))
    return {row.pk: row for row in _BY_ID.all(ids=ids)} if ids else {}


def messages_by_id(message_ids: Iterable[int]) -> dict[int, TicketMessage]:
    """Messages by id with their ticket and author, in one query."""
    ids = set(message_ids)
    rows = TicketMessage.objects.select_related("ticket", "author").filter(
        pk__in=ids, ticket__deleted_at=None
    )
    return {row.pk: row for row in rows} if ids else {}


_FIRST = Statement(
    "first_messages",
    """
SELECT ticket_id, text FROM contacts_ticketmessage
WHERE ticket_id = ANY(%(ids)s::bigint[]) AND seq = 1
""",
)


def first_words(ticket_ids: Iterable[int]) -> dict[int, str]:
    """How each of these tickets began, in one query."""
    ids = list(ticket_ids)
    return {pk: rules.snippet(text) for pk, text in _FIRST.rows(ids=ids)} if ids else {}


def snippet_of(message: TicketMessage) -> str:
    """The first words of a message."""
    return rules.snippet(message.text)


def colleagues(ticket: Ticket) -> list[AgentInfo]:
    """Who may be given the ticket."""
    return company.agents_with("contacts.answer_ticket", shop_id=ticket.shop_id)


def _entries(messages: Sequence[TicketMessage]) -> list[Entry]:
    sent = mails.outgoing_many([row.outgoing_id for row in messages if row.outgoing_id])
    agents = company.agent_infos(
        row.change["to"] for row in messages if row.change.get("to") is not None
    )
    return [
        Entry(
            message=row,
            delivery=sent.get(row.outgoing_id) if row.outgoing_id else None,
            line=_line(row, agents) if row.kind == TicketMessage.Kind.SYSTEM else "",
        )
        for row in messages
    ]


def _line(message: TicketMessage, agents: Mapping[int, AgentInfo]) -> str:
    """A system entry in words."""
    who = message.agent_name
    what = str(message.change.get("what", ""))
    if what == "assigned":
        return _assignment(message, agents, who=who)
    if what == "state:snoozed":
        until = _moment(message.change.get("until"))
        return _("%(who)s snoozed this until %(until)s") % {"who": who, "until": until}
    if what == "rated":
        return _("The customer rated this: %(score)s of 5") % {"score": message.change.get("score")}
    wording = {
        "state:open": _("%(who)s opened this again"),
        "state:waiting": _("%(who)s is waiting for the customer"),
        "state:solved": _("%(who)s solved this"),
        "state:closed": _("%(who)s closed this"),
        "state:woken": _("The snooze is over"),
        "undone": _("%(who)s undid the last change"),
    }
    return wording.get(what, what) % {"who": who}


def _assignment(message: TicketMessage, agents: Mapping[int, AgentInfo], *, who: str) -> str:
    to = message.change.get("to")
    if to is None:
        return _("%(who)s gave this back to everybody") % {"who": who}
    if message.author_id == to:
        return _("%(who)s took this") % {"who": who}
    name = agents[to].name if to in agents else _("a former colleague")
    return _("%(who)s assigned this to %(name)s") % {"who": who, "name": name}


def _moment(text: object) -> str:
    moment = parse_datetime(str(text)) if text else None
    return _format(moment) if moment else ""


def _format(moment: datetime) -> str:
    return date_format(localtime(moment), "SHORT_DATETIME_FORMAT")
