"""The order list and the order page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from babel.numbers import format_decimal
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.timezone import now
from django.utils.translation import get_language, ngettext, to_locale
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from company import queries as company
from ecrm.kernel import access, filters
from ecrm.kernel.htmx import render_page
from orders import permissions, queries
from orders.models import Order
from orders.queries import screens
from orders.web.words import TONES
from profiles import queries as profiles

if TYPE_CHECKING:
    from company.types import Agent, ShopInfo

PER_PAGE = 50
SEE_CUSTOMER = "profiles.view_profile"


@require_safe
@access.permission(permissions.VIEW)
def order_list(request: HttpRequest) -> HttpResponse:
    """Orders of the agent's shops, newest first; htmx gets the rows alone."""
    agent = cast("Agent", request.user)
    shops = _shops(agent)
    chosen = filters.read(request.GET, _filter_parts(shops))
    in_sight = [int(chosen.values["shop"])] if chosen.values["shop"] else list(shops)
    moment = now()
    rows = screens.orders(
        in_sight,
        words=chosen.words,
        status=chosen.values["status"],
        period=chosen.values["placed"],
        at=moment,
    )
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    orders = list(page.object_list)
    context = {
        "page": page,
        "rows": _rows(orders, shops),
        "has_several_shops": len(shops) > 1,
        "filters": chosen,
        "count": _count(page.paginator.count),
        "today": screens.today(in_sight, at=moment),
        "topics": " ".join(f"orders:shop:{shop_id}" for shop_id in in_sight),
    }
    return render_page(request, "orders/order_list.html", context, partials={"list": "rows"})


def _rows(orders: list[Order], shops: Mapping[int, ShopInfo]) -> list[dict[str, Any]]:
    customers = profiles.cards({order.profile_id for order in orders})
    return [
        {
            "order": order,
            "customer": customers[order.profile_id],
            "shop": shops[order.shop_id],
            "tone": TONES[order.status],
        }
        for order in orders
    ]


def _filter_parts(shops: Mapping[int, ShopInfo]) -> list[filters.Part]:
    any_one = ("", _("Any"))
    placed = [
        any_one,
        ("today", _("Today")),
        ("yesterday", _("Yesterday")),
        ("week", _("Last 7 days")),
        ("month", _("Last 30 days")),
    ]
    statuses = [any_one, *((value, str(label)) for value, label in Order.Status.choices)]
    of_shops = [any_one, *((str(shop.id), shop.name) for shop in shops.values())]
    return [
        filters.Part(name="status", label=_("Status"), choices=statuses),
        filters.Part(name="placed", label=_("Placed"), choices=placed),
        filters.Part(name="shop", label=_("Shop"), choices=of_shops),
    ]


def _count(number: int) -> str:
    text = ngettext("%(number)s order", "%(number)s orders", number)
    return text % {"number": format_decimal(number, locale=to_locale(get_language() or "en"))}


@require_safe
@access.permission(permissions.VIEW)
def order_page(request: HttpRequest, order_id: int) -> HttpResponse:
    """One order whole; htmx gets the side panel, or the body after news."""
    agent = cast("Agent", request.user)
    shops = _shops(agent)
    order = Order.objects.of_shops(shops).filter(pk=order_id).first()
    if order is None:
        raise Http404
    may_see_customer = company.may(agent, SEE_CUSTOMER, shop_id=order.shop_id)
    context = {
        "order": queries.details(order, language=get_language() or "en"),
        "tone": TONES[order.status],
        "shop": shops[order.shop_id],
        "customer": profiles.card(order.profile_id, shop_ids=shops) if may_see_customer else None,
        "history": queries.history(order),
    }
    partials = {"panel": "panel", "order": "body"}
    return render_page(request, "orders/order_page.html", context, partials=partials)


def _shops(agent: Agent) -> dict[int, ShopInfo]:
    """The shops whose orders the agent may see, by id."""
    ids = company.shop_ids(agent, permissions.VIEW)
    return {shop_id: company.shop(shop_id) for shop_id in sorted(ids)}
