"""The order list and the order page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.timezone import now
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from backoffice import queries as backoffice
from company import queries as company
from ecrm.kernel import access, filters
from ecrm.kernel.htmx import render_page
from ecrm.kernel.templatetags import ecrm_ui
from orders import permissions, queries
from orders.models import Order
from orders.queries import screens
from orders.web import words
from profiles import queries as profiles

if TYPE_CHECKING:
    from company.types import AgentRequest, ShopInfo

PER_PAGE = 60
SEE_CUSTOMER = "profiles.view_profile"


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One row in words, worked out here so that the template only prints: it does so 60 times."""

    id: int
    url: str
    number: str
    customer: str
    contact: str
    shop: ShopInfo
    status: str
    tone: str
    items: str
    total: str
    has_mismatch: bool
    placed: SafeString | str


@require_safe
@access.permission(permissions.VIEW)
def order_list(request: AgentRequest) -> HttpResponse:
    """Orders of the agent's shops, newest first; htmx gets the rows alone."""
    allowed = backoffice.selected_shop_ids(request, permissions.VIEW)
    shops = {shop_id: company.shop(shop_id) for shop_id in sorted(allowed)}
    chosen = filters.read(request.GET, _filter_parts(shops))
    in_sight = [int(chosen.values["shop"])] if chosen.values["shop"] else list(shops)
    moment = now()
    found = screens.orders(
        in_sight,
        words=chosen.words,
        status=chosen.values["status"],
        period=chosen.values["placed"],
        at=moment,
    )
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "rows": _rows(list(page.object_list), shops),
        "has_several_shops": len(in_sight) > 1,
        "filters": chosen,
        "count": _count(page.paginator.count),
        "today": screens.today(in_sight, at=moment),
        "topics": " ".join(f"orders:shop:{shop_id}" for shop_id in in_sight),
        "brings_filters": _brings_filters(request),
    }
    return render_page(request, "orders/order_list.html", context, partials={"list": "rows"})


def _rows(orders: Sequence[Order], shops: Mapping[int, ShopInfo]) -> list[Row]:
    customers = profiles.cards({order.profile_id for order in orders})
    return [
        Row(
            id=order.pk,
            url=reverse("orders:order-page", args=[order.pk]),
            number=order.number,
            customer=customers[order.profile_id].name,
            contact=_contact(customers[order.profile_id].name, customers[order.profile_id].email),
            shop=shops[order.shop_id],
            status=str(order.get_status_display()),
            tone=words.TONES[order.status],
            items=ecrm_ui.number(order.items_count),
            total=ecrm_ui.money(order.total),
            has_mismatch=bool(order.mismatches),
            placed=ecrm_ui.ago(order.placed_at),
        )
        for order in orders
    ]


def _contact(name: str, email: str) -> str:
    """The address under the name, unless it is the name."""
    return "" if email == name else email


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
    return text % {"number": ecrm_ui.number(number)}


def _brings_filters(request: AgentRequest) -> bool:
    """A fragment asked for by hand comes with the filters as they are now.

    A live refresh leaves them alone: somebody may have a menu open.
    """
    is_fragment = request.headers.get("HX-Target") == "list"
    return is_fragment and "Ecrm-Background" not in request.headers


@require_safe
@access.permission(permissions.VIEW)
def order_page(request: AgentRequest, order_id: int) -> HttpResponse:
    """One order whole; htmx gets the side panel, or the body after news."""
    allowed = company.shop_ids(request.user, permissions.VIEW)
    order = Order.objects.of_shops(allowed).filter(pk=order_id).first()
    if order is None:
        raise Http404
    details = queries.details(order, language=get_language() or "en")
    may_see_customer = company.may(request.user, SEE_CUSTOMER, shop_id=order.shop_id)
    context = {
        "order": details,
        "payments": [
            {
                "payment": payment,
                "method": words.in_words(payment.method) or _("Payment"),
                "status": words.in_words(payment.status),
            }
            for payment in details.payments
        ],
        "parcels": [
            {"parcel": parcel, "status": words.in_words(parcel.status)}
            for parcel in details.parcels
        ],
        "tone": words.TONES[order.status],
        "shop": company.shop(order.shop_id),
        "customer": profiles.card(order.profile_id, shop_ids=allowed) if may_see_customer else None,
        "history": words.history(order),
    }
    partials = {"panel": "panel", "order": "body"}
    return render_page(request, "orders/order_page.html", context, partials=partials)
