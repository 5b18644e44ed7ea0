"""The public page on which a customer chooses what he receives, and the one-click target beside it.

The signed link is the right to choose: there is no session to protect, and mail programs that unsubscribe
their user (RFC 8058) have neither cookie nor CSRF token. Opening a link never changes anything.
"""

from __future__ import annotations

from allauth.core.internal.httpkit import get_client_ip
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from ecrm.kernel import access
from ecrm.kernel.htmx import render_page
from messaging.services import preferences


@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@access.public
def preferences_page(request: HttpRequest, token: str) -> HttpResponse:
    """Each thing a customer may allow, as it stands; saving it says so and shows it again."""
    try:
        person = preferences.recipient(token)
    except preferences.UnknownLink:
        return _gone(request)
    with translation.override(person.language):
        is_saved = request.method == "POST"
        if is_saved:
            wanted = {name: name in request.POST for name in preferences.NAMES}
            if "nothing" in request.POST:
                wanted = dict.fromkeys(wanted, False)
            preferences.choose(token, wanted=wanted, ip=get_client_ip(request))
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
    except preferences.UnknownLink:
        return _gone(request)
    with translation.override(person.language):
        return _page(request, person, is_saved=request.method == "POST")


def _page(request: HttpRequest, person: preferences.Recipient, *, is_saved: bool) -> HttpResponse:
    context = {
        "person": person,
        "shop": person.shop,
        "choices": preferences.choices(person),
        "is_saved": is_saved,
        "page_url": preferences_url(request),
    }
    return render_page(request, "messaging/preferences.html", context).render()


def preferences_url(request: HttpRequest) -> str:
    """The page's own address, also when the one-click target is open."""
    return request.path.removesuffix("one-click/")


def _gone(request: HttpRequest) -> HttpResponse:
    return render_page(request, "messaging/preferences.html", {}, status=404)
