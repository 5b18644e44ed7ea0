"""What the templates of the inbox get: one dictionary per region of the page."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.http import QueryDict
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from backoffice import queries as frame
from company import queries as company
from company.types import AgentRequest
from contacts import permissions, rules
from contacts.models import Draft, Ticket, TicketMessage
from contacts.queries import inbox, thread
from contacts.queries.inbox import InUse, Selection
from contacts.web.forms import SelectionForm
from contacts.web.rows import CHANNEL_ICONS, STATE_TONES, RowMaker, customer_name

if TYPE_CHECKING:
    from company.types import Agent

VIEW_LABELS = {
    "mine": _("Mine"),
    "unassigned": _("Unassigned"),
    "open": _("Open"),
    "waiting": pgettext_lazy("inbox view", "Waiting for customer"),
    "snoozed": pgettext_lazy("inbox view", "Snoozed"),
    "solved": pgettext_lazy("inbox view", "Solved"),
    "all": pgettext_lazy("inbox view", "All requests"),
}
VIEW_ICONS = {"waiting": "clock", "snoozed": "moon", "solved": "circle-check", "all": "list"}
MOST_DIGITS = 9
TABS = ("mine", "unassigned", "open")
SNOOZE_LABELS = {
    "later": _("In three hours"),
    "tomorrow": _("Tomorrow morning"),
    "monday": _("Monday morning"),
    "week": _("In a week"),
}


def selection_of(request: AgentRequest) -> Selection:
    """The list that the URL describes."""
    return SelectionForm(request.GET).selection()


def number_in(values: QueryDict, name: str) -> int | None:
    """A small number out of a request, or None when there is none."""
    text = values.get(name) or ""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS else None


def query_of(selection: Selection, **changes: object) -> str:
    """The list's part of a URL, with a leading question mark; empty parameters are left out."""
    parameters = {
        "view": selection.view,
        "q": selection.words,
        "channel": selection.channel,
        "priority": selection.priority,
        "tag": selection.tag,
        "sort": "" if selection.sort == inbox.LATEST else selection.sort,
        **changes,
    }
    return "?" + urlencode({key: value for key, value in parameters.items() if value})


def list_context(request: AgentRequest, *, number: int | None = None) -> dict[str, Any]:
    """The left pane: views with counts, filters and rows. `number` is the open ticket."""
    agent, selection = request.user, selection_of(request)
    shop_ids = frame.selected_shop_ids(request, inbox.VIEW)
    counts = inbox.counts(shop_ids, agent_id=agent.pk)
    if not request.GET.get("view") and selection.view == "mine" and not counts["mine"]:
        selection = replace(selection, view="unassigned" if counts["unassigned"] else "mine")
    page = inbox.page(shop_ids, selection=selection, agent_id=agent.pk)
    shops = {pk: company.shop(pk) for pk in shop_ids} if len(shop_ids) > 1 else {}
    query = query_of(selection)
    select = _("Select request") if company.shop_ids(agent, inbox.ANSWER) else ""
    maker = RowMaker(query=query, shops=shops, number=number, select=str(select))
    found = {
        "selection": selection,
        "query": query,
        "list_url": _list_url(query, number),
        "tabs": [_view(view, counts, selection) for view in TABS],
        "more": [_view(view, counts, selection) for view in VIEW_LABELS if view not in TABS],
        "view_label": VIEW_LABELS[selection.view],
        "is_tab": selection.view in TABS,
        "rows": page.tickets,
        "drawn_rows": maker.drawn(page.tickets),
        "next_query": query_of(selection, cursor=page.next_cursor) if page.next_cursor else "",
        "is_later_page": bool(selection.cursor),
        "first_query": query,
        "chips": _chips(selection),
        "saved": frame.saved_views(
            request, list_path=reverse("contacts:inbox"), query=_worth_saving(selection)
        ),
        "filters": _filters(selection, inbox.in_use(shop_ids)),
        "sort_query": query_of(
            selection, sort="" if selection.sort == inbox.LONGEST else inbox.LONGEST
        ),
        "is_longest_first": selection.sort == inbox.LONGEST,
        "topics": " ".join(topics(agent)),
        "may_answer": bool(select),
    }
    return {"inbox": found, "open_number": number}


def ticket_context(agent: Agent, ticket: Ticket, selection: Selection) -> dict[str, Any]:
    """The middle and right panes: the thread, the composer and what stands beside."""
    return {
        **head_context(agent, ticket, selection),
        "thread": thread.thread(ticket),
        "beside": thread.beside(ticket, agent=agent),
        **composer_context(agent, ticket),
    }


