"""Deleting a conversation, asked for twice."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from company.types import AgentRequest
from contacts import permissions
from contacts.services import deleting
from contacts.web.views import reading
from ecrm.kernel import access
from ecrm.kernel.htmx import render_page


@require_http_methods(["GET", "HEAD", "POST"])
@access.permission(permissions.DELETE)
def ticket_delete(request: AgentRequest, number: int) -> HttpResponse:
    """Say what will be gone, and delete when told to."""
    ticket = reading.ticket_or_404(request, number)
    if not permissions.may_delete(request.user, ticket):
        raise PermissionDenied
    if request.method == "POST":
        deleting.delete_ticket(ticket.pk, by=request.user)
        messages.success(request, _("The request was deleted."))
        return redirect("contacts:inbox")
    return render_page(request, "contacts/ticket_delete.html", {"ticket": ticket})
