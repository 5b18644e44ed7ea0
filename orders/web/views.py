"""The order list and the order page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.http import Http404, HttpResponse
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from backoffice import queries as backoffice
from backoffice import services as frame
from company import queries as company
from ecrm.kernel import access, filters, paging, spreadsheets
from ecrm.kernel.htmx import is_asked_by_hand, render_page
from orders import permissions, queries
from orders.models import Order, OrderQuerySet
from orders.queries import screens
from orders.web import columns, words
from profiles import queries as profiles

if TYPE_CHECKING:
    from django.http import StreamingHttpResponse

    from company.types import AgentRequest, ShopInfo

SEE_CUSTOMER = "profiles.view_profile"


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What the address of the list describes, within shops the agent may see."""

    shops: Mapping[int, ShopInfo]
    in_sight: Sequence[int]
    filters: filters.Filters
    orders: OrderQuerySet
    at: datetime

    @property
    def shops_in_sight(self) -> list[ShopInfo]:
        """The shops whose orders are shown."""
        return [self.shops[shop_id] for shop_id in self.in_sight]


def found_by(request: AgentRequest, *codes: str) -> Found:
    """The orders which the address describes, of shops in which the agent holds all permissions."""
    allowed = frozenset.intersection(
        *(backoffice.selected_shop_ids(request, code) for code in codes)
    )
    shops = {shop_id: company.shop(shop_id) for shop_id in sorted(allowed)}
    chosen = filters.read(request.GET, _filter_parts(shops))
    in_sight = [int(chosen.values["shop"])] if chosen.values["shop"] else list(shops)
    moment = now()
    orders = screens.orders(
        in_sight,
        words=chosen.words,
        status=chosen.values["status"],
        period=chosen.values["placed"],
        at=moment,
    )
    return Found(shops=shops, in_sight=in_sight, filters=chosen, orders=orders, at=moment)


@require_safe
@access.permission(permissions.VIEW)
def order_list(request: AgentRequest) -> HttpResponse:
    """Orders of the agent's shops, newest first; htmx gets the rows alone."""
    found = found_by(request, permissions.VIEW)
    page, count = paging.page_of(request, screens.lines_of(found.orders), say=_count)
    rows = screens.rows_of(page.object_list)
    may_export = request.user.has_perm(permissions.EXPORT)
    tools = backoffice.list_tools(
        request,
        offered=columns.offered(found.shops_in_sight),
        export_url=reverse("orders:order-export") if may_export else "",
    )
    context = {
        "page": page,
        "columns": tools.shown,
        "rows": rows,
        "drawn_rows": columns.drawn(rows, tools.shown),
        "filters": found.filters,
        "count": count,
        "today": screens.today(found.in_sight, at=found.at),
        "topics": " ".join(f"orders:shop:{shop_id}" for shop_id in found.in_sight),
        "brings_filters": is_asked_by_hand(request, "list"),
        "tools": tools,
    }
    return render_page(request, "orders/order_list.html", context, partials={"list": "rows"})


@require_POST
@access.permission(permissions.EXPORT)
def order_export(request: AgentRequest) -> StreamingHttpResponse:
    """All orders which the address describes, as a table; the audit log keeps that it happened."""
    found = found_by(request, permissions.VIEW, permissions.EXPORT)
    return frame.export_list(
        reverse("orders:order-list"),
        name="orders",
        always=columns.ALWAYS,
        offered=columns.offered(found.shops_in_sight),
        rows=_exported(found),
        count=found.orders.count(),
        filters=dict(found.filters.hidden),
        by=request.user,
    )


def _exported(found: Found) -> Iterator[screens.OrderRow]:
    """The rows of the file, read a batch at a time."""
    for batch in spreadsheets.batches(screens.lines_of(found.orders)):
        yield from screens.rows_of(batch)


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
    return ngettext("%(number)s order", "%(number)s orders", number)


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
