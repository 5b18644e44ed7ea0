"""What mails lead through: their links, and the picture that tells of an opening.

Both are fetched by mail programs without cookies; a GET counts a hit and changes nothing else.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_safe

from ecrm.kernel import access
from ecrm.kernel.htmx import render_page
from messaging.services import hits

_PICTURE = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
_UNSEEN = {"Cache-Control": "no-store, max-age=0", "X-Robots-Tag": "noindex, nofollow"}


@require_safe
@access.public
def link(request: HttpRequest, token: str, number: int) -> HttpResponse:
    """On to where the nth link of a mail leads; what we did not write down ourselves is not found."""
    address = hits.follow(
        token, number=number, method=str(request.method), headers=_headers(request)
    )
    if address is None:
        return render_page(request, "messaging/link_gone.html", {}, status=404)
    response = HttpResponseRedirect(address)
    _be_unseen(response)
    return response


@require_safe
@access.public
def picture(request: HttpRequest, token: str) -> HttpResponse:
    """The picture, the same for everybody and every token."""
    hits.note_opening(token, method=str(request.method), headers=_headers(request))
    response = HttpResponse(_PICTURE, content_type="image/gif")
    _be_unseen(response)
    return response


def _headers(request: HttpRequest) -> Mapping[str, str]:
    return {name.lower(): value for name, value in request.headers.items()}


def _be_unseen(response: HttpResponse) -> None:
    for name, value in _UNSEEN.items():
        response[name] = value
