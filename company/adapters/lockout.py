"""What django-axes asks: which account, which address, and what a locked-out person sees."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from allauth.core.internal.httpkit import get_client_ip
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def account_of(request: HttpRequest, credentials: Mapping[str, Any] | None = None) -> str:
    """The e-mail address someone tries to sign in with, as we store addresses."""
    given = (credentials or {}).get("email") or (credentials or {}).get("username")
    return str(given or request.POST.get("login", "")).strip().lower()[:255]


def address_of(request: HttpRequest) -> str | None:
    """The client's address, behind as many proxies as are trusted."""
    address: str | None = get_client_ip(request)
    return address


def locked_out(
    request: HttpRequest,
    original: HttpResponse | None = None,
    credentials: Mapping[str, Any] | None = None,
) -> HttpResponse:
    """The same page for accounts which exist and which do not."""
    minutes = int(settings.AXES_COOLOFF_TIME.total_seconds() // 60)
    response = render(request, "account/locked_out.html", {"minutes": minutes}, status=429)
    response["Retry-After"] = str(minutes * 60)
    return response
