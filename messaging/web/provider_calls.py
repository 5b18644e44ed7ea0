"""Calls of mail providers that nobody understood.

They belong to no shop: who sets up the mailboxes of all shops sees them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from company import queries as company
from ecrm.kernel import access, filters
from ecrm.kernel.errors import DomainError
from ecrm.kernel.htmx import render_page
from messaging import permissions
from messaging.models import ProviderCall
from messaging.services import provider_calls
from messaging.web import words

if TYPE_CHECKING:
    from company.types import AgentRequest


@require_safe
@access.permission(permissions.MANAGE)
def call_list(request: AgentRequest) -> HttpResponse:
    """What providers told us and nobody understood, the latest first."""
    _demand_everywhere(request)
    calls = ProviderCall.objects.parked().defer("body")
    page = Paginator(calls, filters.ROWS_PER_PAGE).get_page(request.GET.get("page"))
    shown = [call.pk for call in page]
    kept = ProviderCall.objects.filter(pk__in=shown, body__isnull=False)
    with_body = set(kept.values_list("pk", flat=True))
    rows = [_row(call, has_body=call.pk in with_body) for call in page]
    context = {"page": page, "rows": rows}
    return render_page(request, "messaging/provider_call_list.html", context)


@require_POST
@access.permission(permissions.MANAGE)
def call_body(request: AgentRequest, call_id: int) -> HttpResponse:
    """Hand out what the provider said, to save; that somebody took it is on record."""
    _demand_everywhere(request)
    body = provider_calls.read_body(call_id, by=request.user)
    if body is None:
        raise Http404
    response = HttpResponse(body, content_type="application/octet-stream")
    response["Content-Disposition"] = f'attachment; filename="call-{call_id}.txt"'
    return response


@require_POST
@access.permission(permissions.MANAGE)
def call_retry(request: AgentRequest, call_id: int) -> HttpResponse:
    """Read a parked call again."""
    _demand_everywhere(request)
    if not ProviderCall.objects.filter(pk=call_id).exists():
        raise Http404
    try:
        provider_calls.retry_parked(call_id, by=request.user)
    except DomainError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, _("The call is being read again."))
    return redirect("messaging:provider-call-list")


def _demand_everywhere(request: AgentRequest) -> None:
    if not company.may(request.user, permissions.MANAGE, shop_id=None):
        raise PermissionDenied


def _row(call: ProviderCall, *, has_body: bool) -> dict[str, Any]:
    return {"call": call, "cause": words.parked(call.cause), "has_body": has_body}
