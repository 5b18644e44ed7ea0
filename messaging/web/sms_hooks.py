"""The door for webhooks of SMS providers, mounted at /hooks/sms/."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl, urlencode

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from ecrm.kernel import access, crypto
from messaging.models import ProviderCall, SmsAccount
from messaging.queries import sms
from messaging.services import provider_calls, sms_accounts
from messaging.transports.sms import registry
from messaging.transports.sms.parts import Posted

LARGEST: Final = 256 * 1024
CALLS_BY_GET: Final = frozenset({"ovh"})


@access.public
@csrf_exempt
@require_http_methods(["POST", "GET", "HEAD"])
def provider_call(request: HttpRequest, provider: str) -> HttpResponse:
    """Keep what an SMS provider tells us; 401 when it cannot prove that it speaks for an account of ours.

    OVHcloud calls by GET. What it says is understood later, and parked when it cannot be.
    """
    if provider not in registry.ADAPTERS:
        raise Http404
    if request.method == "HEAD":  # some providers look whether somebody is at home
        return HttpResponse()
    if request.method == "GET" and provider not in CALLS_BY_GET:
        return HttpResponse(status=405, headers={"Allow": "POST, HEAD"})
    body = request.read(LARGEST + 1)
    if len(body) > LARGEST:
        return HttpResponse(status=413)
    posted = Posted(
        url=f"{settings.ECRM_BASE_URL}{request.get_full_path()}",
        query=request.META.get("QUERY_STRING", ""),
        body=body,
        content_type=request.META.get("CONTENT_TYPE", ""),
        headers=request.META,
    )
    account = _whose(provider, posted)
    if account is None:
        return HttpResponse(status=401, headers={"WWW-Authenticate": "Basic"})
    provider_calls.keep(
        f"{_without_key(posted.query)}\n".encode() + body,
        provider=provider,
        kind=ProviderCall.Kind.SMS,
        content_type=posted.content_type,
        account_id=account.pk,
    )
    return HttpResponse(status=204)


def _whose(provider: str, posted: Posted) -> SmsAccount | None:
    """The account that the call proves to speak for; looks at all of them."""
    found = [one for one in sms.accounts_with(provider) if _is_genuine(one, posted)]
    return found[0] if found else None


def _is_genuine(account: SmsAccount, posted: Posted) -> bool:
    try:
        prepared = sms_accounts.prepared(account)
    except crypto.Undecipherable:
        return False
    return registry.ADAPTERS[account.provider].is_genuine(prepared, posted)


def _without_key(query: str) -> str:
    """The parameters of the address without the one that proves; keys are never kept."""
    return urlencode(
        [part for part in parse_qsl(query, keep_blank_values=True) if part[0] != "key"]
    )
