"""Mails as they look, each in a document of its own that can run nothing and load nothing from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, cast

from csp.constants import NONE, SELF, UNSAFE_INLINE
from csp.decorators import csp_replace
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_safe

from ecrm.kernel import access
from messaging import permissions
from messaging.queries import screens
from messaging.web import reach

if TYPE_CHECKING:
    from company.types import AgentRequest

View = TypeVar("View", bound=Callable[..., HttpResponse])

SANDBOX = "allow-popups allow-popups-to-escape-sandbox"
FRAME_POLICY = {
    "default-src": [NONE],
    "script-src": [NONE],
    "object-src": [NONE],
    "img-src": [SELF, "data:"],
    "style-src": [UNSAFE_INLINE],
    "form-action": [NONE],
    "base-uri": [NONE],
    "frame-ancestors": [SELF],
    "sandbox": SANDBOX.split(),
}
FILE_POLICY = {
    "default-src": [NONE],
    "script-src": [NONE],
    "object-src": [NONE],
    "base-uri": [NONE],
    "frame-ancestors": [NONE],
    "sandbox": [],
}
SHOWN_IN_PLACE = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
_HEAD = re.compile(r"<head[^>]{0,200}>|\A(?!<!doctype|<html)", re.IGNORECASE)
_INLINE_PICTURE = re.compile(r'src="cid:([^"]{1,320})"', re.IGNORECASE)


def under(policy: dict[str, list[str]]) -> Callable[[View], View]:
    """Let a view answer with this content security policy in place of the product's."""
    replace: Any = csp_replace(policy)
    return cast("Callable[[View], View]", replace)


@require_safe
@access.permission(permissions.VIEW)
@xframe_options_sameorigin
@under(FRAME_POLICY)
def outgoing_frame(request: AgentRequest, message_id: int) -> HttpResponse:
    """What an outgoing message looks like; a confidential one shows nothing."""
    message = reach.message(request, message_id)
    if message.is_confidential:
        raise Http404
    words = screens.words_of(message)
    if not words.html:
        return _frame(request, "", words.text)
    return HttpResponse(in_new_tabs(words.html))


@require_safe
@access.permission(permissions.VIEW)
@xframe_options_sameorigin
@under(FRAME_POLICY)
def received_frame(request: AgentRequest, mail_id: int) -> HttpResponse:
    """What a received mail looks like, with the pictures that came with it and no others."""
    mail = screens.read_mail(mail_id, shop_ids=reach.shop_ids(request))
    if mail is None:
        raise Http404
    pictures = screens.inline_attachments(mail) if "cid:" in mail.html_clean.lower() else {}
    return _frame(request, _with_pictures(mail.html_clean, pictures), mail.text)


@require_safe
@access.permission(permissions.VIEW)
@under(FILE_POLICY)
def attachment(request: AgentRequest, attachment_id: int) -> HttpResponse:
    """A file that came with a mail: pictures are shown, everything else is saved, nothing is run."""
    found = screens.attachment(attachment_id, shop_ids=reach.shop_ids(request))
    if found is None:
        raise Http404
    is_shown = found.content_type in SHOWN_IN_PLACE
    kind = found.content_type if is_shown else "application/octet-stream"
    response = HttpResponse(bytes(found.body.body), content_type=kind)
    response["Content-Disposition"] = content_disposition_header(not is_shown, found.name) or ""
    return response


def in_new_tabs(markup: str) -> str:
    """A document whose links open beside the page that shows it."""
    return _HEAD.sub(r'\g<0><base target="_blank">', markup, count=1)


def _frame(request: AgentRequest, markup: str, text: str) -> HttpResponse:
    return render(request, "messaging/frame.html", {"markup": markup, "text": text})


def _with_pictures(markup: str, pictures: dict[str, int]) -> str:
    def place(match: re.Match[str]) -> str:
        attachment_id = pictures.get(match.group(1))
        return (
            f'src="{reverse("messaging:attachment", args=[attachment_id])}"'
            if attachment_id
            else ""
        )

    return _INLINE_PICTURE.sub(place, markup)
