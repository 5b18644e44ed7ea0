"""What profiles add to the frame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.urls import reverse
from django.utils.translation import gettext_lazy, gettext_noop, ngettext

from backoffice import extensions as frame
from company import extensions as company_extensions
from company import queries as company
from ecrm.kernel.templatetags.ecrm_ui import number
from profiles import permissions, queries
from profiles.types import ProfileCard
from profiles.web import customers, facts

if TYPE_CHECKING:
    from company.types import Agent

HITS = 6


def register() -> None:
    """Fill the registries of the modules below, and our own."""
    _register_permissions()
    _register_frame()
    _register_live()
    facts.register()


def _register_permissions() -> None:
    for code, label, roles in (
        (permissions.VIEW, gettext_noop("See customers"), None),
        (permissions.CHANGE, gettext_noop("Change customers"), ("manager", "support")),
        (permissions.EXPORT, gettext_noop("Export customers"), ("manager", "marketing")),
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
            search=search,
            order=20,
        )
    )
    frame.home.register(
        frame.HomeCard(
            key="profiles.new",
            title=gettext_lazy("New customers"),
            template="profiles/_home.html",
            permission=permissions.VIEW,
            load=new_customers,
            order=60,
        )
    )


def _register_live() -> None:
    for prefix, may_follow in (
        ("profile", permissions.may_follow_profile),
        ("profiles", permissions.may_follow_shop),
    ):
        frame.live_topics.register(frame.LiveTopic(prefix=prefix, may_follow=may_follow))


def search(agent: Agent, words: str) -> list[frame.Hit]:
    """Customers by name, address, number or order, the latest seen first."""
    shop_ids = company.shop_ids(agent, permissions.VIEW)
    return [
        frame.Hit(
            title=card.name,
            subtitle=" · ".join(_about(card)),
            url=reverse("profiles:profile-page", args=[card.id]),
            icon="user",
        )
        for card in queries.best_matches(words, shop_ids=shop_ids, limit=HITS)
    ]


def new_customers(agent: Agent) -> dict[str, Any]:
    """Who was met since yesterday; nothing when nobody was."""
    count, rows = customers.new_today(company.shop_ids(agent, permissions.VIEW))
    if not rows:
        return {}
    return {
        "customers": [row.card for row in rows],
        "count": count,
        "url": reverse("profiles:profile-list") + "?since=1d&sort=newest",
    }


def _about(card: ProfileCard) -> list[str]:
    """What tells customers of one name apart."""
    contact = next((text for text in (card.email, card.phone) if text and text != card.name), "")
    orders = ngettext("%(number)s order", "%(number)s orders", card.orders_count)
    counted = orders % {"number": number(card.orders_count)} if card.orders_count else ""
    return [part for part in (contact, card.city, counted) if part]
