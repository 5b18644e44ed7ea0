"""Looking: the list, a ticket, and what an open page has missed."""

from __future__ import annotations

from django.http import Http404, HttpResponse
from django.views.decorators.http import require_safe

from company.types import AgentRequest
from contacts import permissions
from contacts.models import Ticket
from contacts.queries import inbox, thread
from contacts.web import pages
from ecrm.kernel import access
from ecrm.kernel.htmx import render_page

PAGE = "contacts/inbox.html"


@require_safe
@access.permission(permissions.VIEW)
def ticket_list(request: AgentRequest) -> HttpResponse:
    """The inbox without an open ticket; htmx gets the list alone."""
    number = pages.number_in(request.GET, "open")
    context = pages.list_context(request, number=number)
    return render_page(request, PAGE, context, partials={"ticket-list": "list"})


@require_safe
@access.permission(permissions.VIEW)
def ticket(request: AgentRequest, number: int) -> HttpResponse:
    """The inbox with one ticket open; htmx gets the ticket alone."""
    found = ticket_or_404(request, number)
    return ticket_page(request, found)


@require_safe
@access.permission(permissions.VIEW)
def ticket_earlier(request: AgentRequest, number: int) -> HttpResponse:
    """Older entries of a long thread."""
    found = ticket_or_404(request, number)
    selection = pages.selection_of(request)
    context = pages.head_context(request.user, found, selection)
    context["thread"] = thread.thread(found, before=pages.number_in(request.GET, "before"))
    return render_page(request, "contacts/_entries.html", context)


@require_safe
@access.permission(permissions.VIEW)
def ticket_news(request: AgentRequest, number: int) -> HttpResponse:
    """What was added after the last entry an open page shows, its head and its ticks."""
    found = ticket_or_404(request, number)
    return news(request, found)


def news(request: AgentRequest, found: Ticket, *, status: int = 200) -> HttpResponse:
    """The fragment that brings an open page up to date: `shown` is the last entry it has."""
    context = pages.head_context(request.user, found, pages.selection_of(request))
    shown = pages.number_in(request.POST or request.GET, "shown") or 0
    context["thread"] = thread.news(found, after=shown)
    context["deliveries"] = [
        entry for entry in thread.deliveries(found) if entry.message.seq <= shown
    ]
    return render_page(request, "contacts/_news.html", context, status=status)


def ticket_page(
    request: AgentRequest,
    found: Ticket,
    *,
    status: int = 200,
    composer: dict[str, object] | None = None,
) -> HttpResponse:
    """The whole page of a ticket, or its two panes for htmx."""
    selection = pages.selection_of(request)
    context = pages.ticket_context(request.user, found, selection)
    if composer:
        context |= composer
    partials = {"ticket": "ticket"}
    if request.headers.get("HX-Target", "") not in partials:
        context |= pages.list_context(request, number=found.number)
    return render_page(request, PAGE, context, partials=partials, status=status)


def ticket_or_404(request: AgentRequest, number: int) -> Ticket:
    """The ticket of this number within the agent's shops."""
    found = inbox.find(request.user, number)
    if found is None:
        raise Http404
    return found
