"""The queue of customers who may be one person: look, decide, next."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from company import queries as company
from ecrm.kernel import access
from ecrm.kernel.errors import DomainError
from ecrm.kernel.htmx import render_page, toast
from profiles import permissions, services
from profiles.models import DuplicatePair
from profiles.queries import duplicates
from profiles.web import comparing

if TYPE_CHECKING:
    from django.template.response import TemplateResponse

    from company.types import AgentRequest

PAGE = "profiles/duplicates.html"
PARTIALS = {"duplicates": "queue"}


@require_safe
@access.permission(permissions.MERGE)
def duplicate_queue(request: AgentRequest) -> HttpResponse:
    """The surest pair that waits for a look, or the one in the address, between its neighbours."""
    return _queue(request, wanted=comparing.number(request.GET.get("pair", "")))


@require_POST
@access.permission(permissions.MERGE)
def duplicate_merge(request: AgentRequest, pair_id: int) -> HttpResponse:
    """Let one of the pair go into the other, which `survivor` names."""
    row = _pair_or_404(request, pair_id)
    survivor_id = comparing.number(request.POST.get("survivor", ""))
    if survivor_id not in {row.low_id, row.high_id}:
        return _say(request, row, _("Choose who stays."), level="error")
    gone = row.low_id if survivor_id == row.high_id else row.high_id
    try:
        taking = comparing.taken_from(request.POST, profile_id=gone)
        done = services.merge(gone, into=survivor_id, by=request.user, taking=taking)
    except DomainError as refusal:
        return _say(request, row, refusal.message, level="error")
    undo_url = reverse("profiles:merge-undo", args=[done.pk])
    return _say(request, row, _("The two are one customer now."), undo_url=undo_url)


@require_POST
@access.permission(permissions.MERGE)
def duplicate_different(request: AgentRequest, pair_id: int) -> HttpResponse:
    """These are two people; remembered."""
    return _decide(request, pair_id, services.decide_different, _("Remembered: two people."))


@require_POST
@access.permission(permissions.MERGE)
def duplicate_later(request: AgentRequest, pair_id: int) -> HttpResponse:
    """Ask again in a month."""
    return _decide(request, pair_id, services.decide_later, _("We ask again in a month."))


@require_POST
@access.permission(permissions.MERGE)
def duplicate_reopen(request: AgentRequest, pair_id: int) -> HttpResponse:
    """Take a decision back."""
    row = _pair_or_404(request, pair_id)
    services.reopen(pair_id, by=request.user)
    response = _say(request, row, _("The pair is back in the queue."))
    if request.headers.get("HX-Request"):
        response["HX-Redirect"] = f"{reverse('profiles:duplicate-queue')}?pair={pair_id}"
    return response


def _decide(
    request: AgentRequest, pair_id: int, service: Callable[..., None], text: str
) -> HttpResponse:
    row = _pair_or_404(request, pair_id)
    service(pair_id, by=request.user)
    return _say(request, row, text, undo_url=reverse("profiles:duplicate-reopen", args=[pair_id]))


def _say(
    request: AgentRequest,
    row: DuplicatePair,
    text: str,
    *,
    level: str = "success",
    undo_url: str = "",
) -> HttpResponse:
    """The next pair with a word about the last one."""
    if not request.headers.get("HX-Request"):
        messages.add_message(
            request, messages.ERROR if level == "error" else messages.SUCCESS, text
        )
        return redirect("profiles:duplicate-queue")
    wanted = row.pk if level == "error" else comparing.number(request.GET.get("next", ""))
    response = _queue(request, wanted=wanted)
    response.render()
    return toast(response, text, level=level, undo_url=undo_url)


def _queue(request: AgentRequest, *, wanted: int | None) -> TemplateResponse:
    shop_ids = sorted(company.shop_ids(request.user, permissions.MERGE))
    waiting = duplicates.queue(shop_ids, at=now())
    at = waiting.index(wanted) if wanted in waiting else 0
    shown, compared = None, None
    if waiting:
        shown = waiting[at]
        try:
            compared = comparing.in_words(duplicates.pair(shown, shop_ids=shop_ids))
        except DuplicatePair.DoesNotExist:
            compared = None
    context = {
        "compared": compared,
        "pair_id": shown,
        "count": len(waiting),
        "position": at + 1,
        "previous": waiting[at - 1] if at else None,
        "next": waiting[at + 1] if at + 1 < len(waiting) else None,
    }
    return render_page(request, PAGE, context, partials=PARTIALS)


def _pair_or_404(request: AgentRequest, pair_id: int) -> DuplicatePair:
    """The pair, if the agent may merge in shops that know both."""
    shop_ids = company.shop_ids(request.user, permissions.MERGE)
    row = DuplicatePair.objects.filter(pk=pair_id).first() if pair_id < comparing.TOO_BIG else None
    if row is None or not comparing.may_merge((row.low_id, row.high_id), shop_ids):
        raise Http404
    return row
