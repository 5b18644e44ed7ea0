"""Rows of the list, drawn in Python so that eighty of them cost little."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from contacts import rules
from contacts.models import Ticket
from contacts.queries.inbox import TicketLine
from ecrm.kernel.drawing import drawn, filled
from ecrm.kernel.templatetags.ecrm_ui import hue, initials, reader
from profiles.types import ERASED

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


MOST_TAGS = 3
# The sign of somebody, and the box that selects the request for who may do something with it.
_ROW = (
    '<li class="ec-item inbox-row{ours}" data-ecrm-row="{number}" hx-get="{url}"'
    ' hx-trigger="ecrm:open" hx-target="#ticket" hx-push-url="true"{current}>'
    '<span class="ec-item-sign inbox-sign">'
    '<span class="ec-avatar ec-hue-{hue}" aria-hidden="true">{initials}</span>{box}</span>'
    '<span class="ec-item-title">{new}<span class="ec-clip">{customer}</span></span>'
    '<span class="ec-item-when">{when}</span>'
    '<a class="ec-item-text" href="{url}">{subject}</a>'
    '<span class="ec-item-sub inbox-sub"><span class="ec-clip">{snippet}</span>{signs}</span>{foot}</li>'
)
_CURRENT = SafeString(' aria-current="true"')
_BOX = (
    '<input class="ec-check" type="checkbox" name="selected" value="{number}" data-ecrm-select'
    ' aria-label="{select} #{number}">'
)
_NEW = '<span class="ec-unread inbox-new" role="img" aria-label="{}"></span> '


class RowMaker:
    """Makes the rows of one list; knows what they share."""

    def __init__(
        self, *, query: str, shops: Mapping[int, ShopInfo], number: int | None, select: str
    ) -> None:
        """`shops` is empty when there is no choice of shops, `number` is the open request.

        `select` says what the box of a row does; without it there is none.
        """
        self._base, self._query = reverse("contacts:inbox"), query
        self._shops, self._number, self._select = shops, number, select
        self._reader = reader()
        self._new = format_html(_NEW, Ticket.State.NEW.label)
        self._nameless = _("(no subject)")
        self._states, self._channels, self._priorities = (
            {value: str(label) for value, label in labels.choices}
            for labels in (Ticket.State, Ticket.Channel, Ticket.Priority)
        )

    def drawn(self, tickets: Iterable[TicketLine]) -> SafeString:
        """The rows of these tickets as HTML, in their order."""
        markup = _ROW.replace("{box}", _BOX if self._select else "")
        return filled(markup, (self._parts(ticket) for ticket in tickets))

    def _parts(self, ticket: TicketLine) -> dict[str, Any]:
        customer, number = ticket.customer, ticket.number
        return {
            "number": number,
            "url": f"{self._base}{number}/{self._query}",
            "current": _CURRENT if number == self._number else "",
            "ours": " is-unread" if ticket.state in rules.OURS else "",
            "hue": hue(customer),
            "initials": initials(customer),
            "select": self._select,
            "new": self._new if ticket.state == Ticket.State.NEW else "",
            "customer": customer,
            "when": self._reader.ago(ticket.last_message_at),
            "subject": ticket.subject or self._nameless,
            "snippet": ticket.snippet,
            "signs": self._signs(ticket),
            "foot": self._foot(ticket),
        }

    def _signs(self, ticket: TicketLine) -> SafeString:
        """Channel, shop and owner."""
        return drawn(
            "contacts/_row_signs.html",
            channel=self._channels[ticket.channel],
            icon=CHANNEL_ICONS[ticket.channel],
            shop=self._shops.get(ticket.shop_id),
            owner=ticket.owner or "",
        )

    def _foot(self, ticket: TicketLine) -> SafeString | str:
        """State, priority and tags, where they say more than the view does."""
        is_ours = ticket.state in rules.OURS
        is_urgent = ticket.priority > Ticket.Priority.NORMAL and ticket.state not in rules.FINISHED
        if is_ours and not is_urgent and not ticket.tags:
            return ""
        return drawn(
            "contacts/_row_foot.html",
            state="" if is_ours else self._states[ticket.state],
            tone=STATE_TONES[ticket.state],
            priority=self._priorities[ticket.priority] if is_urgent else "",
            tags=tuple(ticket.tags[:MOST_TAGS]),
        )


def customer_name(ticket: Ticket) -> str:
    """How the customer is called on this screen."""
    if ticket.profile.erased_at is not None:
        return str(ERASED)
    return ticket.profile.full_name or ticket.reply_to or f"#{ticket.profile_id}"
