"""Deciding: owner, state, snooze, priority, tags, one ticket or many at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from company import queries as company
from company.types import AgentRequest
from contacts import permissions, rules, services
from contacts.models import Ticket
from contacts.queries import inbox
from contacts.services import bulk, triage
from contacts.services.bulk import BulkResult
from contacts.web import pages
from contacts.web.forms import (
    AssignForm,
    BulkForm,
    PriorityForm,
    SnoozeForm,
    StateForm,
    TagsForm,
)
from contacts.web.views import reading
from contacts.web.views.writing import answerable_or_refused
from ecrm.kernel import access
from ecrm.kernel.errors import DomainError


@require_POST
@access.permission(permissions.ANSWER)
def ticket_state(request: AgentRequest, number: int) -> HttpResponse:
    """Solve, reopen, wait or close."""
    ticket = answerable_or_refused(request, number)
    form = StateForm(request.POST)
    return _change(
        request,
        ticket,
        form,
        lambda: services.change_state(ticket.pk, to=form.cleaned_data["state"], by=request.user),
    )


@require_POST
@access.permission(permissions.ANSWER)
def ticket_snooze(request: AgentRequest, number: int) -> HttpResponse:
    """Let the ticket sleep until a moment in the shop's own time."""
    ticket = answerable_or_refused(request, number)
    form = SnoozeForm(request.POST)
    return _change(
        request,
        ticket,
        form,
        lambda: services.snooze(
            ticket.pk,
            until=form.cleaned_data["until"]
            or rules.snooze_until(form.cleaned_data["choice"], _shop_time(ticket)),
            by=request.user,
        ),
    )


@require_POST
@access.permission(permissions.ANSWER)
def ticket_assign(request: AgentRequest, number: int) -> HttpResponse:
    """Give the ticket to a colleague, or back to everybody."""
    ticket = answerable_or_refused(request, number)
    form = AssignForm(request.POST)
    return _change(
        request,
        ticket,
        form,
        lambda: services.assign(ticket.pk, to=form.cleaned_data["to"], by=request.user),
    )


@require_POST
@access.permission(permissions.ANSWER)
def ticket_take(request: AgentRequest, number: int) -> HttpResponse:
    """Make the ticket one's own, if nobody was faster."""
    ticket = answerable_or_refused(request, number)
    return _change(
        request, ticket, forms.Form({}), lambda: services.take(ticket.pk, by=request.user)
    )


@require_POST
@access.permission(permissions.ANSWER)
def ticket_priority(request: AgentRequest, number: int) -> HttpResponse:
    """Say how urgent the ticket is."""
    ticket = answerable_or_refused(request, number)
    form = PriorityForm(request.POST)
    return _change(
        request,
        ticket,
        form,
        lambda: triage.change_priority(
            ticket.pk, to=form.cleaned_data["priority"], by=request.user
        ),
    )


@require_POST
@access.permission(permissions.ANSWER)
def ticket_tags(request: AgentRequest, number: int) -> HttpResponse:
    """Add tags (separated by commas) or remove one."""
    ticket = answerable_or_refused(request, number)
    form = TagsForm(request.POST)
    return _change(
        request,
        ticket,
        form,
        lambda: triage.change_tags(
            ticket.pk,
            add=form.cleaned_data["add"].split(","),
            remove=[form.cleaned_data["remove"]],
            by=request.user,
        ),
    )


@require_POST
@access.permission(permissions.ANSWER)
def bulk_change(request: AgentRequest) -> HttpResponse:
    """One action for every selected ticket the agent may change."""
    form = BulkForm(request.POST)
    numbers = [int(n) for n in request.POST.getlist("selected") if n.isascii() and n.isdigit()]
    rows = inbox.answerable_by(request.user).filter(number__in=numbers[: bulk.LIMIT + 1])
    if not form.is_valid() or not numbers:
        return _say(request, _("Choose at least one request."), level="error")
    chosen = form.cleaned_data
    try:
        result = bulk.apply(
            list(rows.values_list("pk", flat=True)),
            action=chosen["action"],
            by=request.user,
            until=rules.snooze_until(chosen["choice"] or "tomorrow", now().astimezone()),
            priority=chosen["priority"],
            tag=chosen["tag"],
        )
    except DomainError as refusal:
        return _say(request, refusal.message, level="error")
    return _say(request, _summary(result), change_id=result.change_id)


@require_POST
@access.permission(permissions.ANSWER)
def bulk_undo(request: AgentRequest, change_id: int) -> HttpResponse:
    """Take a bulk action back where nobody touched the ticket since."""
    if not inbox.is_own_change(request.user, change_id):
        raise Http404
    try:
        count = bulk.undo(change_id, by=request.user)
    except DomainError as refusal:
        return _say(request, refusal.message, level="error")
    text = ngettext("%(count)s request is as before.", "%(count)s requests are as before.", count)
    return _say(request, text % {"count": count})


def _change(
    request: AgentRequest, ticket: Ticket, form: forms.Form, service: Callable[[], object]
) -> HttpResponse:
    """Run the service and show the ticket as it is then, or say why not."""
    refusal = ""
    if not form.is_valid():
        refusal = str(next(iter(form.errors.values()))[0])
    else:
        try:
            service()
        except DomainError as error:
            refusal = error.message
    if not request.headers.get("HX-Request"):
        if refusal:
            messages.error(request, refusal)
        query = pages.query_of(pages.selection_of(request))
        return redirect(reverse("contacts:ticket", args=[ticket.number]) + query)
    response = reading.news(request, reading.ticket_or_404(request, ticket.number))
    events: dict[str, object] = {"ecrm:inbox-changed": {}}
    if refusal:
        events["ecrm:toast"] = {"text": refusal, "level": "error"}
    response["HX-Trigger"] = json.dumps(events)
    return response


def _say(
    request: AgentRequest, text: str, *, level: str = "success", change_id: int | None = None
) -> HttpResponse:
    """Tell what became of a bulk action, with a way back."""
    if not request.headers.get("HX-Request"):
        messages.add_message(
            request, messages.ERROR if level == "error" else messages.SUCCESS, text
        )
        return redirect(_back(request))
    toast: dict[str, object] = {"text": text, "level": level}
    if change_id:
        toast["undo"] = {"url": reverse("contacts:bulk-undo", args=[change_id])}
    response = HttpResponse(status=204)
    response["HX-Trigger"] = json.dumps(
        {"ecrm:toast": toast, "ecrm:inbox-changed": {}, "ecrm:changed": {}}
    )
    return response


def _back(request: AgentRequest) -> str:
    """The list the action came from, when the address is ours."""
    address = request.POST.get("back", "")
    is_ours = url_has_allowed_host_and_scheme(address, allowed_hosts=None)
    return address if is_ours else reverse("contacts:inbox")


def _summary(result: BulkResult) -> str:
    text = ngettext("%(count)s request changed.", "%(count)s requests changed.", result.changed) % {
        "count": result.changed
    }
    if result.left_alone:
        left = ngettext(
            "%(count)s stayed as it was.", "%(count)s stayed as they were.", result.left_alone
        )
        return f"{text} {left % {'count': result.left_alone}}"
    return text


def _shop_time(ticket: Ticket) -> datetime:
    return now().astimezone(ZoneInfo(company.shop(ticket.shop_id).time_zone))
