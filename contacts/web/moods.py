"""What a customer's open requests tell about how he feels."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext as _

from contacts import permissions, rules
from contacts.models import Ticket
from contacts.queries import ratings, thread
from ecrm.kernel.templatetags.ecrm_ui import number
from profiles.extensions import Mood, Signal, SignalSource, Stat, StatSource, signals, stats
from profiles.queries import predictions

LATE = timedelta(hours=24)
# A rating says how somebody feels for so long.
REMEMBERED = timedelta(days=90)


def register() -> None:
    """Add the signals of requests and ratings, how many are open, and how content he is."""
    signals.register(
        SignalSource(key="contacts.open", permission=permissions.VIEW, load=about_requests)
    )
    signals.register(
        SignalSource(key="contacts.rating", permission=permissions.VIEW, load=about_rating)
    )
    stats.register(
        StatSource(key="contacts.open", permission=permissions.VIEW, load=open_requests, order=10)
    )
    stats.register(
        StatSource(
            key="contacts.satisfaction", permission=permissions.VIEW, load=satisfaction, order=60
        )
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


def about_rating(profile_id: int, shop_ids: frozenset[int]) -> Sequence[Signal]:
    """What the customer thought of our latest answers, while it is fresh; nothing between. One query."""
    rating = ratings.latest_of(profile_id, shop_ids=shop_ids)
    if rating is None or rating.score is None or rating.rated_at is None:
        return ()
    is_bad, is_good = rating.score <= rules.UNHAPPY_UP_TO, rating.score >= rules.HAPPY_FROM
    if now() - rating.rated_at > REMEMBERED or not (is_bad or is_good):
        return ()
    told = {"number": rating.ticket.number, "score": rating.score}
    return (
        Signal(
            mood=Mood.BAD if is_bad else Mood.GOOD,
            text=_("Rated request #%(number)s %(score)s of 5") % told,
            url=_url(rating.ticket),
            about_last_order=is_bad and rating.ticket.order_id is not None,
        ),
    )


def satisfaction(profile_id: int, shop_ids: frozenset[int]) -> Stat | None:
    """The customer's average rating; nothing before the first one. One query."""
    average = predictions.requests(profile_id, shop_ids=shop_ids).satisfaction
    if average is None:
        return None
    figure = f"{number(round(average, 1))} / {rules.BEST}"
    return Stat(label=_("Satisfaction"), figure=figure)


def open_requests(profile_id: int, shop_ids: frozenset[int]) -> Stat | None:
    """How many requests are open, with a way to the latest; nothing when none is. One query."""
    tickets = thread.open_of_profile(profile_id, shop_ids=shop_ids)
    if not tickets:
        return None
    return Stat(label=_("Open requests"), figure=number(len(tickets)), url=_url(tickets[0]))


def _url(ticket: Ticket) -> str:
    return reverse("contacts:ticket", args=[ticket.number]) + "?view=all"
