"""The customer list."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from django.urls import reverse
from django.utils.timezone import localtime, now
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from backoffice import queries as backoffice
from backoffice import services as frame
from company import queries as company
from ecrm.kernel import access, filters, paging, spreadsheets
from ecrm.kernel.htmx import is_asked_by_hand, render_page
from profiles import permissions
from profiles.queries import listing, overview, segments
from profiles.queries.cards import people_of
from profiles.web import columns, words

if TYPE_CHECKING:
    from django.http import HttpResponse, StreamingHttpResponse

    from company.types import Agent, AgentRequest, ShopInfo
    from profiles.models import ProfileQuerySet

DAYS = {"1d": 1, "7d": 7, "30d": 30, "90d": 90}
THIS_YEAR = "year"


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What the address of the list describes, within shops the agent may see."""

    shops: Mapping[int, ShopInfo]
    in_sight: Sequence[int]
    filters: filters.Filters
    customers: ProfileQuerySet

    @property
    def shops_in_sight(self) -> list[ShopInfo]:
        """The shops whose customers are shown."""
        return [self.shops[shop_id] for shop_id in self.in_sight]


def found_by(request: AgentRequest, *codes: str) -> Found:
    """The customers whom the address describes, of shops in which the agent holds all permissions."""
    allowed = frozenset.intersection(
        *(backoffice.selected_shop_ids(request, code) for code in codes)
    )
    shops = {shop_id: company.shop(shop_id) for shop_id in sorted(allowed)}
    parts = filter_parts(shops, listing.countries(allowed), segment_choices(request.user))
    chosen = filters.read(request.GET, parts)
    shop_id = chosen.values["shop"]
    in_sight = [int(shop_id)] if shop_id else list(shops)
    customers = listing.customers(in_sight, selection_of(chosen, at=localtime()))
    return Found(shops=shops, in_sight=in_sight, filters=chosen, customers=customers)


@require_safe
@access.permission(permissions.VIEW)
def profile_list(request: AgentRequest) -> HttpResponse:
    """Customers of the agent's shops, or of the one he works in; htmx gets the rows and filters."""
    found = found_by(request, permissions.VIEW)
    page, count = paging.page_of(request, found.customers, say=count_in_words)
    people = people_of(cast("ProfileQuerySet", page.object_list))
    rows = listing.rows_of(people, shop_ids=found.in_sight)
    may_change = request.user.has_perm(permissions.CHANGE)
    may_export = request.user.has_perm(permissions.EXPORT)
    tools = backoffice.list_tools(
        request,
        offered=columns.offered(found.shops_in_sight),
        export_url=reverse("profiles:profile-export") if may_export else "",
    )
    context = {
        "page": page,
        "columns": tools.shown,
        "rows": rows,
        "drawn_rows": columns.drawn(rows, tools.shown, with_box=may_change),
        "filters": found.filters,
        "count": count,
        "topics": " ".join(f"profiles:shop:{shop_id}" for shop_id in found.in_sight),
        "brings_filters": is_asked_by_hand(request, "list"),
        "may_change": may_change,
        "may_merge": request.user.has_perm(permissions.MERGE),
        "may_import": request.user.has_perm(permissions.IMPORT),
        "may_export": may_export,
        "duplicates_waiting": lambda: _duplicates_waiting(request.user),
        "tools": tools,
    }
    return render_page(request, "profiles/profile_list.html", context, partials={"list": "rows"})


@require_POST
@access.permission(permissions.EXPORT)
def profile_export(request: AgentRequest) -> StreamingHttpResponse:
    """All customers whom the address describes, as a table; the audit log keeps that it happened."""
    found = found_by(request, permissions.VIEW, permissions.EXPORT)
    return frame.export_list(
        reverse("profiles:profile-list"),
        name="customers",
        always=columns.ALWAYS,
        offered=columns.offered(found.shops_in_sight),
        rows=_exported(found),
        count=found.customers.count(),
        filters=dict(found.filters.hidden),
        by=request.user,
    )


def _exported(found: Found) -> Iterator[listing.CustomerRow]:
    """The rows of the file, read a batch at a time."""
    for batch in spreadsheets.batches(found.customers):
        yield from listing.rows_of(batch, shop_ids=found.in_sight)


def count_in_words(number: int) -> str:
    """So many customers, the number still to be filled in."""
    return ngettext("%(number)s customer", "%(number)s customers", number)


def _duplicates_waiting(agent: Agent) -> int:
    """How many pairs wait for a look of this agent; the page asks, a fragment does not."""
    shop_ids = company.shop_ids(agent, permissions.MERGE)
    return overview.pairs_waiting(shop_ids, at=now())


def selection_of(chosen: filters.Filters, *, at: datetime) -> listing.Selection:
    """What the query needs of the filters in the address."""
    values = cast("dict[str, Any]", chosen.values)
    return listing.Selection(
        words=chosen.words,
        orders=values["orders"],
        country=values["country"],
        since=_moment(values["since"], at),
        segment_id=int(values["segment"]) if values["segment"] else None,
        sort=values["sort"],
    )


def segment_choices(agent: Agent) -> list[tuple[str, str]]:
    """The segments and lists by which an agent may narrow the list. One query, if he may see any."""
    if not agent.has_perm(permissions.VIEW_SEGMENT):
        return []
    return [(str(segment_id), name) for segment_id, name in segments.names_for(agent)]


def filter_parts(
    shops: dict[int, ShopInfo],
    countries: Iterable[str],
    segments_: Sequence[tuple[str, str]] = (),
) -> list[filters.Part]:
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
        filters.Part(name="segment", label=_("Segment"), choices=[*any_, *segments_]),
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
    return paging.Pages(found, 5).count, listing.rows_of(found[:5], shop_ids=shop_ids)
