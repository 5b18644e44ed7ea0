"""Answering: sending a reply or a note, and keeping what is being written."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from company.types import AgentRequest
from contacts import permissions, services
from contacts.models import Draft, Ticket
from contacts.queries import thread
from contacts.services import answering
from contacts.web import pages
from contacts.web.forms import ComposerForm, DraftForm
from contacts.web.views import reading
from ecrm.kernel import access
from ecrm.kernel.errors import DomainError
from ecrm.kernel.htmx import render_page


@require_POST
@access.permission(permissions.ANSWER)
def message_add(request: AgentRequest, number: int) -> HttpResponse:
    """Send an answer to the customer, or add a note; a refusal keeps the text."""
    ticket = answerable_or_refused(request, number)
    form = ComposerForm(request.POST)
    if not form.is_valid():
        return _refused(request, ticket, form, error=_first_error(form))
    try:
        _write(ticket, by=request.user, **form.cleaned_data)
    except answering.TicketMovedOn as refusal:
        return _refused(request, ticket, form, error=refusal.message, news=refusal.news)
    except DomainError as refusal:
        return _refused(request, ticket, form, error=refusal.message)
    return _done(request, number)


@require_POST
@access.permission(permissions.ANSWER)
def draft_save(request: AgentRequest, number: int) -> HttpResponse:
    """Keep what the agent has typed so far."""
    ticket = answerable_or_refused(request, number)
    form = DraftForm(request.POST)
    if not form.is_valid():
        return HttpResponse(status=422)
    answering.save_draft(ticket.pk, by=request.user, **form.cleaned_data)
    return HttpResponse(status=204)


def answerable_or_refused(request: AgentRequest, number: int) -> Ticket:
    """The ticket when the agent may change it: 404 outside his shops, 403 where he only reads."""
    ticket = reading.ticket_or_404(request, number)
    if not permissions.may_answer(request.user, ticket):
        raise PermissionDenied
    return ticket


def _write(
    ticket: Ticket,
    *,
    kind: str,
    text: str,
    client_id: Any,
    seen_seq: int,
    then: str,
    by: Any,
    **_rest: object,
) -> None:
    if kind == Draft.Kind.NOTE:
        services.add_note(ticket.pk, text=text, client_id=client_id, by=by)
        return
    services.reply(
        ticket.pk,
        text=text,
        client_id=client_id,
        seen_seq=seen_seq,
        then=then or Ticket.State.WAITING,
        by=by,
    )


def _done(request: AgentRequest, number: int) -> HttpResponse:
    """A fresh composer and the new entries for htmx; the ticket's page for a plain browser."""
    selection = pages.selection_of(request)
    if not request.headers.get("HX-Request"):
        address = reverse("contacts:ticket", args=[number]) + pages.query_of(selection)
        return redirect(f"{address}#latest")
    ticket = reading.ticket_or_404(request, number)
    context = {
        **pages.head_context(request.user, ticket, selection),
        **pages.composer_context(request.user, ticket, text=""),
        "thread": thread.news(ticket, after=pages.number_in(request.POST, "shown") or 0),
        "deliveries": [],
    }
    response = render_page(request, "contacts/_sent.html", context)
    response["HX-Trigger"] = "ecrm:inbox-changed"
    return response


def _refused(
    request: AgentRequest,
    ticket: Ticket,
    form: ComposerForm,
    *,
    error: str,
    news: list[Any] | None = None,
) -> HttpResponse:
    """The composer again with the same text and the reason, and what the agent has not seen yet."""
    ticket.refresh_from_db()
    composer = pages.composer_context(
        request.user,
        ticket,
        text=form.data.get("text", ""),
        kind=form.data.get("kind", ""),
        error=error,
        news=news,
        client_id=uuid4() if news else form.cleaned_data.get("client_id"),
    )
    if not request.headers.get("HX-Request"):
        return reading.ticket_page(request, ticket, status=422, composer=composer)
    context = {
        **pages.head_context(request.user, ticket, pages.selection_of(request)),
        **composer,
        "thread": thread.news(ticket, after=pages.number_in(request.POST, "shown") or 0),
        "deliveries": [],
    }
    return render_page(request, "contacts/_sent.html", context, status=422)


def _first_error(form: ComposerForm) -> str:
    errors = form.errors.get("text") or next(iter(form.errors.values()), None)
    return str(errors[0]) if errors else _("Please check what you entered.")
