"""Merging from a customer's page, its history, and the way back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from company import queries as company
from ecrm.kernel import access
from ecrm.kernel.errors import DomainError
from ecrm.kernel.htmx import render_page
from profiles import permissions, queries, services
from profiles.models import DuplicatePair, Merge
from profiles.queries import duplicates
from profiles.web import comparing

if TYPE_CHECKING:
    from company.types import AgentRequest

FOUND = 8


@require_http_methods(["GET", "HEAD", "POST"])
@access.permission(permissions.MERGE)
def profile_merge(request: AgentRequest, profile_id: int) -> HttpResponse:
    """Find the other customer, look at both, merge; below, what was merged before."""
    shop_ids = company.shop_ids(request.user, permissions.MERGE)
    if profile_id >= comparing.TOO_BIG or not queries.is_known_to(profile_id, shop_ids):
        raise Http404
    other_id = comparing.number((request.POST or request.GET).get("other", ""))
    if other_id is not None and not comparing.may_merge([other_id], shop_ids):
        raise Http404
    if request.method == "POST" and other_id is not None:
        return _merge(request, profile_id, other_id)
    words = request.GET.get("q", "").strip()[:100]
    context: dict[str, Any] = {
        "customer": queries.card(profile_id, shop_ids=shop_ids),
        "words": words,
        "hits": _hits(words, profile_id, sorted(shop_ids)) if words and not other_id else [],
        "compared": _compared(profile_id, other_id, sorted(shop_ids)),
        "other_id": other_id,
        "merges": queries.merges_of(profile_id),
    }
    return render_page(
        request, "profiles/profile_merge.html", context, partials={"merge-hits": "hits"}
    )


@require_POST
@access.permission(permissions.MERGE)
def merge_undo(request: AgentRequest, merge_id: int) -> HttpResponse:
    """Take a merge back and show who lives again."""
    row = Merge.objects.filter(pk=merge_id).first() if merge_id < comparing.TOO_BIG else None
    shop_ids = company.shop_ids(request.user, permissions.MERGE)
    if row is None or not comparing.may_merge([queries.survivor(row.survivor_id)], shop_ids):
        raise Http404
    try:
        services.undo_merge(merge_id, by=request.user)
    except DomainError as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(request, _("The two are two customers again."))
    url = reverse("profiles:profile-page", args=[row.merged_id])
    if request.headers.get("HX-Request"):
        return HttpResponse(status=204, headers={"HX-Redirect": url})
    return redirect(url)


def _merge(request: AgentRequest, profile_id: int, other_id: int) -> HttpResponse:
    survivor_id = comparing.number(request.POST.get("survivor", ""))
    if survivor_id not in {profile_id, other_id}:
        messages.error(request, _("Choose who stays."))
        back = reverse("profiles:profile-merge", args=[profile_id])
        return redirect(f"{back}?other={other_id}")
    gone = other_id if survivor_id == profile_id else profile_id
    try:
        taking = comparing.taken_from(request.POST, profile_id=gone)
        services.merge(gone, into=survivor_id, by=request.user, taking=taking)
    except DomainError as refusal:
        messages.error(request, refusal.message)
        return redirect("profiles:profile-merge", profile_id)
    messages.success(request, _("The two are one customer now. You can undo it here at any time."))
    return redirect("profiles:profile-merge", survivor_id)


def _hits(words: str, profile_id: int, shop_ids: list[int]) -> list[Any]:
    found = queries.best_matches(words, shop_ids=shop_ids, limit=FOUND + 1)
    return [card for card in found if card.id != profile_id][:FOUND]


def _compared(
    profile_id: int, other_id: int | None, shop_ids: list[int]
) -> comparing.Compared | None:
    if other_id is None or other_id == profile_id:
        return None
    try:
        view = duplicates.view_of([profile_id, other_id], shop_ids=shop_ids)
    except DuplicatePair.DoesNotExist as gone:
        raise Http404 from gone
    return comparing.in_words(view)
