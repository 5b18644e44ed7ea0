"""The page behind the link by which a customer confirms what he allows."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from allauth.core.internal.httpkit import get_client_ip
from django.utils import translation
from django.views.decorators.http import require_http_methods

from company import queries as company
from ecrm.kernel import access
from ecrm.kernel.htmx import render_page
from profiles.queries import consents as queries
from profiles.services import consents

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

PAGE = "profiles/consent_confirm.html"


@require_http_methods(["GET", "HEAD", "POST"])
@access.public
def consent_confirm(request: HttpRequest, token: str) -> HttpResponse:
    """What is asked, with one button; opening the link alone (as mail scanners do) says nothing.

    Who confirmed before and opens it again is thanked again.
    """
    if request.method == "POST":
        with suppress(consents.NothingToConfirm):
            consents.confirm(token, ip=get_client_ip(request))
    entry_id = queries.entry_of(token) or 0
    asked = queries.asked(entry_id)
    found = asked or queries.confirmed(entry_id)
    if found is None:
        return render_page(request, PAGE, {}, status=404)
    return _page(request, found, is_done=asked is None)


def _page(request: HttpRequest, asked: queries.Asked, *, is_done: bool) -> HttpResponse:
    shop = company.shop(asked.shop_id)
    with translation.override(_language(asked.language, shop.languages, shop.default_language)):
        context = {"asked": asked, "shop": shop, "is_done": is_done}
        return render_page(request, PAGE, context).render()


def _language(locale: str, spoken: tuple[str, ...], default: str) -> str:
    language = locale.partition("-")[0].lower()
    return language if language in spoken else default
