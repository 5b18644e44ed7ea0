"""The public page on which a customer chooses what he receives, and the one-click target beside it.

The signed link is the right to choose: there is no session to protect, and mail programs that unsubscribe
their user (RFC 8058) have neither cookie nor CSRF token. Opening a link never changes anything.
"""

from __future__ import annotations

from typing import Any, Final

from allauth.core.internal.httpkit import get_client_ip
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils import translation
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from ecrm.kernel import access
from ecrm.kernel.htmx import render_page
from messaging.services import preferences

PACE_NAMES: Final = {
    "0": _("Everything"),
    "7": _("At most once a week"),
    "30": _("At most once a month"),
}
"""How often he may want marketing, by days (services/wishes.py)."""


@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@access.public
def preferences_page(request: HttpRequest, token: str) -> HttpResponse:
    """Each thing a customer may allow, as it stands; saving it says so and shows it again."""
    try:
        person = preferences.recipient(token)
    except preferences.ForgottenLink:
        return _forgotten(request)
    except preferences.UnknownLink:
        return _gone(request)
    with translation.override(person.language):
        is_saved = request.method == "POST"
        if is_saved:
            preferences.choose(token, **_chosen(request.POST), ip=get_client_ip(request))
        return _page(request, person, is_saved=is_saved)


@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@access.public
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """A POST unsubscribes at once and says so without a redirect; a GET shows the page that asks."""
    try:
        if request.method == "POST":
            preferences.unsubscribe(token, ip=get_client_ip(request))
        person = preferences.recipient(token)
    except preferences.ForgottenLink:
        return _forgotten(request)
    except preferences.UnknownLink:
        return _gone(request)
    with translation.override(person.language):
        return _page(request, person, is_saved=request.method == "POST")


def _chosen(given: QueryDict) -> dict[str, Any]:
    """What the form says. Only topics it showed are chosen: one that came up since is left alone."""
    if "nothing" in given:
        return {"wanted": dict.fromkeys(preferences.NAMES, False)}
    shown, ticked = given.getlist("shown"), set(given.getlist("topics"))
    days = given.get("days", "")
    return {
        "wanted": {name: name in given for name in preferences.NAMES},
        "topics": {code: code in ticked for code in shown},
        "days": int(days) if days in PACE_NAMES else None,
    }


def _page(request: HttpRequest, person: preferences.Recipient, *, is_saved: bool) -> HttpResponse:
    wishes = preferences.wishes_of(person)
    context = {
        "person": person,
        "shop": person.shop,
        "choices": preferences.choices(person),
        "topics": wishes.topics,
        "paces": _paces(wishes.days),
        "is_saved": is_saved,
        "page_url": preferences_url(request),
    }
    return render_page(request, "messaging/preferences.html", context).render()


def _paces(days: int | None) -> list[dict[str, Any]]:
    if days is None:
        return []
    return [
        {"days": value, "label": label, "is_chosen": int(value) == days}
        for value, label in PACE_NAMES.items()
    ]


def preferences_url(request: HttpRequest) -> str:
    """The page's own address, also when the one-click target is open."""
    return request.path.removesuffix("one-click/")


def _forgotten(request: HttpRequest) -> HttpResponse:
    """Whoever unsubscribes from what nobody sends any more has got what he wants."""
    return render_page(request, "messaging/preferences.html", {"is_forgotten": True}).render()


def _gone(request: HttpRequest) -> HttpResponse:
    return render_page(request, "messaging/preferences.html", {}, status=404)
