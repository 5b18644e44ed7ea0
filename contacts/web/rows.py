"""Rows of the list, worked out in Python so that eighty of them cost little to print.

What many rows share (the signs of channel, shop and owner, the words of states) is worked out once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.template.loader import render_to_string
from django.utils.html import escape
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from contacts import rules
from contacts.models import Ticket
from ecrm.kernel.templatetags.ecrm_ui import ago, hue, initials

if TYPE_CHECKING:
    from company.types import ShopInfo

STATE_TONES = {
    "new": "new",
    "open": "accent",
    "waiting": "quiet",
    "snoozed": "warn",
    "solved": "good",
    "closed": "quiet",
}
CHANNEL_ICONS = {
    "email": "mail",
    "form": "forms",
    "api": "building-store",
    "phone": "phone",
    "callback": "phone-call",
    "social": "message-circle",
    "chat": "messages",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One request in the list, ready to print."""

    number: SafeString
    url: SafeString
    customer: str
    hue: SafeString
    initials: str
    when: SafeString | str
    subject: str
    snippet: str
    is_ours: bool
    new: str
    signs: SafeString
    foot: SafeString | str


class RowMaker:
    """Makes the rows of one list; remembers what rows share."""

    def __init__(self, *, base: str, query: str, shops: Mapping[int, ShopInfo]) -> None:
        """`base` is the address of the inbox; `shops` is empty when there is no choice of shops."""
        self._base, self._query, self._shops = base, escape(query), shops
        self._new = str(Ticket.State.NEW.label)
        self._nameless = _("(no subject)")
        self._states = {state.value: str(state.label) for state in Ticket.State}
        self._made: dict[tuple[Any, ...], SafeString] = {}

    def rows(self, tickets: Iterable[Ticket]) -> list[Row]:
        """The rows of these tickets, in their order."""
        return [self._row(ticket) for ticket in tickets]

    def _row(self, ticket: Ticket) -> Row:
        customer = customer_name(ticket)
        return Row(
            # Digits and what is escaped already need no second look: that is half the time of a row.
            number=SafeString(ticket.number),
            url=SafeString(f"{self._base}{ticket.number}/{self._query}"),
            customer=customer,
            hue=SafeString(hue(customer)),
            initials=initials(customer),
            when=ago(ticket.last_message_at),
            subject=ticket.subject or self._nameless,
            snippet=ticket.snippet,
            is_ours=ticket.state in rules.OURS,
            new=self._new if ticket.state == Ticket.State.NEW else "",
            signs=self._signs(ticket),
            foot=self._foot(ticket),
        )

    def _signs(self, ticket: Ticket) -> SafeString:
        """Channel, shop and owner."""
        owner = ticket.assignee.name if ticket.assignee else ""
        return self._once(
            ("signs", ticket.channel, ticket.shop_id, owner),
            "contacts/_row_signs.html",
            lambda: {
                "channel": ticket.get_channel_display(),
                "icon": CHANNEL_ICONS[ticket.channel],
                "shop": self._shops.get(ticket.shop_id),
                "owner": owner,
            },
        )

    def _foot(self, ticket: Ticket) -> SafeString | str:
        """State, priority and tags, where they say more than the view does."""
        is_ours = ticket.state in rules.OURS
        is_urgent = ticket.priority > Ticket.Priority.NORMAL and not ticket.is_finished
        if is_ours and not is_urgent and not ticket.tags:
            return ""
        return self._once(
            ("foot", ticket.state, ticket.priority, *ticket.tags[:3]),
            "contacts/_row_foot.html",
            lambda: {
                "state": "" if is_ours else self._states[ticket.state],
                "tone": STATE_TONES[ticket.state],
                "priority": ticket.get_priority_display() if is_urgent else "",
                "tags": ticket.tags[:3],
            },
        )

    def _once(self, key: tuple[Any, ...], template: str, context: Any) -> SafeString:
        if key not in self._made:
            self._made[key] = render_to_string(template, context())
        return self._made[key]


def customer_name(ticket: Ticket) -> str:
    """How the customer is called on this screen."""
    return ticket.profile.full_name or ticket.reply_to or f"#{ticket.profile_id}"
