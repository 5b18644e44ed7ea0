"""Segments and lists: all of them, and one with its members, its history and its reasons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils.timezone import localdate, now
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from company import queries as company
from ecrm.kernel import access
from ecrm.kernel.errors import DomainError
from ecrm.kernel.htmx import render_page
from profiles import permissions, queries
from profiles.models import Segment
from profiles.queries import segments as reading
from profiles.queries import segments_compiling as compiling
from profiles.services import segments as editing
from profiles.services import segments_lists as lists
from profiles.web import segments_words as words

if TYPE_CHECKING:
    from company.types import Agent, AgentRequest

MEMBERS_SHOWN = 20
MOST_TYPED = 1000
TALLEST = 30


@require_safe
@access.permission(permissions.VIEW_SEGMENT)
def segment_list(request: AgentRequest) -> HttpResponse:
    """Every segment and list the agent may see, by name; htmx gets the rows."""
    rows = list(reading.for_list(request.user))
    context = {
        "segments": rows,
        "is_computing": any(row.state == Segment.State.COMPUTING for row in rows),
        "may_manage": request.user.has_perm(permissions.MANAGE_SEGMENT),
        "drifted": sum(1 for row in rows if row.drift),
    }
    return render_page(request, "profiles/segments.html", context, partials={"segments": "rows"})


@require_safe
@access.permission(permissions.VIEW_SEGMENT)
def segment_page(request: AgentRequest, segment_id: int) -> HttpResponse:
    """One segment: rules, latest members, entries and exits, and why somebody is in it."""
    row = segment_or_404(request.user, segment_id)
    shop_ids = _shops_in_sight(request.user, row)
    known = compiling.known(row)
    others = compiling.library()
    names = {item.id: item.name for item in others.values()}
    days = reading.days_of(row, until=localdate())
    changes = reading.changes_of(row, shop_ids=shop_ids, limit=MEMBERS_SHOWN)
    context = {
        "segment": row,
        "rules": words.lines_of(known, names=names),
        "members": _cards(row, shop_ids),
        "bars": _bars(days),
        "changes": _changes(changes, shop_ids),
        "versions": reading.versions_of(row),
        "audits": reading.audits_of(row, limit=5),
        "users": reading.users_of(row),
        "may_manage": may_manage(request.user, row),
        **_why(request, row, known, others, shop_ids),
    }
    partials = {"segment-state": "state", "segment-why": "why"}
    return render_page(request, "profiles/segment_page.html", context, partials=partials)


def _why(
    request: AgentRequest,
    row: Segment,
    known: compiling.Known,
    others: compiling.Library,
    shop_ids: frozenset[int],
) -> dict[str, Any]:
    """Who was asked about: named by `customer`, or found by `q`."""
    typed = request.GET.get("q", "").strip()[:100]
    profile_id = _number(request.GET.get("customer", ""))
    found: dict[str, Any] = {"why_words": typed, "why": None, "why_hits": []}
    if profile_id is not None and queries.is_known_to(profile_id, shop_ids):
        names = {item.id: item.name for item in others.values()}
        reasons = compiling.reasons(known, profile_id, at=now(), others=others)
        found["why"] = {
            "card": queries.card(profile_id, shop_ids=shop_ids),
            "since": reading.since(row, profile_id),
            "line": words.lines_of(known, reasons, names=names),
        }
    elif typed:
        found["why_hits"] = queries.best_matches(typed, shop_ids=shop_ids, limit=6)
    return found


@require_POST
@access.permission(permissions.MANAGE_SEGMENT)
def segment_duplicate(request: AgentRequest, segment_id: int) -> HttpResponse:
    """A copy, opened to be changed."""
    row = managed_or_404(request.user, segment_id)
    try:
        copy = editing.duplicate_segment(row.pk, by=request.user)
    except DomainError as refusal:
        messages.error(request, refusal.message)
        return redirect("profiles:segment-page", row.pk)
    messages.success(request, _("This is the copy."))
    return redirect("profiles:segment-edit", copy.pk)


@require_POST
@access.permission(permissions.MANAGE_SEGMENT)
def segment_archive(request: AgentRequest, segment_id: int) -> HttpResponse:
    """Put it away."""
    row = managed_or_404(request.user, segment_id)
    try:
        editing.archive_segment(row.pk, by=request.user)
    except DomainError as refusal:
        messages.error(request, refusal.message)
        return redirect("profiles:segment-page", row.pk)
    messages.success(request, _("“%(name)s” was put away.") % {"name": row.name})
    return redirect("profiles:segment-list")


@require_POST
@access.permission(permissions.MANAGE_SEGMENT)
def segment_recompute(request: AgentRequest, segment_id: int) -> HttpResponse:
    """Compute the members anew."""
    row = managed_or_404(request.user, segment_id)
    editing.recompute_segment(row.pk, by=request.user)
    return redirect("profiles:segment-page", row.pk)


@require_POST
@access.permission(permissions.MANAGE_SEGMENT)
def segment_accept(request: AgentRequest, segment_id: int) -> HttpResponse:
    """Somebody has looked at what the nightly check found."""
    row = managed_or_404(request.user, segment_id)
    editing.accept_difference(row.pk, by=request.user)
    messages.success(request, _("The warning is gone; the check stays below."))
    return redirect("profiles:segment-page", row.pk)


@require_POST
@access.permission(permissions.MANAGE_SEGMENT)
def segment_add(request: AgentRequest, segment_id: int) -> HttpResponse:
    """Put customers on a list: e-mail addresses or customer numbers, one per line."""
    row = managed_or_404(request.user, segment_id)
    typed = request.POST.get("customers", "").replace(",", "\n").replace(";", "\n").split()
    shop_ids = _shops_in_sight(request.user, row)
    found = [(entry, _customer(entry, shop_ids)) for entry in typed[:MOST_TYPED]]
    known = [profile_id for _entry, profile_id in found if profile_id is not None]
    unknown = [entry for entry, profile_id in found if profile_id is None]
    try:
        added = lists.add_to_list(row.pk, profile_ids=known, by=request.user)
    except DomainError as refusal:
        messages.error(request, refusal.message)
        return redirect("profiles:segment-page", row.pk)
    text = ngettext("%(number)s customer is new here.", "%(number)s customers are new here.", added)
    messages.success(request, text % {"number": added})
    if unknown:
        shown = ", ".join(unknown[:5])
        messages.warning(request, _("Nobody is known as: %(entries)s") % {"entries": shown})
    return redirect("profiles:segment-page", row.pk)


@require_POST
@access.permission(permissions.MANAGE_SEGMENT)
def segment_remove(request: AgentRequest, segment_id: int) -> HttpResponse:
    """Take one customer off a list."""
    row = managed_or_404(request.user, segment_id)
    profile_id = _number(request.POST.get("customer", ""))
    shop_ids = _shops_in_sight(request.user, row)
    if profile_id is None or not queries.is_known_to(profile_id, shop_ids):
        messages.error(request, _("There is no such customer."))
        return redirect("profiles:segment-page", row.pk)
    try:
        lists.remove_from_list(row.pk, profile_ids=[profile_id], by=request.user)
    except DomainError as refusal:
        messages.error(request, refusal.message)
    return redirect("profiles:segment-page", row.pk)


def segment_or_404(agent: Agent, segment_id: int) -> Segment:
    """A segment the agent may see."""
    return _one_or_404(agent, segment_id, permissions.VIEW_SEGMENT)


def managed_or_404(agent: Agent, segment_id: int) -> Segment:
    """A segment the agent may change."""
    return _one_or_404(agent, segment_id, permissions.MANAGE_SEGMENT)


def may_manage(agent: Agent, row: Segment) -> bool:
    """Whether the agent may change this segment."""
    return company.may(agent, permissions.MANAGE_SEGMENT, shop_id=row.shop_id)


def _one_or_404(agent: Agent, segment_id: int, code: str) -> Segment:
    rows = reading.visible_segments(agent, code=code).select_related("shop")
    row = rows.filter(pk=segment_id).first() if segment_id < 2**63 else None
    if row is None:
        raise Http404
    return row


def _shops_in_sight(agent: Agent, row: Segment) -> frozenset[int]:
    """The shops whose customers of this segment the agent may see."""
    shop_ids = company.shop_ids(agent, permissions.VIEW)
    return shop_ids & {row.shop_id} if row.shop_id else shop_ids


def _cards(row: Segment, shop_ids: frozenset[int]) -> list[Any]:
    profiles = reading.newest_members(row, shop_ids=shop_ids, limit=MEMBERS_SHOWN)
    return list(queries.cards_of(profiles, shop_ids=shop_ids).values())


def _bars(days: Sequence[reading.Day]) -> list[dict[str, Any]]:
    """Entries upwards and exits downwards, a bar for each day; nothing when nobody moved."""
    most = max((max(day.entered, day.left) for day in days), default=0)
    if not most:
        return []
    return [
        {
            "day": day.day,
            "entered": day.entered,
            "left": day.left,
            "x": number * 10 + 1,
            "in_y": TALLEST - _height(day.entered, most),
            "in_height": _height(day.entered, most),
            "out_height": _height(day.left, most),
        }
        for number, day in enumerate(days)
    ]


def _height(number: int, most: int) -> int:
    """At least a sliver for whoever moved at all."""
    return max(2, number * TALLEST // most) if number else 0


def _changes(changes: Any, shop_ids: frozenset[int]) -> list[dict[str, Any]]:
    cards = queries.cards([change.profile_id for change in changes], shop_ids=shop_ids)
    return [
        {"card": cards[change.profile_id], "change": change}
        for change in changes
        if change.profile_id in cards
    ]


def _customer(entry: str, shop_ids: frozenset[int]) -> int | None:
    """The customer behind an address or a number somebody typed, if the agent may see him."""
    number = _number(entry)
    profile_id = number if number is not None else queries.find_by_email(entry)
    if profile_id is None or not queries.is_known_to(profile_id, shop_ids):
        return None
    return profile_id


def _number(text: str) -> int | None:
    is_number = text.isascii() and text.isdigit() and len(text) <= permissions.MOST_DIGITS
    return int(text) if is_number else None
