"""What profiles add to the frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from backoffice import extensions as frame
from company import extensions as company_extensions
from company import queries as company
from profiles import permissions, queries
from profiles.events import ProfileCreated
from profiles.extensions import TimelineRenderer, TimelineText, timeline
from profiles.queries import screens

if TYPE_CHECKING:
    from company.types import Agent
    from ecrm.kernel.models import EventRecord

HITS = 6
MIN_WORDS = 2


def register() -> None:
    """Fill the registries of the modules below, and our own."""
    _register_permissions()
    _register_frame()
    timeline.register(
        TimelineRenderer(
            event_name=ProfileCreated.name,
            icon="user-plus",
            kind="customer",
            kind_label=gettext_lazy("Customer"),
            render=_created,
        )
    )


def _register_permissions() -> None:
    for code, label, roles in (
        (permissions.VIEW, gettext_noop("See customers"), None),
        (permissions.CHANGE, gettext_noop("Change customers"), ("manager", "support")),
    ):
        company_extensions.permissions.register(
            company_extensions.Permission(code=code, label=label, module="profiles", roles=roles)
        )
    for code, label in (
        ("profiles:read", gettext_noop("Read customers and their timeline")),
        ("profiles:write", gettext_noop("Create and complete customers")),
    ):
        company_extensions.api_scopes.register(company_extensions.ApiScope(code=code, label=label))


def _register_frame() -> None:
    frame.navigation.register(
        frame.NavItem(
            key="customers",
            label=gettext_lazy("Customers"),
            url_name="profiles:profile-list",
            icon="users",
            permission=permissions.VIEW,
            order=30,
        )
    )
    frame.search.register(
        frame.SearchSource(
            key="customers",
            label=gettext_lazy("Customers"),
            permission=permissions.VIEW,
            search=_search,
            order=20,
        )
    )
    frame.live_topics.register(
        frame.LiveTopic(prefix="profile", may_follow=permissions.may_follow)
    )
    frame.commands.register(
        frame.Command(
            key="customers",
            label=gettext_lazy("Open the customers"),
            url_name="profiles:profile-list",
            icon="users",
            permission=permissions.VIEW,
            keys="g c",
        )
    )


def _search(agent: Agent, words: str) -> list[frame.Hit]:
    """Customers by name, address, number or order, the latest seen first."""
    if len(words.strip()) < MIN_WORDS:
        return []
    shop_ids = company.shop_ids(agent, permissions.VIEW)
    rows = screens.customers(shop_ids, words=words)[:HITS]
    return [
        frame.Hit(
            title=card.name,
            subtitle=" · ".join(part for part in (card.email, card.phone, card.city) if part),
            url=reverse("profiles:profile-page", args=[card.id]),
            icon="user",
        )
        for card in queries.cards_of(rows, shop_ids=shop_ids).values()
    ]


def _created(records: Sequence[EventRecord]) -> Mapping[int, TimelineText]:
    """“First contact”, and by which door."""
    doors = {
        "order": _("with an order"),
        "email": _("by e-mail"),
        "api": _("told by the shop"),
    }
    return {
        record.pk: TimelineText(
            title=_("First contact"), detail=doors.get(record.payload.get("source", ""), "")
        )
        for record in records
    }
