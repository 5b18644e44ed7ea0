"""Request ids and the headers that every answer carries."""

from __future__ import annotations

import logging
import re
import time
import uuid
from collections.abc import Callable
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse

from ecrm.kernel import logs

log = logging.getLogger("ecrm.requests")

Next = Callable[[HttpRequest], HttpResponse]
KNOWN_ID = re.compile(r"^[0-9A-Za-z-]{8,64}$")
SLOW_SECONDS = 1.0


class RequestIdMiddleware:
    """Gives each request an id (taken over from the proxy when well-formed) and logs its outcome."""

    def __init__(self, get_response: Next) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-Id", "")
        current = given if KNOWN_ID.match(given) else uuid.uuid4().hex
        request.request_id = current  # type: ignore[attr-defined] # read by problem answers and pages
        token = logs.request_id.set(current)
        started = time.monotonic()
        try:
            response = self._get_response(request)
            self._log(request, response, time.monotonic() - started)
        finally:
            logs.request_id.reset(token)
        response["X-Request-Id"] = current
        return response

    def _log(self, request: HttpRequest, response: HttpResponse, seconds: float) -> None:
        is_notable = (
            response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR or seconds > SLOW_SECONDS
        )
        if not is_notable and not log.isEnabledFor(logging.DEBUG):
            return
        route = request.resolver_match.route if request.resolver_match else ""
        log.log(
            logging.WARNING if is_notable else logging.DEBUG,
            "request",
            extra={
                "method": request.method,
                "route": route,
                "status": response.status_code,
                "duration_ms": round(seconds * 1000),
            },
        )


class SecurityHeadersMiddleware:
    """Headers that Django and CSP leave out; pages of signed-in agents are never stored by caches."""

    def __init__(self, get_response: Next) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self._get_response(request)
        response.headers.setdefault(
            "Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"
        )
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        if not request.path.startswith("/static/"):
            response.headers.setdefault("Cache-Control", "no-store")
        return response
