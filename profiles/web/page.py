"""The customer's page, its side panel and its timeline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.http import Http404
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html
from django.utils.timezone import localdate
from django.views.decorators.http import require_safe

from company import queries as company
from ecrm.kernel import access
from ecrm.kernel.htmx import render_page
from ecrm.kernel.prepared import asked_once
from profiles import extensions, permissions, queries, rules
from profiles.queries import overview as overviews
from profiles.queries import privacy, timelines
from profiles.web import mood, notes, words
from profiles.web.cursors import cursor_of, position_of
from profiles.web.days import by_days

if TYPE_CHECKING:
    from django.http import HttpResponse
    from django.utils.safestring import SafeString

    from company.types import Agent, AgentRequest, ShopInfo
    from profiles.models import PrivacyRequest
    from profiles.types import TimelineEntry

FACTS_PER_PAGE = 30
FACTS_IN_PANEL = 8
MOST_FACTS = 300
MOST_DIGITS = 18
VERIFIABLE = (rules.EMAIL, rules.PHONE)


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadedPanel:
    """A contributed box, already in HTML."""

    key: str
    title: str
    html: SafeString


@dataclass(frozen=True, kw_only=True, slots=True)
class Days:
    """A page of the timeline by days; `shown` counts the facts from the newest one on."""

    days: list[tuple[str, list[TimelineEntry]]]
    next: str
    shown: int


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownBy:
    """A shop of the customer in words."""

    shop: ShopInfo
    since: datetime
    accepts_marketing: bool | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ContactLine:
    """An identifier in words; `url` writes or calls, `shop` says whose customer id it is.

    `verify_url` is where an agent marks it as verified; empty where nobody proves anything by it.
    """

    label: str
    text: str
    url: str
    shop: str
    is_key: bool
    is_verified: bool
    verify_url: str


@require_safe
@access.permission(permissions.VIEW)
def profile_page(request: AgentRequest, profile_id: int) -> HttpResponse:
    """One customer whole; htmx gets the side panel, or the body after news or another filter."""
    agent = request.user
    known_to = frozenset(queries.shops_of(profile_id) if profile_id < 2**63 else [])
    shop_ids = company.shop_ids(agent, permissions.VIEW)
    if known_to.isdisjoint(shop_ids):
        erasure = privacy.erasure_of(profile_id, shop_ids=shop_ids) if not known_to else None
        if erasure is not None:
            return _erased(request, erasure)
        return redirect("profiles:profile-page", _moved_to(agent, profile_id))
    is_panel = request.headers.get("HX-Target") == "panel"
    shown = FACTS_IN_PANEL if is_panel else _number(request, "shown") or FACTS_PER_PAGE
    with asked_once():
        context = _customer(profile_id, shop_ids) | {
            "panels": _panels(profile_id, agent),
            "feeling": mood.feeling_of(profile_id, agent),
            "stats": mood.stats_of(profile_id, agent),
            "noted": notes.section(agent, profile_id, shop_ids),
            "may_merge": not known_to.isdisjoint(company.shop_ids(agent, permissions.MERGE)),
            "may_export": not shop_ids.isdisjoint(company.shop_ids(agent, permissions.EXPORT)),
            "may_change": not known_to.isdisjoint(company.shop_ids(agent, permissions.CHANGE)),
            **_timeline(request, profile_id, limit=min(shown, MOST_FACTS)),
        }
    partials = {"panel": "panel", "customer": "body"}
    return render_page(request, "profiles/profile_page.html", context, partials=partials)


@require_safe
@access.permission(permissions.VIEW)
def profile_timeline(request: AgentRequest, profile_id: int) -> HttpResponse:
    """Earlier facts, for a page that shows the later ones."""
    visible_shops(request.user, profile_id)
    context = _timeline(request, profile_id, limit=FACTS_PER_PAGE)
    return render_page(request, "profiles/_facts.html", context | {"profile_id": profile_id})


def _erased(request: AgentRequest, erasure: PrivacyRequest) -> HttpResponse:
    """Nothing is left to show but that it was done, and the proof for who may see it."""
    context = {"row": erasure, "may_export": request.user.has_perm(permissions.EXPORT)}
    return render_page(request, "profiles/privacy/erased.html", context, status=410)


def _moved_to(agent: Agent, profile_id: int) -> int:
    """The customer into whom this one went; 404 unless the agent may see him."""
    target = queries.survivor(profile_id) if profile_id < 2**63 else profile_id
    if target == profile_id or not permissions.may_see(agent, target):
        raise Http404
    return target


def visible_shops(agent: Agent, profile_id: int) -> frozenset[int]:
    """The shops in whose name the agent looks; 404 when none of them knows the customer."""
    shop_ids = company.shop_ids(agent, permissions.VIEW)
    if profile_id >= 2**63 or not queries.is_known_to(profile_id, shop_ids):
        raise Http404
    return shop_ids


def _customer(profile_id: int, shop_ids: frozenset[int]) -> dict[str, Any]:
    found = overviews.overview(profile_id, shop_ids=shop_ids)
    return {
        "overview": found,
        "customer": found.card,
        "place": words.place(found.card.city, found.card.country),
        "language": words.language(found.card.locale),
        "shops": [
            KnownBy(
                shop=company.shop(known.shop_id),
                since=known.since,
                accepts_marketing=known.accepts_marketing,
            )
            for known in found.shops
        ],
        "contact": _contact_lines(found.identifiers),
    }


def _contact_lines(rows: Sequence[overviews.IdentifierRow]) -> list[ContactLine]:
    """Identifiers in words; customer ids name their shop where there are several."""
    names_shop = len({row.shop_id for row in rows if row.shop_id}) > 1
    return [_contact_line(row, names_shop=names_shop) for row in rows]


def _contact_line(row: overviews.IdentifierRow, *, names_shop: bool) -> ContactLine:
    schemes = {rules.EMAIL: "mailto:", rules.PHONE: "tel:"}
    return ContactLine(
        label=row.kind_label,
        text=words.telephone(row.value) if row.kind == rules.PHONE else _breakable(row.value),
        url=f"{schemes[row.kind]}{row.value}" if row.kind in schemes else "",
        shop=company.shop(row.shop_id).name if row.shop_id and names_shop else "",
        is_key=row.is_key,
        is_verified=row.is_verified,
        verify_url=_verify_url(row),
    )


def _verify_url(row: overviews.IdentifierRow) -> str:
    if row.kind not in VERIFIABLE or row.is_verified or not row.is_key:
        return ""
    return reverse("profiles:identifier-verify", args=[row.id])


def _breakable(address: str) -> SafeString:
    """The text, which a narrow column may break before its @ sign."""
    name, at_sign, host = address.partition("@")
    return format_html("{}<wbr>{}{}", name, at_sign, host) if at_sign else format_html("{}", name)


def _panels(profile_id: int, agent: Agent) -> list[LoadedPanel]:
    """The contributed boxes this agent may see and which have something to show."""
    allowed = [panel for panel in extensions.panels.all() if agent.has_perm(panel.permission)]
    loaded = [(p, p.load(profile_id, agent)) for p in sorted(allowed, key=lambda p: p.order)]
    return [
        LoadedPanel(key=p.key, title=str(p.title), html=render_to_string(p.template, content))
        for p, content in loaded
        if content
    ]


def _timeline(request: AgentRequest, profile_id: int, *, limit: int) -> dict[str, Any]:
    kinds = timelines.kinds_for(request.user)
    kind = request.GET.get("kind", "")
    kind = kind if kind in kinds else ""
    before = position_of(request.GET.get("before", ""))
    page = timelines.timeline_for(
        request.user, profile_id=profile_id, kind=kind, before=before, limit=limit
    )
    already = (_number(request, "shown") or 0) if before else 0
    return {
        "kind": kind,
        "kinds": sorted(kinds.items(), key=lambda item: item[1]),
        "is_from_start": before is None,
        "timeline": Days(
            days=by_days(
                page.entries,
                at=lambda entry: entry.occurred_at,
                after=localdate(before[0]) if before else None,
            ),
            next=cursor_of(page.next),
            shown=already + len(page.entries),
        ),
    }


def _number(request: AgentRequest, name: str) -> int | None:
    text = request.GET.get(name, "")
    return int(text) if _is_number(text) else None


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS
