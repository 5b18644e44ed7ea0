"""The doors for webhooks of mail providers, mounted at /hooks/esp/."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from ecrm.kernel import access
from messaging.mime import limits
from messaging.services import provider_calls
from messaging.transports import providers

if TYPE_CHECKING:
    from messaging.transports.provider_views import Kind

LARGEST: Final = 60 * limits.MEBIBYTE
"""A mail of the greatest size in base64, and what a provider says about it."""


@access.public
@csrf_exempt
@require_http_methods(["POST", "HEAD", "GET"])
def provider_call(request: HttpRequest, provider: str, kind: str) -> HttpResponse:
    """Keep what a provider tells us; 401 when it cannot prove that it is the provider.

    What it says is understood later, and parked when it cannot be: a genuine call is never refused.
    """
    if not providers.reads(provider, kind=kind):
        raise Http404
    if request.method == "GET" and not providers.asks_by_get(provider):
        return HttpResponseNotAllowed(["POST", "HEAD"])
    if request.method != "POST":  # some providers look whether somebody is at home
        return HttpResponse()
    body = request.read(LARGEST + 1)
    if len(body) > LARGEST:
        return HttpResponse(status=413)
    content_type = request.META.get("CONTENT_TYPE", "")
    posted = providers.Posted(
        body=body,
        content_type=content_type,
        headers=request.META,
        url=f"{settings.ECRM_BASE_URL.rstrip('/')}{request.path}",
    )
    is_genuine = providers.is_genuine(
        posted,
        provider=provider,
        kind=cast("Kind", kind),
        secrets=settings.ECRM_ESP_SECRETS,
        keys=settings.ECRM_ESP_KEYS,
    )
    if not is_genuine:
        return HttpResponse(status=401, headers={"WWW-Authenticate": "Basic"})
    provider_calls.keep(body, provider=provider, kind=kind, content_type=content_type)
    return HttpResponse()
