"""Every request of an agent: how long his session lasts, his language, his second factor."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from urllib.parse import urlencode

from allauth.core.internal.httpkit import get_client_ip
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.middleware.locale import LocaleMiddleware as DjangoLocaleMiddleware
from django.shortcuts import redirect
from django.urls import Resolver404, resolve, reverse
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.utils.timezone import now
from django.utils.translation import gettext as _

from company import queries
from company.models import Agent
from company.services import audit
from ecrm.kernel.htmx import BACKGROUND_HEADER

Next = Callable[[HttpRequest], HttpResponseBase]
SIGNED_IN_AT = "ecrm_signed_in_at"
SEEN_AT = "ecrm_seen_at"
NOTED_EVERY_SECONDS = 60
# What an agent without the second factor he owes can still open.
_PROGRAM_PATHS = ("/api/v1/",)
_NO_PAGE = (
    "default-src 'none'; script-src 'none'; object-src 'none'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'"
)
_SETUP_PATHS = ("/login/", "/static/", "/livez", "/readyz", "/metrics", "/api/", "/ws/")


class ProgramsMiddleware:
    """Requests of programs go straight to their view: they have no session, no cookie and no page around.

    What every page passes through (sign-in, CSRF, messages, content policy …) costs an order as much as
    its customer does. The views authenticate by key; nothing else reaches them.
    """

    def __init__(self, get_response: Next) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path_info.startswith(_PROGRAM_PATHS):
            return self._get_response(request)
        try:
            match = resolve(request.path_info)
        except Resolver404:
            return self._get_response(request)
        request.resolver_match = match
        language = translation.get_language_from_request(request)
        with translation.override(language), audit.origin(partial(get_client_ip, request)):
            response = match.func(request, *match.args, **match.kwargs)
            if hasattr(response, "render"):
                response = response.render()
        response.headers["Content-Language"] = language
        response.headers["Content-Security-Policy"] = _NO_PAGE
        response.headers["X-Frame-Options"] = "DENY"
        patch_vary_headers(response, ["Accept-Language"])
        return response  # type: ignore[no-any-return] # what a view returns is untyped


class LocaleMiddleware(DjangoLocaleMiddleware):
    """The visitor's language: his cookie, then his browser; an agent's own comes later."""


class AgentSessionMiddleware:
    """Ends idle and old sessions, shows pages in the agent's language, demands the second factor.

    Services called inside find the client's address for the audit log.
    """

    def __init__(self, get_response: Next) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        visitors_language = translation.get_language()
        try:
            response = self._answer(request)
            response.headers.setdefault("Content-Language", translation.get_language() or "")
        finally:
            translation.activate(visitors_language)
        return response

    def _answer(self, request: HttpRequest) -> HttpResponseBase:
        if settings.SESSION_COOKIE_NAME in request.COOKIES and request.user.is_authenticated:
            early_answer = self._receive(request)
            if early_answer is not None:
                return early_answer
        with audit.origin(partial(get_client_ip, request)):
            return self._get_response(request)

    def _receive(self, request: HttpRequest) -> HttpResponseBase | None:
        if _is_over(request, time.time()):
            logout(request)
            messages.info(request, _("You were signed out because your session had ended."))
            return None
        agent = request.user
        assert isinstance(agent, Agent)  # noqa: S101 - a fact for the type checker
        queries.remember_permissions(agent)
        translation.activate(agent.language)
        request.LANGUAGE_CODE = agent.language
        if _owes_second_factor(request, agent):
            return _to_setup(request)
        return None


def _is_over(request: HttpRequest, at: float) -> bool:
    """True when the session is too old or was idle for too long; otherwise its clock is kept."""
    session = request.session
    signed_in_at = session.get(SIGNED_IN_AT)
    if signed_in_at is None:
        session[SIGNED_IN_AT] = session[SEEN_AT] = at
        return False
    seen_at = session.get(SEEN_AT, signed_in_at)
    if at - seen_at > settings.ECRM_SESSION_IDLE_MINUTES * 60:
        return True
    if at - signed_in_at > settings.ECRM_SESSION_HOURS * 3600:
        return True
    is_background = BACKGROUND_HEADER in request.headers
    if not is_background and at - seen_at >= NOTED_EVERY_SECONDS:
        session[SEEN_AT] = at
        UserSession.objects.filter(session_key=session.session_key).update(
            last_seen_at=now(), ip=get_client_ip(request)
        )
    return False


def _owes_second_factor(request: HttpRequest, agent: Agent) -> bool:
    return (
        settings.ECRM_REQUIRE_MFA
        and not request.path.startswith(_SETUP_PATHS)
        and queries.holds_second_factor_role(agent)
        and not Authenticator.objects.filter(user_id=agent.pk).exists()
    )


def _to_setup(request: HttpRequest) -> HttpResponseBase:
    """To the page where a second factor is set up; an htmx request moves the whole window there."""
    url = reverse("mfa_index")
    if request.headers.get("HX-Request"):
        return HttpResponse(status=204, headers={"HX-Redirect": url})
    if request.method == "GET":
        url = f"{url}?{urlencode({'next': request.get_full_path()})}"
    return redirect(url)
