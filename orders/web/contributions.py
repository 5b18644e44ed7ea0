"""What orders add to the frame and to customers' pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import get_language, gettext_noop
from django.utils.translation import gettext_lazy as _

from backoffice import extensions as frame
from company import extensions as company_extensions
from company import queries as company
from orders import permissions, queries
from orders.models import Order
from orders.queries import screens
from orders.web import moods, words
from profiles import extensions as profile_extensions
from profiles import queries as profiles

if TYPE_CHECKING:
    from company.types import Agent

HITS = 5
LATEST = 5


def register() -> None:
    """Fill the registries of the modules below."""
    _register_permissions()
    _register_frame()
    words.register()
    moods.register()
    profile_extensions.panels.register(
        profile_extensions.Panel(
            key="orders",
            title=_("Orders"),
            template="orders/_profile_orders.html",
            permission=permissions.VIEW,
            load=_orders_of,
            order=10,
        )
    )
    profile_extensions.lookups.register(
        profile_extensions.Lookup(key="orders", find=screens.customers_of_orders)
    )


def _register_permissions() -> None:
    for code, label, roles in (
        (permissions.VIEW, gettext_noop("See orders"), None),
        (permissions.CHANGE, gettext_noop("Change orders"), ("manager", "support")),
        (permissions.EXPORT, gettext_noop("Export orders"), ("manager", "marketing")),
    ):
        company_extensions.permissions.register(
            company_extensions.Permission(code=code, label=label, module="orders", roles=roles)
        )
    for code, label in (
        ("orders:read", gettext_noop("Read orders")),
        ("orders:write", gettext_noop("Send orders")),
    ):
        company_extensions.api_scopes.register(company_extensions.ApiScope(code=code, label=label))


def _register_frame() -> None:
    frame.navigation.register(
        frame.NavItem(
            key="orders",
            label=_("Orders"),
            url_name="orders:order-list",
            icon="shopping-bag",
            permission=permissions.VIEW,
            order=40,
        )
    )
    frame.search.register(
        frame.SearchSource(
            key="orders", label=_("Orders"), permission=permissions.VIEW, search=_search, order=40
        )
    )
    frame.live_topics.register(frame.LiveTopic(prefix="orders", may_follow=permissions.may_follow))
    frame.commands.register(
        frame.Command(
            key="orders",
            label=_("Open the orders"),
            url_name="orders:order-list",
            icon="shopping-bag",
            permission=permissions.VIEW,
            keys="g o",
        )
    )
    frame.home.register(
        frame.HomeCard(
            key="orders.today",
            title=_("Orders today"),
            template="orders/_home.html",
            permission=permissions.VIEW,
            load=_today,
            order=20,
        )
    )


def _today(agent: Agent) -> dict[str, Any]:
    """Today's orders and revenue beside yesterday's, and the latest orders."""
    shop_ids = company.shop_ids(agent, permissions.VIEW)
    latest = list(Order.objects.of_shops(shop_ids).for_list()[:LATEST])
    if not latest:
        return {}
    today = screens.today(shop_ids, at=now())
    customers = profiles.names({order.profile_id for order in latest})
    return {
        "count": today.today.orders_count,
        "url": reverse("orders:order-list") + "?placed=today",
        "today": today,
        "latest": [
            {
                "order": queries.card(order),
                "customer": customers[order.profile_id].name,
                "tone": words.TONES[order.status],
            }
            for order in latest
        ],
    }


def _search(agent: Agent, text: str) -> list[frame.Hit]:
    """Orders by number or tracking number, the newest first."""
    if not any(char.isdigit() for char in text):
        return []
    shop_ids = company.shop_ids(agent, permissions.VIEW)
    rows = screens.orders(shop_ids, words=text.strip(), at=now())[:HITS]
    cards = [queries.card(order) for order in rows]
    customers = profiles.names({card.profile_id for card in cards})
    language = get_language() or "en"
    return [
        frame.Hit(
            title=card.number,
            subtitle=f"{customers[card.profile_id].name} · {card.total.in_words_of(language)}"
            f" · {card.status_label}",
            url=card.url,
            icon="shopping-bag",
        )
        for card in cards
    ]


def _orders_of(profile_id: int, agent: Agent) -> dict[str, Any]:
    """The customer's latest orders in the agent's shops."""
    shop_ids = company.shop_ids(agent, permissions.VIEW)
    orders = queries.recent_of_profile(profile_id, shop_ids=shop_ids, limit=LATEST)
    if not orders:
        return {}
    return {"rows": [{"order": order, "tone": words.TONES[order.status]} for order in orders]}
