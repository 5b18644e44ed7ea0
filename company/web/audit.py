"""The audit log, read and taken along."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils.timezone import localtime, now
from django.views.decorators.http import require_POST, require_safe

from company import queries
from company.models import AuditEntry
from company.services import audit
from company.web import access as reach
from company.web.forms import AuditFilter, local_midnight
from ecrm.kernel import access
from ecrm.kernel.htmx import render_page

PER_PAGE = 50
# A spreadsheet would run what begins with one of these.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
HEADER = ("position", "at", "action", "actor", "shop", "target", "changes", "ip", "hash")


@require_safe
@access.permission(reach.AUDIT)
def audit_list(request: HttpRequest) -> HttpResponse:
    """Who did what, the newest first."""
    me = reach.me(request)
    form = AuditFilter(request.GET)
    shops = {shop.id: shop for shop in queries.shops_for(me)}
    page = Paginator(_filtered(me, form), PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "rows": [(entry, shops.get(entry.shop_id or 0), summary(entry.changes)) for entry in page],
        "filter": form,
        "shops": shops.values(),
        "actions": queries.audit_actions(me),
    }
    return render_page(request, "company/audit_list.html", context, partials={"audit-rows": "rows"})


@require_POST
@access.permission(reach.AUDIT)
def audit_export(request: HttpRequest) -> StreamingHttpResponse:
    """The same rows as CSV; taking them along is an entry itself, hence no GET."""
    me = reach.me(request)
    form = AuditFilter(request.POST)
    rows = _filtered(me, form)
    with transaction.atomic():
        audit.record_audit(action="company.audit-exported", target="audit-log", by=me)
    response = StreamingHttpResponse(_lines(rows), content_type="text/csv; charset=utf-8")
    name = f"audit-{localtime(now()):%Y-%m-%d}.csv"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _filtered(me: Any, form: AuditFilter) -> QuerySet[AuditEntry]:
    rows = queries.audit_entries(me)
    form.is_valid()
    given = form.cleaned_data
    if text := given.get("q"):
        rows = rows.filter(Q(actor__icontains=text) | Q(target__icontains=text))
    if action := given.get("action"):
        rows = rows.filter(action=action)
    if shop_id := given.get("shop"):
        rows = rows.filter(shop_id=shop_id)
    if since := given.get("since"):
        rows = rows.filter(at__gte=local_midnight(since))
    if until := given.get("until"):
        rows = rows.filter(at__lt=local_midnight(until + timedelta(days=1)))
    return rows


class _Echo:
    """A file that hands back what is written to it."""

    def write(self, text: str) -> str:
        return text


def _lines(rows: QuerySet[AuditEntry]) -> Iterator[str]:
    writer = csv.writer(_Echo(), quoting=csv.QUOTE_ALL)
    yield writer.writerow(HEADER)
    for entry in rows.iterator(chunk_size=1000):
        values = (
            entry.position,
            entry.at.isoformat(),
            entry.action,
            entry.actor,
            entry.shop_id or "",
            entry.target,
            entry.changes or "",
            entry.ip or "",
            entry.hash,
        )
        yield writer.writerow([harmless(str(value)) for value in values])


def summary(changes: Mapping[str, Any]) -> str:
    """What changed, on one line: `name: a → b, scopes: x y`."""
    return ", ".join(f"{name}: {_told(value)}" for name, value in changes.items())


def _told(value: Any) -> str:
    if isinstance(value, list) and len(value) == 2:  # noqa: PLR2004 - before and after
        before, after = (_plain(side) for side in value)
        return f"{before} → {after}"
    return _plain(value)


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(str(item) for item in value)
    return "–" if value in (None, "") else str(value)  # noqa: RUF001 - a dash for nothing


def harmless(text: str) -> str:
    """The text as a cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text
