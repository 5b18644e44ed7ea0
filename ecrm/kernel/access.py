"""Who may open a page, said on the view itself so that a test can walk all of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase

View = TypeVar("View", bound=Callable[..., HttpResponseBase])

PUBLIC = "public"
SIGNED_IN = "signed-in"


def permission(code: str) -> Callable[[View], View]:
    """Only agents who hold the permission in at least one shop; the view still scopes its rows by shop."""
    return _guard(code, lambda request: request.user.has_perm(code))


def signed_in(view: View) -> View:
    """Any signed-in agent."""
    return _guard(SIGNED_IN, lambda _request: True)(view)


def public(view: View) -> View:
    """Anyone; the view protects itself (token, demo mode, rate limit)."""
    view.ecrm_access = PUBLIC  # type: ignore[attr-defined] # a marker for the permission matrix
    return view


def _guard(label: str, is_allowed: Callable[[HttpRequest], bool]) -> Callable[[View], View]:
    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return _to_login(request)
            if not is_allowed(request):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        guarded.ecrm_access = label  # type: ignore[attr-defined] # a marker for the permission matrix
        return guarded  # type: ignore[return-value] # wraps() keeps the signature

    return decorate


def _to_login(request: HttpRequest) -> HttpResponse:
    """To the sign-in page; an htmx request is told to move the whole window there."""
    if request.headers.get("HX-Request"):
        response = HttpResponse(status=204)
        response["HX-Redirect"] = redirect_to_login(request.headers.get("HX-Current-URL", "/")).url
        return response
    return redirect_to_login(request.get_full_path())
