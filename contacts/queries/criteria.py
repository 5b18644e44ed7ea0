"""What segments ask about requests."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from contacts import rules
from contacts.events import TicketOpened, TicketRated, TicketStateChanged
from contacts.models import Ticket
from profiles.extensions import Asked, Condition, Criterion, Input, Scope, ValueKind
from profiles.queries.criteria import (
    COUNTS,
    HAS,
    IN_THE_LAST,
    NUMBERS,
    Rows,
    counted,
    figured,
    owned,
    sql,
)
from profiles.queries.criteria.sql import TRUE

REQUESTS = _("Requests")
FACTS = frozenset({TicketOpened.name, TicketStateChanged.name})


def all_criteria() -> tuple[Criterion, ...]:
    """Every criterion of this module."""
    return (
        Criterion(
            key="contacts.open_request",
            label=_("Has an open request"),
            group=REQUESTS,
            operators=HAS,
            facts=FACTS,
            compile=_open,
            order=60,
        ),
        Criterion(
            key="contacts.requests",
            label=_("Requests"),
            group=REQUESTS,
            operators=COUNTS,
            inputs=(
                Input(
                    key="channel",
                    kind=ValueKind.CHOICE,
                    before=_("through"),
                    label=_("any channel"),
                    choices=lambda: [(v, str(label)) for v, label in Ticket.Channel.choices],
                    is_optional=True,
                ),
                IN_THE_LAST,
            ),
            facts=FACTS,
            compile=_requests,
            order=61,
        ),
        Criterion(
            key="contacts.satisfaction",
            label=_("Satisfaction (average of 1 to 5)"),
            group=REQUESTS,
            operators=NUMBERS,
            facts=frozenset({TicketRated.name}),
            compile=_satisfaction,
            order=62,
        ),
    )


def _open(asked: Asked, scope: Scope) -> Condition:
    unfinished = sql("t.state = ANY({})", sorted(rules.UNFINISHED))
    rows = Rows(
        table="contacts_ticket t", profile="t.profile_id", shop="t.shop_id", where=unfinished
    )
    return owned(rows, asked, scope)


def _requests(asked: Asked, scope: Scope) -> Condition:
    channel = asked.values.get("channel")
    rows = Rows(
        table="contacts_ticket t",
        profile="t.profile_id",
        at="t.opened_at",
        shop="t.shop_id",
        where=sql("t.channel = {}", channel) if channel else TRUE,
    )
    return counted(rows, asked, scope)


def _satisfaction(asked: Asked, scope: Scope) -> Condition:
    """The average rating; who gave none fits no number."""
    rows = Rows(
        table="profiles_requestfigures f",
        profile="f.profile_id",
        shop="f.shop_id",
        where=sql("f.ratings_count > 0"),
    )
    return figured(rows, "sum(f.ratings_sum)::numeric / sum(f.ratings_count)", asked, scope)
