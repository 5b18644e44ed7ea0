"""Saying on a customer's page that an address or a number is surely his."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from company import queries as company
from ecrm.kernel import access
from ecrm.kernel.errors import DomainError
from ecrm.kernel.htmx import toast
from profiles import permissions, queries
from profiles.models import Identifier
from profiles.services import proving

if TYPE_CHECKING:
    from company.types import AgentRequest


@require_POST
@access.permission(permissions.CHANGE)
def identifier_verify(request: AgentRequest, identifier_id: int) -> HttpResponse:
    """Mark as verified; the answer offers the way back."""
    undo = reverse("profiles:identifier-unverify", args=[identifier_id])
    return _set(request, identifier_id, is_verified=True, said=_("Marked as verified."), undo=undo)


@require_POST
@access.permission(permissions.CHANGE)
def identifier_unverify(request: AgentRequest, identifier_id: int) -> HttpResponse:
    """Take the mark off."""
    said = _("No longer marked as verified.")
    return _set(request, identifier_id, is_verified=False, said=said, undo="")


def _set(
    request: AgentRequest, identifier_id: int, *, is_verified: bool, said: str, undo: str
) -> HttpResponse:
    row = _in_sight(request, identifier_id)
    error = ""
    try:
        proving.set_verified(identifier_id, is_verified=is_verified, by=request.user)
    except DomainError as refusal:
        error = refusal.message
    if not request.headers.get("HX-Request"):
        (messages.error if error else messages.success)(request, error or said)
        return redirect("profiles:profile-page", row.profile_id)
    answer = HttpResponse(status=204)
    if error:
        return toast(answer, error, level="error")
    return toast(answer, said, undo_url=undo, undo_label=_("Undo") if undo else "")


def _in_sight(request: AgentRequest, identifier_id: int) -> Identifier:
    """An identifier of a customer whom the agent may change; 404 otherwise."""
    row = Identifier.objects.filter(pk=identifier_id).first() if identifier_id < 2**63 else None
    shop_ids = company.shop_ids(request.user, permissions.CHANGE)
    if row is None or not queries.is_known_to(row.profile_id, shop_ids):
        raise Http404
    if row.shop_id is not None and row.shop_id not in shop_ids:
        raise Http404
    return row
