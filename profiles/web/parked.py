"""Tracking calls nobody understood: looked at, tried again, given up."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from company import queries as company
from ecrm.kernel import access
from ecrm.kernel.errors import DomainError
from ecrm.kernel.htmx import render_page
from profiles.models import ParkedCall
from profiles.services import tracking

if TYPE_CHECKING:
    from company.types import AgentRequest

PER_PAGE = 25
MOST_AT_ONCE = 500
LONGEST_SHOWN = 1500


@require_safe
@access.permission(tracking.OPERATE)
def parked_list(request: AgentRequest) -> HttpResponse:
    """The calls which wait for somebody, newest first, with their reasons."""
    waiting = ParkedCall.objects.waiting().filter(
        shop_id__in=company.shop_ids(request.user, tracking.OPERATE)
    )
    page = Paginator(waiting.order_by("-id"), PER_PAGE).get_page(request.GET.get("page"))
    rows = [
        {
            "call": call,
            "shop": company.shop(call.shop_id),
            "body": json.dumps(call.body, ensure_ascii=False, indent=1)[:LONGEST_SHOWN],
        }
        for call in page
    ]
    context = {"page": page, "rows": rows}
    return render_page(request, "profiles/parked.html", context, partials={"list": "rows"})


@require_POST
@access.permission(tracking.OPERATE)
def parked_settle(request: AgentRequest) -> HttpResponse:
    """Try the chosen calls again, or give them up."""
    ids = [int(i) for i in request.POST.getlist("ids")[:MOST_AT_ONCE] if _is_id(i)]
    is_retry = request.POST.get("what") != "drop"
    try:
        if is_retry:
            count = tracking.retry_parked(ids, by=request.user)
            said = ngettext("%(count)s was taken in.", "%(count)s were taken in.", count)
        else:
            count = tracking.drop_parked(ids, by=request.user)
            said = ngettext("%(count)s was given up.", "%(count)s were given up.", count)
    except DomainError as refusal:
        messages.error(request, refusal.message)
    else:
        if is_retry and count < len(ids):
            messages.warning(
                request, _("Some still can't be understood; their reasons stand here.")
            )
        messages.success(request, said % {"count": count})
    return redirect("profiles:parked-calls")


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 18  # noqa: PLR2004 - digits of a bigint
