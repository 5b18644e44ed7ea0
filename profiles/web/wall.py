"""The wall: what happens with all customers, and what colleagues say about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.timezone import localdate
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from company import queries as company
from ecrm.kernel import access
from ecrm.kernel.errors import DomainError
from ecrm.kernel.htmx import render_page, toast
from profiles import permissions
from profiles.models import WallComment
from profiles.queries import timelines
from profiles.queries import wall as reads
from profiles.services import wall
from profiles.web.cursors import cursor_of, position_of
from profiles.web.days import by_days

if TYPE_CHECKING:
    from collections.abc import Callable

    from company.types import Agent, AgentRequest, ShopInfo

FACTS = 40
UNPROCESSABLE = 422
# Whatever is hinted there may stand on the wall.
_TOPICS = ("wall", "orders", "tickets", "profiles")


@require_safe
@access.permission(permissions.VIEW)
def wall_page(request: AgentRequest) -> HttpResponse:
    """The stream, narrowed by kind and shop; htmx gets its rows, or the earlier ones."""
    agent = request.user
    shops = _shops(agent)
    kinds = {k: v for k, v in timelines.kinds_for(agent).items() if k != timelines.DEEDS}
    kind = request.GET.get("kind", "")
    kind = kind if kind in kinds else ""
    chosen = next((s for s in shops if s.slug == request.GET.get("shop", "")), None)
    before = position_of(request.GET.get("before", ""))
    page = reads.wall_page(
        agent, kind=kind, shop_id=chosen.id if chosen else None, before=before, limit=FACTS
    )
    context = {
        "days": by_days(
            page.entries,
            at=lambda entry: entry.fact.occurred_at,
            after=localdate(before[0]) if before else None,
        ),
        "next": cursor_of(page.next),
        "is_from_start": before is None,
        "kinds": sorted(kinds.items(), key=lambda item: item[1]),
        "kind": kind,
        "shops": shops,
        "shop": chosen.slug if chosen else "",
        "shop_names": {s.id: s for s in shops} if len(shops) > 1 else {},
        "topics": " ".join(f"{topic}:shop:{s.id}" for s in shops for topic in _TOPICS),
        **_writing(agent),
    }
    partials = {"wall": "stream", "wall-more": "more"}
    return render_page(request, "profiles/wall.html", context, partials=partials)


@require_POST
@access.permission(permissions.WRITE_NOTE)
def comment_write(request: AgentRequest, fact_id: int) -> HttpResponse:
    """Say something under a fact, and show the fact with it."""
    if fact_id >= 2**63 or not reads.facts_for(request.user).filter(pk=fact_id).exists():
        raise Http404
    text, error = request.POST.get("text", ""), ""
    try:
        wall.comment(fact_id, text=text, by=request.user)
    except DomainError as refusal:
        error = refusal.message
    if not request.headers.get("HX-Request"):
        if error:
            messages.error(request, error)
        return redirect("profiles:wall")
    return _entry(request, fact_id, text=text if error else "", error=error)


@require_POST
@access.permission(permissions.WRITE_NOTE)
def comment_remove(request: AgentRequest, comment_id: int) -> HttpResponse:
    """Take an own comment away; the answer offers to bring it back."""
    undo = reverse("profiles:comment-restore", args=[comment_id])
    return _settled(request, comment_id, wall.remove_comment, _("The comment was removed."), undo)


@require_POST
@access.permission(permissions.WRITE_NOTE)
def comment_restore(request: AgentRequest, comment_id: int) -> HttpResponse:
    """Bring an own comment back."""
    return _settled(request, comment_id, wall.restore_comment, _("The comment is back."), "")


def _settled(
    request: AgentRequest,
    comment_id: int,
    change: Callable[..., WallComment],
    said: str,
    undo: str,
) -> HttpResponse:
    try:
        change(comment_id, by=request.user)
    except (WallComment.DoesNotExist, DomainError, OverflowError) as refusal:
        raise Http404 from refusal
    if not request.headers.get("HX-Request"):
        messages.success(request, said)
        return redirect("profiles:wall")
    answer = HttpResponse(status=204)
    return toast(answer, said, undo_url=undo, undo_label=_("Undo") if undo else "")


def _entry(request: AgentRequest, fact_id: int, *, text: str, error: str) -> HttpResponse:
    entry = reads.wall_entry(request.user, fact_id)
    if entry is None:
        raise Http404
    shops = _shops(request.user)
    context = {
        "entry": entry,
        "shop_names": {s.id: s for s in shops} if len(shops) > 1 else {},
        "text": text,
        "error": error,
        "is_open": bool(error),
        **_writing(request.user),
    }
    status = UNPROCESSABLE if error else 200
    return render_page(request, "profiles/_wall_entry.html", context, status=status)


def _writing(agent: Agent) -> dict[str, Any]:
    return {"agent_id": agent.pk, "writable": company.shop_ids(agent, permissions.WRITE_NOTE)}


def _shops(agent: Agent) -> list[ShopInfo]:
    allowed = company.shop_ids(agent, permissions.VIEW)
    return [shop for shop in company.shops_for(agent) if shop.id in allowed]
