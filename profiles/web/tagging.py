"""A tag for every selected customer of the list, and taking it back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from ecrm.kernel import access
from ecrm.kernel.errors import DomainError
from ecrm.kernel.htmx import render_page, toast
from profiles import permissions
from profiles.queries import tags as queries
from profiles.services import tags as services

if TYPE_CHECKING:
    from company.types import AgentRequest

MOST_DIGITS = 18
TOO_BIG = 2**63


@require_POST
@access.permission(permissions.CHANGE)
def customers_tag(request: AgentRequest) -> HttpResponse:
    """Stick the typed tag to the selected customers whom the agent may change."""
    ids = [int(text) for text in request.POST.getlist("selected") if _is_number(text)]
    if not ids:
        return _say(request, _("Choose at least one customer."), level="error")
    try:
        done = services.tag_many(ids, name=request.POST.get("tag", ""), by=request.user)
    except DomainError as refusal:
        return _say(request, refusal.message, level="error")
    if done.change_id is None:
        return _say(request, _("All of them carry the tag “%(tag)s”.") % {"tag": done.name})
    text = ngettext(
        "%(count)s customer got the tag “%(tag)s”.",
        "%(count)s customers got the tag “%(tag)s”.",
        done.count,
    )
    undo_url = reverse("profiles:tagging-undo", args=[done.change_id])
    return _say(request, text % {"count": done.count, "tag": done.name}, undo_url=undo_url)


@require_POST
@access.permission(permissions.CHANGE)
def tagging_undo(request: AgentRequest, change_id: int) -> HttpResponse:
    """Take the tag off again whom the press gave it to."""
    change = queries.change_of(change_id, agent_id=request.user.pk) if change_id < TOO_BIG else None
    if change is None:
        raise Http404
    try:
        count = services.undo_tagging(change_id, by=request.user)
    except DomainError as refusal:
        return _say(request, refusal.message, level="error")
    text = ngettext(
        "%(count)s customer lost the tag again.", "%(count)s customers lost the tag again.", count
    )
    return _say(request, text % {"count": count})


@require_safe
@access.permission(permissions.VIEW)
def tag_suggest(request: AgentRequest) -> HttpResponse:
    """Tags which begin like the typed one, as options of the field."""
    typed = request.GET.get("tag", "")[:40].rpartition(",")[2]
    context = {"names": queries.beginning_with(typed)}
    return render_page(request, "profiles/_tag_options.html", context)


def _say(
    request: AgentRequest, text: str, *, level: str = "success", undo_url: str = ""
) -> HttpResponse:
    if not request.headers.get("HX-Request"):
        messages.add_message(request, getattr(messages, level.upper()), text)
        return redirect("profiles:profile-list")
    label = _("Undo") if undo_url else ""
    return toast(HttpResponse(status=204), text, level=level, undo_url=undo_url, undo_label=label)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS
