"""One view, two answers: the whole page for a browser, a fragment for htmx."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeVar

from django.http import HttpRequest, HttpResponseBase
from django.template.response import TemplateResponse
from django.utils.cache import patch_vary_headers

# An open page that refreshes by itself says so: nobody is sitting there because of it.
BACKGROUND_HEADER = "Ecrm-Background"

Response = TypeVar("Response", bound=HttpResponseBase)


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


def is_asked_by_hand(request: HttpRequest, target: str) -> bool:
    """True for the fragment of a target that somebody asked for, false when an open page refreshes itself.

    The first may bring the menus of a list along; the second leaves them alone: one may be open.
    """
    is_fragment = request.headers.get("HX-Target") == target
    return is_fragment and BACKGROUND_HEADER not in request.headers


def toast(
    response: Response,
    text: str,
    *,
    level: str = "success",
    undo_url: str = "",
    undo_label: str = "",
    changed: bool = True,
) -> Response:
    """The response, which now also shows a short message and says that lists may have changed.

    `level` is success, info, warning or error. With `undo_url` the message offers to take the action
    back by a POST there.
    """
    message: dict[str, Any] = {"text": text, "level": level}
    if undo_url:
        message["undo"] = {"url": undo_url, "label": undo_label}
    triggers: dict[str, Any] = {"ecrm:toast": message}
    if changed:
        triggers["ecrm:changed"] = {}
    response.headers["HX-Trigger"] = json.dumps(triggers)
    return response