def head_context(agent: Agent, ticket: Ticket, selection: Selection) -> dict[str, Any]:
    """The head of the thread: state, owner and what can be done."""
    may_answer = permissions.may_answer(agent, ticket)
    shop = company.shop(ticket.shop_id)
    found = {
        "ticket": ticket,
        "shop": shop,
        "agent": agent,
        "query": query_of(selection),
        "customer": customer_name(ticket),
        "may_answer": may_answer,
        "may_delete": permissions.may_delete(agent, ticket),
        "colleagues": thread.colleagues(ticket) if may_answer else [],
        "snoozes": _snoozes(shop.time_zone),
        "may_solve": rules.may_move(ticket.state, "solved"),
        "may_open": rules.may_move(ticket.state, "open"),
        "may_snooze": rules.may_move(ticket.state, "snoozed"),
        "priorities": Ticket.Priority.choices,
        "tone": STATE_TONES[ticket.state],
        "channel_icon": CHANNEL_ICONS[ticket.channel],
        "is_mine": ticket.assignee_id == agent.pk,
    }
    return {"desk": found}


def composer_context(
    agent: Agent,
    ticket: Ticket,
    *,
    text: str | None = None,
    kind: str = "",
    error: str = "",
    news: list[TicketMessage] | None = None,
    client_id: uuid.UUID | None = None,
) -> dict[str, Any]:
    """The composer with what the agent was writing, or with what he just tried to send."""
    draft = thread.draft(ticket, agent=agent) if text is None else None
    overtaken = _overtaken(ticket, draft) if draft else (news or [])
    may_reply = ticket.state != Ticket.State.CLOSED and bool(ticket.reply_to)
    return {
        "composer": {
            "text": draft.text if draft else (text or ""),
            "kind": (draft.kind if draft else kind) or ("reply" if may_reply else "note"),
            "may_reply": may_reply,
            "client_id": client_id or uuid.uuid4(),
            "seen_seq": ticket.last_seq,
            "error": error,
            "overtaken": overtaken,
            "is_restored": draft is not None,
        }
    }


def _overtaken(ticket: Ticket, draft: Draft) -> list[TicketMessage]:
    """Answers of colleagues which are newer than the draft."""
    newer = ticket.messages.after(draft.seen_seq).filter(kind=TicketMessage.Kind.AGENT)
    return list(newer.exclude(author_id=draft.agent_id).select_related("author").order_by("seq"))


def _snoozes(time_zone: str) -> list[tuple[str, Any, datetime]]:
    """The ready choices with their moments; on a Sunday tomorrow and Monday are one."""
    at = now().astimezone(ZoneInfo(time_zone))
    found: dict[datetime, tuple[str, Any, datetime]] = {}
    for key, label in SNOOZE_LABELS.items():
        moment = rules.snooze_until(key, at)
        found.setdefault(moment, (key, label, moment))
    return list(found.values())


def _list_url(query: str, number: int | None) -> str:
    address = reverse("contacts:inbox") + query
    return f"{address}&open={number}" if number else address


def _worth_saving(selection: Selection) -> str:
    """What a saved view would keep: the views themselves have a name already."""
    is_plain = not selection.is_narrowed and selection.sort == inbox.LATEST
    return "" if is_plain else query_of(selection).removeprefix("?")


def _view(view: str, counts: Any, selection: Selection) -> dict[str, Any]:
    return {
        "key": view,
        "label": VIEW_LABELS[view],
        "icon": VIEW_ICONS.get(view, ""),
        "count": counts.get(view),
        "query": query_of(inbox.without_cursor(selection), view=view, q=""),
        "is_current": view == selection.view,
    }


def _chips(selection: Selection) -> list[dict[str, Any]]:
    """The filters that are on; each chip takes its own away."""
    chips: list[dict[str, Any]] = []
    if selection.channel:
        label = Ticket.Channel(selection.channel).label
        chips.append({"label": label, "off": query_of(selection, channel="")})
    if selection.priority:
        label = Ticket.Priority(selection.priority).label
        chips.append({"label": label, "off": query_of(selection, priority="")})
    if selection.tag:
        chips.append({"label": selection.tag, "off": query_of(selection, tag="")})
    return chips


def _filters(selection: Selection, offered: InUse) -> list[dict[str, Any]]:
    """The menu of filters: groups of links."""
    groups: tuple[tuple[str, Any, Any], ...] = (
        ("channel", _("Channel"), [(c, Ticket.Channel(c).label) for c in offered.channels]),
        ("priority", _("Priority"), Ticket.Priority.choices),
        ("tag", _("Tag"), [(tag, tag) for tag in offered.tags]),
    )
    on = {
        "channel": selection.channel,
        "priority": selection.priority,
        "tag": selection.tag,
    }
    return [
        {
            "label": label,
            "options": [
                {
                    "label": text,
                    "query": query_of(selection, **{key: "" if on[key] == value else value}),
                    "is_on": on[key] == value,
                }
                for value, text in options
            ],
        }
        for key, label, options in groups
        if options
    ]


def topics(agent: Agent) -> list[str]:
    """What the agent's lists and counters follow."""
    return [f"tickets:shop:{shop_id}" for shop_id in sorted(company.shop_ids(agent, inbox.VIEW))]
