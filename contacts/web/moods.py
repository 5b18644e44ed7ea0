"""What a customer's open requests tell about how he feels."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext as _

from contacts import permissions
from contacts.models import Ticket
from contacts.queries import thread
from ecrm.kernel.templatetags.ecrm_ui import number
from profiles.extensions import Mood, Signal, SignalSource, Stat, StatSource, signals, stats

LATE = timedelta(hours=24)


def register() -> None:
    """Add the signals of requests, and how many are open."""
    signals.register(
        SignalSource(key="contacts.open", permission=permissions.VIEW, load=about_requests)
    )
    stats.register(
        StatSource(key="contacts.open", permission=permissions.VIEW, load=open_requests, order=10)
    )


def about_requests(profile_id: int, shop_ids: frozenset[int]) -> Sequence[Signal]:
    """The request which waits longest for us, late or not. One query."""
    waiting = [
        ticket
        for ticket in thread.open_of_profile(profile_id, shop_ids=shop_ids)
        if ticket.waiting_since is not None
    ]
    if not waiting:
        return ()
    longest = min(waiting, key=lambda ticket: ticket.waiting_since or now())
    is_late = now() - (longest.waiting_since or now()) > LATE
    text = _("Request #%(number)s is late") if is_late else _("Request #%(number)s waits for us")
    return (
        Signal(
            mood=Mood.BAD if is_late else Mood.WARN,
            text=text % {"number": longest.number},
            url=_url(longest),
            about_last_order=is_late and longest.order_id is not None,
        ),
    )


def open_requests(profile_id: int, shop_ids: frozenset[int]) -> Stat | None:
    """How many requests are open, with a way to the latest; nothing when none is. One query."""
    tickets = thread.open_of_profile(profile_id, shop_ids=shop_ids)
    if not tickets:
        return None
    return Stat(label=_("Open requests"), figure=number(len(tickets)), url=_url(tickets[0]))


def _url(ticket: Ticket) -> str:
    return reverse("contacts:ticket", args=[ticket.number]) + "?view=all"
