"""Which of our rows point at a customer, and what segments may ask about them."""

from __future__ import annotations

from functools import partial

from django.utils.translation import gettext_lazy as _

from contacts.events import MessageAdded, TicketOpened, TicketRated, TicketStateChanged
from contacts.queries import criteria, figures
from contacts.services import privacy
from profiles import extensions
from profiles import services as profiles


def register() -> None:
    """Declare what a merge of two customers moves, and what segments can ask about requests."""
    extensions.holdings.register(
        extensions.Holding(
            key="contacts.ticket", table="contacts_ticket", label=_("Requests"), order=10
        )
    )
    extensions.recounts.register(
        extensions.Recount(
            key="requests",
            holding="profiles.requestfigures",
            recount=recount,
            differing=differing,
        )
    )
    privacy.register()
    for criterion in criteria.all_criteria():
        extensions.criteria.register(criterion)
    for event, label in (
        (TicketOpened, _("Request opened")),
        (MessageAdded, _("Message in a request")),
        (TicketStateChanged, _("Request changed its state")),
        (TicketRated, _("Request rated")),
    ):
        extensions.happenings.register(extensions.Happening(key=event.name, label=label))


def differing() -> set[int]:
    """The customers whose kept number of requests is wrong."""
    return {profile_id for profile_id, _shop_id in figures.differing()}


def recount(profile_id: int) -> None:
    """Count the requests and ratings of a customer anew, in each shop to which he turned."""
    for shop_id in figures.shops_of_requests(profile_id):
        profiles.recount_requests(
            profile_id,
            shop_id=shop_id,
            count=partial(figures.count_requests, profile_id, shop_id=shop_id),
        )
