"""Selected customers of the list, put on a list of one's own, and taking it back."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.contrib import messages
from django.core import signing
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from company import queries as company
from ecrm.kernel import access
from ecrm.kernel.errors import DomainError
from ecrm.kernel.htmx import render_page, toast
from profiles import permissions
from profiles.models import Segment
from profiles.queries import segments as reading
from profiles.services import segments_lists as services
from profiles.web.segments import managed_or_404

if TYPE_CHECKING:
    from company.types import Agent, AgentRequest

SALT = "profiles.list-undo"
AT_MOST = 500


@require_safe
@access.permission(permissions.VIEW)
def list_choices(request: AgentRequest) -> HttpResponse:
    """The lists which the agent may extend, to choose from; nothing when there are none."""
    rows = reading.visible_segments(request.user, code=permissions.MANAGE_SEGMENT)
    lists = rows.filter(kind=Segment.Kind.STATIC).select_related("shop").order_by("name")
    return render_page(request, "profiles/_list_choices.html", {"lists": lists})


@require_POST
@access.permission(permissions.MANAGE_SEGMENT)
def customers_list_up(request: AgentRequest) -> HttpResponse:
    """Put the selected customers whom the agent may see on the chosen list."""
    typed, chosen = request.POST.getlist("selected"), request.POST.get("list", "")
    ids = [int(text) for text in typed[:AT_MOST] if _is_number(text)]
    if not ids:
        return _say(request, _("Choose at least one customer."), level="error")
    if not _is_number(chosen):
        return _say(request, _("Choose a list."), level="error")
    row = managed_or_404(request.user, int(chosen))
    moment = now()
    known = _in_sight(request.user, ids, row)
    try:
        count = services.add_to_list(row.pk, profile_ids=known, by=request.user, at=moment)
    except DomainError as refusal:
        return _say(request, refusal.message, level="error")
    if not count:
        return _say(request, _("All of them are on “%(list)s” already.") % {"list": row.name})
    text = ngettext(
        "%(count)s customer was put on “%(list)s”.",
        "%(count)s customers were put on “%(list)s”.",
        count,
    )
    token = press_token(row.pk, at=moment, by=request.user)
    undo_url = reverse("profiles:list-undo", args=[token])
    return _say(request, text % {"count": count, "list": row.name}, undo_url=undo_url)


@require_POST
@access.permission(permissions.MANAGE_SEGMENT)
def list_undo(request: AgentRequest, token: str) -> HttpResponse:
    """Take those off again whom one press put on a list; the agent's own press, as we signed it."""
    segment_id, since = _press(token, request.user)
    row = managed_or_404(request.user, segment_id)
    try:
        count = services.take_back(row.pk, since=since, by=request.user)
    except DomainError as refusal:
        return _say(request, refusal.message, level="error")
    text = ngettext(
        "%(count)s customer was taken off again.",
        "%(count)s customers were taken off again.",
        count,
    )
    return _say(request, text % {"count": count})


def press_token(segment_id: int, *, at: datetime, by: Agent) -> str:
    """What takes back what an agent put on a list at this moment."""
    return signing.dumps([segment_id, at.isoformat(), by.pk], salt=SALT)


def _press(token: str, agent: Agent) -> tuple[int, datetime]:
    try:
        segment_id, moment, agent_id = signing.loads(token, salt=SALT)
    except signing.BadSignature as error:
        raise Http404 from error
    if agent_id != agent.pk:
        raise Http404
    return int(segment_id), datetime.fromisoformat(moment)


def _in_sight(agent: Agent, ids: list[int], row: Segment) -> list[int]:
    shop_ids = company.shop_ids(agent, permissions.VIEW)
    if row.shop_id:
        shop_ids &= {row.shop_id}
    return reading.known_among(ids, shop_ids=shop_ids)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= permissions.MOST_DIGITS


def _say(
    request: AgentRequest, text: str, *, level: str = "success", undo_url: str = ""
) -> HttpResponse:
    if not request.headers.get("HX-Request"):
        messages.add_message(request, getattr(messages, level.upper()), text)
        return redirect("profiles:profile-list")
    label = _("Undo") if undo_url else ""
    return toast(HttpResponse(status=204), text, level=level, undo_url=undo_url, undo_label=label)
