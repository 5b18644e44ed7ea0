"""One view, two answers: the whole page for a browser, a fragment for htmx."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.cache import patch_vary_headers


def render_page(
    request: HttpRequest,
    template: str,
    context: Mapping[str, Any] | None = None,
    *,
    partials: Mapping[str, str] | None = None,
    status: int = 200,
) -> TemplateResponse:
    """The page, or the partial that the server has mapped to the htmx target.

    `partials` maps the id of a target element to the name of a partial in the same template: the server
    decides which fragments exist. A history restore always gets the whole page.
    """
    is_restore = request.headers.get("HX-History-Restore-Request") == "true"
    target = "" if is_restore else request.headers.get("HX-Target", "")
    if partial := (partials or {}).get(target):
        template = f"{template}#{partial}"
    response = TemplateResponse(request, template, dict(context or {}), status=status)
    patch_vary_headers(response, ["HX-Request", "HX-Target"])
    return response
