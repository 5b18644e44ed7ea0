"""Importing customers: bring a file, say what its columns mean, look, run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from company import queries as company
from ecrm.kernel import access, paging, spreadsheets
from ecrm.kernel.errors import DomainError
from ecrm.kernel.htmx import render_page
from ecrm.kernel.spreadsheets import Cell
from profiles import permissions
from profiles.models import Import
from profiles.queries import imports as queries
from profiles.queries import imports_planning as planning
from profiles.queries import listing
from profiles.rules import imports as rules
from profiles.rules import imports_packing as packing
from profiles.rules.imports import Person
from profiles.services import imports as services
from profiles.web import customers
from profiles.web import imports_words as words
from profiles.web.imports_forms import MappingForm, UploadForm

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import StreamingHttpResponse

    from company.types import AgentRequest

PREVIEWED = 8
TOO_BIG = 2**63


@require_safe
@access.permission(permissions.IMPORT)
def import_list(request: AgentRequest) -> HttpResponse:
    """The latest imports and their states."""
    rows = list(queries.for_list(request.user))
    context = {"imports": rows, "is_working": any(row.is_working for row in rows)}
    return render_page(request, "profiles/imports/list.html", context, partials={"imports": "rows"})


@require_http_methods(["GET", "HEAD", "POST"])
@access.permission(permissions.IMPORT)
def import_new(request: AgentRequest) -> HttpResponse:
    """Take a file in."""
    allowed = company.shop_ids(request.user, permissions.IMPORT)
    shops = [shop for shop in company.shops_for(request.user) if shop.id in allowed]
    form = UploadForm(request.POST or None, request.FILES or None, shops=shops)
    if request.method == "POST" and form.is_valid():
        row = _received(request, form)
        if row is not None:
            return redirect("profiles:import-page", row.pk)
    status = 422 if form.errors else 200
    return render_page(request, "profiles/imports/new.html", {"form": form}, status=status)


def _received(request: AgentRequest, form: UploadForm) -> Import | None:
    upload = form.upload
    try:
        return services.receive_import(
            upload.name or "",
            file=cast("Any", upload.file),
            size=upload.size or 0,
            shop_id=int(form.cleaned_data["shop"]),
            by=request.user,
        )
    except DomainError as refusal:
        form.add_error("file", refusal.message)
        return None


@require_safe
@access.permission(permissions.IMPORT)
def import_page(request: AgentRequest, import_id: int) -> HttpResponse:
    """One import: its columns, what would happen, how far it is, or what became of it."""
    row = _found(request, import_id)
    wants_columns = "columns" in request.GET or not row.is_mapped
    if wants_columns and not (row.is_importing or row.is_over or row.is_working):
        return _columns_page(request, row, _mapping_form(request, row))
    context = {"row": row, "percent": row.percent_done, **_outlook(row)}
    return render_page(request, "profiles/imports/page.html", context, partials={"import": "state"})


def _columns_page(
    request: AgentRequest, row: Import, form: MappingForm, *, status: int = 200
) -> HttpResponse:
    context = {"row": row, "form": form}
    return render_page(request, "profiles/imports/columns.html", context, status=status)


def _mapping_form(request: AgentRequest, row: Import) -> MappingForm:
    return MappingForm(
        request.POST or None,
        row=row,
        market=company.shop(row.shop_id).market,
        lists=queries.lists_for(request.user, row.shop_id),
    )


@require_POST
@access.permission(permissions.IMPORT)
def import_prepare(request: AgentRequest, import_id: int) -> HttpResponse:
    """Say what the columns mean; every row is checked."""
    row = _found(request, import_id)
    form = _mapping_form(request, row)
    if not form.is_valid():
        return _columns_page(request, row, form, status=422)
    try:
        services.prepare_import(
            row.pk,
            columns=form.columns,
            options=form.options,
            segment_id=form.segment_id,
            by=request.user,
        )
    except services.UnusableMapping as refusal:
        form.refuse(refusal.fields)
        return _columns_page(request, row, form, status=422)
    except DomainError as refusal:
        messages.error(request, refusal.message)
    return redirect("profiles:import-page", row.pk)


def _outlook(row: Import) -> dict[str, Any]:
    """What the page shows beside the state."""
    faults = [
        {"row": fault.row, "text": words.reasons(row, fault.reasons)}
        for fault in queries.first_faults(row)
    ]
    found: dict[str, Any] = {"faults": faults, "all_faulty": row.faulty_count + row.refused_count}
    if row.is_ready:
        found |= {
            "titles": [words.field(name) for name in row.mapping if name],
            "lines": _preview(row),
            "good": row.total_count - row.faulty_count,
        }
    return found


def _preview(row: Import) -> list[dict[str, Any]]:
    """The first rows as they would be kept."""
    plan = planning.plan_of(row)
    block = planning.block_at(row.pk, 1)
    cells = packing.unpacked(block.raw)[:PREVIEWED] if block else []
    lines = []
    for number, line in enumerate(cells, start=1):
        found = rules.understand(number, line, plan)
        if isinstance(found, Person):
            kept = [words.as_kept(found, name) for name in row.mapping if name]
            lines.append({"row": number, "cells": kept, "fault": ""})
        else:
            reasons = [[fault.column, fault.code, fault.cell] for fault in found]
            lines.append({"row": number, "cells": [], "fault": words.reasons(row, reasons)})
    return lines


@require_POST
@access.permission(permissions.IMPORT)
def import_start(request: AgentRequest, import_id: int) -> HttpResponse:
    """Let it begin."""
    return _moved(request, import_id, services.start_import)


@require_POST
@access.permission(permissions.IMPORT)
def import_pause(request: AgentRequest, import_id: int) -> HttpResponse:
    """Stop for a while."""
    return _moved(request, import_id, services.pause_import)


@require_POST
@access.permission(permissions.IMPORT)
def import_resume(request: AgentRequest, import_id: int) -> HttpResponse:
    """Go on."""
    return _moved(request, import_id, services.resume_import)


@require_POST
@access.permission(permissions.IMPORT)
def import_cancel(request: AgentRequest, import_id: int) -> HttpResponse:
    """Give it up."""
    return _moved(request, import_id, services.cancel_import)


def _moved(request: AgentRequest, import_id: int, move: Callable[..., object]) -> HttpResponse:
    row = _found(request, import_id)
    try:
        move(row.pk, by=request.user)
    except DomainError as refusal:
        messages.error(request, refusal.message)
    return redirect("profiles:import-page", row.pk)


@require_safe
@access.permission(permissions.IMPORT)
def import_faults(request: AgentRequest, import_id: int) -> StreamingHttpResponse:
    """The rows which can't be imported, as they came, each with the reason, to be corrected."""
    row = _found(request, import_id)
    head = [_("Row"), *row.header, _("Reason")]
    return spreadsheets.csv_response(f"import-{row.pk}-faults", head=head, rows=_fault_lines(row))


def _fault_lines(row: Import) -> Iterator[list[Cell]]:
    for cells, fault in planning.faulty_rows(row):
        texts = [cell.replace("\0", "\ufffd") for cell in cells]
        yield [fault.row, *texts, words.reasons(row, fault.reasons)]


@require_safe
@access.permission(permissions.IMPORT)
def import_customers(request: AgentRequest, import_id: int) -> HttpResponse:
    """Whom the file brought."""
    row = _found(request, import_id)
    found = queries.brought(row, request.user)
    page, count = paging.page_of(request, found, say=customers.count_in_words)
    context = {
        "row": row,
        "page": page,
        "customers": listing.rows_of(page.object_list, shop_ids=[row.shop_id]),
        "count": count,
    }
    return render_page(
        request, "profiles/imports/customers.html", context, partials={"list": "rows"}
    )


def _found(request: AgentRequest, import_id: int) -> Import:
    rows = queries.visible(request.user).select_related("shop", "segment", "created_by", "file")
    row = rows.filter(pk=import_id).first() if import_id < TOO_BIG else None
    if row is None:
        raise Http404
    return row
