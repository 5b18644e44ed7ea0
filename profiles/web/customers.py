"""The customer list."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from django.core.paginator import Paginator
from django.urls import reverse
from django.utils.timezone import localtime, now
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from backoffice import queries as backoffice
from company import queries as company
from ecrm.kernel import access, filters
from ecrm.kernel.htmx import render_page
from ecrm.kernel.templatetags import ecrm_ui
from profiles import permissions
from profiles.queries import listing
from profiles.web import words

if TYPE_CHECKING:
    from django.http import HttpResponse

    from company.types import AgentRequest, ShopInfo
    from profiles.models import Profile

    _Pages = Paginator[Profile]
else:
    _Pages = Paginator

PER_PAGE = 60
DAYS = {"1d": 1, "7d": 7, "30d": 30, "90d": 90}
THIS_YEAR = "year"


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One row in words, worked out here so that the template only prints: it does so 60 times."""

    id: int
    url: str
    name: str
    initials: str
    hue: int
    contact: str
    place: str
    shops: Sequence[ShopInfo]
    orders: str
    revenue: str
    last_seen: str


class CustomerPages(_Pages):
    """Pages which count exactly as far as that is cheap, and offer no row beyond."""

    @cached_property
    def counted(self) -> int:
        """The rows there are, or one more than COUNTED_UP_TO."""
        return listing.count(cast("Any", self.object_list))

    @cached_property
    def count(self) -> int:
        """The rows one can leaf through."""
        return min(self.counted, listing.COUNTED_UP_TO)

    @property
    def words(self) -> str:
        """The count as the list says it."""
        if self.counted > self.count:
            return _("more than %(number)s customers") % {"number": ecrm_ui.number(self.count)}
        text = ngettext("%(number)s customer", "%(number)s customers", self.count)
        return text % {"number": ecrm_ui.number(self.count)}


@require_safe
@access.permission(permissions.VIEW)
def profile_list(request: AgentRequest) -> HttpResponse:
    """Customers of the agent's shops, or of the one he works in; htmx gets the rows and filters."""
    allowed = backoffice.selected_shop_ids(request, permissions.VIEW)
    shops = {shop_id: company.shop(shop_id) for shop_id in sorted(allowed)}
    chosen = filters.read(request.GET, filter_parts(shops, listing.countries(allowed)))
    shop_id = chosen.values["shop"]
    in_sight = [int(shop_id)] if shop_id else list(shops)
    found = listing.customers(in_sight, selection_of(chosen, at=localtime()))
    page = CustomerPages(found, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "lines": lines_of(listing.rows_of(page.object_list, shop_ids=in_sight), shops),
        "has_several_shops": len(in_sight) > 1,
        "filters": chosen,
        "count": cast("CustomerPages", page.paginator).words,
        "topics": " ".join(f"profiles:shop:{shop_id}" for shop_id in in_sight),
        "brings_filters": _brings_filters(request),
    }
    return render_page(request, "profiles/profile_list.html", context, partials={"list": "rows"})


def lines_of(rows: Iterable[listing.CustomerRow], shops: Mapping[int, ShopInfo]) -> list[Line]:
    """The rows as the list prints them."""
    base = reverse("profiles:profile-list")
    return [
        Line(
            id=row.card.id,
            url=f"{base}{row.card.id}/",
            name=row.card.name,
            initials=ecrm_ui.initials(row.card.name),
            hue=ecrm_ui.hue(row.card.name),
            contact=next((c for c in (row.card.email, row.card.phone) if c != row.card.name), ""),
            place=", ".join(part for part in (row.card.city, row.card.country) if part),
            shops=[shops[shop_id] for shop_id in row.shop_ids],
            orders=ecrm_ui.number(row.card.orders_count) if row.card.orders_count else "",
            revenue=ecrm_ui.money(row.card.revenue),
            last_seen=ecrm_ui.ago(row.card.last_seen_at),
        )
        for row in rows
    ]


def _brings_filters(request: AgentRequest) -> bool:
    """A fragment asked for by hand comes with the filters as they are now.

    A live refresh leaves them alone: somebody may have a menu open.
    """
    is_fragment = request.headers.get("HX-Target") == "list"
    return is_fragment and "Ecrm-Background" not in request.headers


def selection_of(chosen: filters.Filters, *, at: datetime) -> listing.Selection:
    """What the query needs of the filters in the address."""
    values = cast("dict[str, Any]", chosen.values)
    return listing.Selection(
        words=chosen.words,
        orders=values["orders"],
        country=values["country"],
        since=_moment(values["since"], at),
        sort=values["sort"],
    )


def filter_parts(shops: dict[int, ShopInfo], countries: Iterable[str]) -> list[filters.Part]:
    """The filters of the list with their choices; a choice of one is none."""
    any_ = [("", _("Any"))]
    by_name = sorted((words.country(code), code) for code in countries)
    return [
        filters.Part(
            name="shop",
            label=_("Shop"),
            choices=any_ + [(str(shop.id), shop.name) for shop in shops.values()],
        ),
        filters.Part(
            name="country",
            label=_("Country"),
            choices=any_ + [(code, name) for name, code in by_name],
        ),
        filters.Part(
            name="orders",
            label=_("Orders"),
            choices=[
                *any_,
                ("none", _("None yet")),
                ("one", _("Exactly one")),
                ("more", _("Two or more")),
            ],
        ),
        filters.Part(
            name="since",
            label=_("Customer since"),
            choices=[
                ("", _("Any time")),
                ("1d", _("Last 24 hours")),
                ("7d", _("Last 7 days")),
                ("30d", _("Last 30 days")),
                ("90d", _("Last 90 days")),
                (THIS_YEAR, _("This year")),
            ],
        ),
        filters.Part(
            name="sort",
            label=_("Sort"),
            choices=[
                ("recent", _("Recently seen")),
                ("newest", _("Newest first")),
                ("name", _("Name")),
            ],
            default="recent",
            narrows=False,
        ),
    ]


def _moment(since: str, at: datetime) -> datetime | None:
    if since in DAYS:
        return at - timedelta(days=DAYS[since])
    if since == THIS_YEAR:
        return at.replace(month=1, day=1, hour=0, minute=0, second=0, microsecond=0)
    return None


def new_today(shop_ids: Iterable[int]) -> tuple[int, list[listing.CustomerRow]]:
    """How many customers were met in the last 24 hours, and the latest of them."""
    selection = listing.Selection(since=now() - timedelta(days=1), sort="newest")
    found = listing.customers(shop_ids, selection)
    return listing.count(found), listing.rows_of(found[:5], shop_ids=shop_ids)
