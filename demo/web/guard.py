"""The doors of the demo: open to anyone in demo mode, not there otherwise."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from django.conf import settings
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase

from ecrm.kernel import access

View = TypeVar("View", bound=Callable[..., HttpResponseBase])


def demo_only(view: View) -> View:
    """Anyone in demo mode; 404 otherwise."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not settings.ECRM_DEMO:
            raise Http404
        return view(request, *args, **kwargs)

    return access.public(guarded)  # type: ignore[return-value] # wraps() keeps the signature
