"""Pages and small actions of the frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from backoffice import queries, services
from backoffice.web import day, finding
from backoffice.web.forms import Preferences, PresenceChoice, ShopChoice
from backoffice.web.frame import Frame
from backoffice.web.returning import back_from
from backoffice.web.settings import pages_for
from company.services import agents
from ecrm.kernel import access
from ecrm.kernel.filters import ROWS_PER_PAGE
from ecrm.kernel.htmx import render_page

if TYPE_CHECKING:
    from company.types import AgentRequest

NOTIFICATIONS_IN_MENU = 8


@require_safe
@access.signed_in
def home(request: AgentRequest) -> HttpResponse:
    """Show the agent's day."""
    context = {
        "opening": day.opening(request.user, at=timezone.localtime()),
        "cards": day.cards(request.user),
        "first_steps": day.first_steps(request.user),
    }
    return render_page(request, "backoffice/home.html", context, partials={"cards": "cards"})


@require_safe
@access.signed_in
def search(request: AgentRequest) -> HttpResponse:
    """Find customers, orders and whatever modules offer, and things to do."""
    text = request.GET.get("q", "").strip()[:200]
    context = {"text": text, "groups": finding.find(request.user, text)}
    return render_page(
        request, "backoffice/search.html", context, partials={"palette-results": "hits"}
    )


@require_safe
@access.signed_in
def shortcuts(request: AgentRequest) -> HttpResponse:
    """Show the keyboard shortcuts as a page, for browsers without scripts."""
    return render_page(request, "backoffice/shortcuts.html")


@require_safe
@access.signed_in
def rail(request: AgentRequest) -> HttpResponse:
    """Give the rail with fresh counters."""
    frame = Frame(request)
    context = {"rail": frame.rail, "reader": frame.reader}
    return render_page(request, "backoffice/_rail.html", context, partials={"rail-list": "items"})


@require_POST
@access.signed_in
def shop_choose(request: AgentRequest) -> HttpResponse:
    """Work in one shop, or in all."""
    form = ShopChoice(request.POST)
    if form.is_valid():
        request.session[queries.SHOP_CHOICE] = form.cleaned_data["shop"]
    return back_from(request)


@require_POST
@access.signed_in
def preferences_set(request: AgentRequest) -> HttpResponse:
    """Store the agent's theme or language."""
    form = Preferences(request.POST)
    if form.is_valid():
        chosen = {name: value for name, value in form.cleaned_data.items() if value}
        agents.set_preferences(request.user.pk, **chosen)
    return back_from(request)


@require_POST
@access.signed_in
def presence_set(request: AgentRequest) -> HttpResponse:
    """Store whether the agent is away."""
    form = PresenceChoice(request.POST)
    if form.is_valid():
        services.set_away(request.user.pk, is_away=form.cleaned_data["away"])
    return back_from(request)


@require_safe
@access.signed_in
def notifications(request: AgentRequest) -> HttpResponse:
    """List what the agent was told."""
    rows = queries.notifications_of(request.user.pk)
    page = Paginator(rows, ROWS_PER_PAGE).get_page(request.GET.get("page"))
    context = {"page": page, "newest": page.object_list[:NOTIFICATIONS_IN_MENU]}
    partials = {"notifications": "menu", "unread": "unread", "list": "rows"}
    return render_page(request, "backoffice/notifications.html", context, partials=partials)


@require_POST
@access.signed_in
def notifications_read(request: AgentRequest) -> HttpResponse:
    """Mark everything as read."""
    services.read_notifications(request.user.pk)
    return redirect("backoffice:notifications")


@require_POST
@access.signed_in
def notification_open(request: AgentRequest, pk: int) -> HttpResponse:
    """Mark one notification as read and go where it points."""
    notification = get_object_or_404(queries.notifications_of(request.user.pk), pk=pk)
    services.read_notifications(request.user.pk, ids=[pk])
    return redirect(notification.url)


@require_safe
@access.signed_in
def settings_index(request: AgentRequest) -> HttpResponse:
    """List the settings this agent may open."""
    return render_page(request, "backoffice/settings.html", {"groups": pages_for(request.user)})
