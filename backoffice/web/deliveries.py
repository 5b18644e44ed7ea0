"""The operators' page: follow-up work that gave up."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from backoffice import queries, services
from backoffice.web.forms import Deliveries
from ecrm.kernel import access
from ecrm.kernel.filters import ROWS_PER_PAGE
from ecrm.kernel.htmx import render_page, toast

if TYPE_CHECKING:
    from company.types import AgentRequest


@require_safe
@access.permission("company.operate")
def delivery_list(request: AgentRequest) -> HttpResponse:
    """List parked deliveries, newest first."""
    page = Paginator(queries.parked_deliveries(request.user), ROWS_PER_PAGE).get_page(
        request.GET.get("page")
    )
    return render_page(
        request, "backoffice/deliveries.html", {"page": page}, partials={"list": "rows"}
    )


@require_safe
@access.permission("company.operate")
def delivery_detail(request: AgentRequest, pk: int) -> HttpResponse:
    """Show one parked delivery: what failed, and the ids it carries."""
    delivery = get_object_or_404(queries.parked_deliveries(request.user), pk=pk)
    payload = json.dumps(delivery.event.payload, indent=2, sort_keys=True)
    context = {"delivery": delivery, "payload": payload}
    return render_page(request, "backoffice/delivery.html", context, partials={"panel": "panel"})


@require_POST
@access.permission("company.operate")
def delivery_retry(request: AgentRequest) -> HttpResponse:
    """Try the selected deliveries again."""
    count = services.retry_deliveries(_selected(request), by=request.user)
    text = ngettext(
        "%(count)d delivery is tried again", "%(count)d deliveries are tried again", count
    )
    return toast(HttpResponse(status=204), text % {"count": count})


@require_POST
@access.permission("company.operate")
def delivery_discard(request: AgentRequest) -> HttpResponse:
    """Give the selected deliveries up."""
    count = services.discard_deliveries(_selected(request), by=request.user)
    text = ngettext("%(count)d delivery is discarded", "%(count)d deliveries are discarded", count)
    return toast(HttpResponse(status=204), text % {"count": count})


def _selected(request: AgentRequest) -> list[int]:
    form = Deliveries(request.POST)
    return form.cleaned_data["ids"] if form.is_valid() else []
