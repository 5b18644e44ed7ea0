"""The audit log, read and taken along."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING

from babel.dates import format_date
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.timezone import localdate, localtime, make_aware
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from company import queries
from company.extensions import audit_actions, audit_groups
from company.models import Agent, AuditEntry
from company.services import audit
from company.types import ShopInfo
from company.web import access as reach
from company.web.audit_sentences import tell
from ecrm.kernel import access, filters, paging, spreadsheets
from ecrm.kernel.htmx import is_asked_by_hand, render_page
from ecrm.kernel.spreadsheets import Cell

if TYPE_CHECKING:
    from django.http import StreamingHttpResponse

SYSTEM = "system"
MONTHS_OFFERED = 12
HEADER = ("position", "at", "action", "actor", "shop", "target", "changes", "ip", "hash")


@require_safe
@access.permission(reach.AUDIT)
def audit_list(request: HttpRequest) -> HttpResponse:
    """Who did what, the newest first; htmx gets the rows alone."""
    me = reach.me(request)
    chosen = filters.read(request.GET, _parts(me))
    page, count = paging.page_of(request, _rows(me, chosen), say=_count)
    context = {
        "page": page,
        "rows": tell(page, reader=me),
        "filters": chosen,
        "count": count,
        "brings_filters": is_asked_by_hand(request, "list"),
    }
    return render_page(request, "company/audit_list.html", context, partials={"list": "rows"})


def _count(number: int) -> str:
    return ngettext("%(number)s entry", "%(number)s entries", number)


@require_safe
@access.permission(reach.AUDIT)
def audit_chain(request: HttpRequest) -> HttpResponse:
    """Whether the log is as it was written, from its first entry to its last."""
    context = {"chain": queries.audit_chain()}
    partials = {"audit-chain": "state"}
    return render_page(request, "company/audit_chain.html", context, partials=partials)


@require_POST
@access.permission(reach.AUDIT)
def audit_export(request: HttpRequest) -> StreamingHttpResponse:
    """The same rows as CSV; taking them along is an entry itself, hence no GET."""
    me = reach.me(request)
    rows = _rows(me, filters.read(request.POST, _parts(me)))
    with transaction.atomic():
        audit.record_audit(action="company.audit-exported", target="audit-log", by=me)
    return spreadsheets.csv_response(
        f"audit-{localtime():%Y-%m-%d}", head=HEADER, rows=_exported(rows)
    )


def _exported(rows: QuerySet[AuditEntry]) -> Iterator[list[Cell]]:
    for entry in rows.iterator(chunk_size=1000):
        yield [
            entry.position,
            entry.at.isoformat(),
            entry.action,
            entry.actor,
            entry.shop_id,
            entry.target,
            json.dumps(entry.changes, ensure_ascii=False) if entry.changes else "",
            entry.ip,
            entry.hash,
        ]


def _parts(me: Agent) -> list[filters.Part]:
    people = [(str(agent.pk), agent.name) for agent in queries.audit_actors(me)]
    groups = [(group.code, _(group.label)) for group in audit_groups.all()]
    shops: Iterable[ShopInfo] = queries.shops_for(me)
    anything = ("", _("Any"))
    return [
        filters.Part(
            name="who",
            label=_("Person"),
            choices=[("", _("Anybody")), *people, (SYSTEM, _("The system"))],
        ),
        filters.Part(name="group", label=_("Action"), choices=[anything, *groups]),
        filters.Part(name="period", label=_("Period"), choices=_periods(localdate())),
        filters.Part(
            name="shop",
            label=_("Shop"),
            choices=[anything, *((str(shop.id), shop.name) for shop in shops)],
        ),
    ]


def _rows(me: Agent, chosen: filters.Filters) -> QuerySet[AuditEntry]:
    rows = queries.audit_entries(me)
    if words := chosen.words:
        rows = rows.filter(Q(actor__icontains=words) | Q(target__icontains=words))
    if who := chosen.values["who"]:
        rows = rows.filter(actor_id=None if who == SYSTEM else int(who))
    if group := chosen.values["group"]:
        codes = [action.code for action in audit_actions.all() if action.group == group]
        rows = rows.filter(action__in=codes)
    if shop_id := chosen.values["shop"]:
        rows = rows.filter(shop_id=int(shop_id))
    since, until = _span(chosen.values["period"], today=localdate())
    if since:
        rows = rows.filter(at__gte=_midnight(since))
    if until:
        rows = rows.filter(at__lt=_midnight(until))
    return rows


def _periods(today: date) -> list[tuple[str, str]]:
    """The last days, and each of the last months by its name."""
    days = [
        ("", _("Any time")),
        ("1", _("Today")),
        ("7", _("Last 7 days")),
        ("30", _("Last 30 days")),
    ]
    locale = (get_language() or "en").replace("-", "_")
    first = today.replace(day=1)
    for _month in range(MONTHS_OFFERED):
        days.append((f"{first:%Y-%m}", format_date(first, "LLLL y", locale=locale)))
        first = (first - timedelta(days=1)).replace(day=1)
    return days


def _span(period: str, *, today: date) -> tuple[date | None, date | None]:
    """The first day of a period, and the day after its last; None where it is open."""
    if not period:
        return None, None
    if period.isdigit():
        return today - timedelta(days=int(period) - 1), None
    first = date.fromisoformat(f"{period}-01")
    return first, (first + timedelta(days=31)).replace(day=1)


def _midnight(day: date) -> datetime:
    return make_aware(datetime.combine(day, time(0)))
