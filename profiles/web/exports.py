"""Tables of customers to take along: ask for one, watch it being written, fetch it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from ecrm.kernel import access, paging
from ecrm.kernel.errors import DomainError
from ecrm.kernel.htmx import render_page
from profiles import permissions
from profiles.models import Export
from profiles.queries import exports as queries
from profiles.services import exports as services
from profiles.web import customers

if TYPE_CHECKING:
    from company.types import AgentRequest

TOO_BIG = 2**63


@require_safe
@access.permission(permissions.EXPORT)
def export_list(request: AgentRequest) -> HttpResponse:
    """The agent's tables and their states."""
    rows = list(queries.for_list(request.user))
    context = {"exports": rows, "is_working": any(row.is_working for row in rows)}
    return render_page(request, "profiles/exports/list.html", context, partials={"exports": "rows"})


@require_http_methods(["GET", "HEAD", "POST"])
@access.permission(permissions.EXPORT)
def export_new(request: AgentRequest) -> HttpResponse:
    """A table of whomever the address describes, as the list of customers does."""
    found = customers.found_by(request, permissions.VIEW, permissions.EXPORT)
    if request.method == "POST":
        try:
            row = services.request_export(
                request.POST.get("kind", ""),
                shop_ids=found.in_sight,
                selection=customers.selection_of(found.filters, at=localtime()),
                by=request.user,
            )
        except DomainError as refusal:
            messages.error(request, refusal.message)
        else:
            return redirect("profiles:export-page", row.pk)
    context = {
        "filters": found.filters,
        "count": paging.Pages(found.customers, 1).in_words(customers.count_in_words),
        "kinds": Export.Kind.choices,
        "address": request.get_full_path(),
    }
    return render_page(request, "profiles/exports/new.html", context)


@require_safe
@access.permission(permissions.EXPORT)
def export_page(request: AgentRequest, export_id: int) -> HttpResponse:
    """One table: how far it is, or where it can be fetched."""
    row = _found(request, export_id)
    context = {"row": row, "percent": row.percent_done}
    return render_page(request, "profiles/exports/page.html", context, partials={"export": "state"})


@require_POST
@access.permission(permissions.EXPORT)
def export_cancel(request: AgentRequest, export_id: int) -> HttpResponse:
    """Stop writing it."""
    row = _found(request, export_id)
    try:
        services.cancel_export(row.pk)
    except DomainError as refusal:
        messages.error(request, refusal.message)
    return redirect("profiles:export-list")


@require_safe
@access.permission(permissions.EXPORT)
def export_file(request: AgentRequest, export_id: int) -> StreamingHttpResponse:
    """The finished table, sent part by part."""
    row = _found(request, export_id)
    if row.state != Export.State.DONE or row.file is None:
        raise Http404(_("This table is not kept any more."))
    response = StreamingHttpResponse(services.content(row), content_type=row.file.content_type)
    response["Content-Disposition"] = f'attachment; filename="{row.file.name}"'
    response["Cache-Control"] = "private, no-store"
    return response


def _found(request: AgentRequest, export_id: int) -> Export:
    rows = queries.mine(request.user).select_related("file")
    row = rows.filter(pk=export_id).first() if export_id < TOO_BIG else None
    if row is None:
        raise Http404
    return row
