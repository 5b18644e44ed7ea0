"""The browsers which are signed in to one's account."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.contrib.sessions.models import Session
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from company.services import sessions
from company.web import access as reach
from ecrm.kernel import access
from ecrm.kernel.htmx import render_page

BROWSERS = (
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionRow:
    """A signed-in browser as its owner recognises it."""

    pk: int
    browser: str
    ip: str
    last_seen_at: datetime
    is_current: bool


@require_http_methods(["GET", "HEAD", "POST"])
@access.signed_in
def session_list(request: HttpRequest) -> HttpResponse:
    """The browsers signed in; a POST ends all but this one."""
    me = reach.me(request)
    if request.method == "POST":
        sessions.end_other_sessions(me.pk, current_key=str(request.session.session_key))
        messages.success(request, _("All other sessions have ended."))
        return redirect("usersessions_list")
    live = Session.objects.filter(expire_date__gt=now()).values("session_key")
    rows = UserSession.objects.filter(user_id=me.pk, session_key__in=live).order_by("-last_seen_at")
    found = [
        SessionRow(
            pk=row.pk,
            browser=browser_name(row.user_agent),
            ip=row.ip,
            last_seen_at=row.last_seen_at,
            is_current=row.session_key == request.session.session_key,
        )
        for row in rows
    ]
    return render_page(request, "usersessions/usersession_list.html", {"sessions": found})


@require_POST
@access.signed_in
def session_end(request: HttpRequest, pk: int) -> HttpResponse:
    """End one of my sessions."""
    if not sessions.end_session(reach.me(request).pk, session_id=pk):
        raise Http404
    return redirect("usersessions_list")


def browser_name(user_agent: str) -> str:
    """What people call their browser and their machine."""
    browser = next((name for mark, name in BROWSERS if mark in user_agent), _("Unknown browser"))
    system = next((name for mark, name in SYSTEMS if mark in user_agent), "")
    return f"{browser} · {system}" if system else str(browser)
