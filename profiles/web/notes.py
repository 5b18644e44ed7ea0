"""Writing, editing and removing notes on a customer's page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from company import queries as company
from ecrm.kernel import access
from ecrm.kernel.errors import DomainError
from ecrm.kernel.htmx import render_page, toast
from profiles import permissions, queries
from profiles.models import Note
from profiles.queries import notes as reads
from profiles.services import notes

if TYPE_CHECKING:
    from collections.abc import Callable

    from company.types import AgentRequest

UNPROCESSABLE = 422


def section(agent: Any, profile_id: int, shop_ids: frozenset[int]) -> dict[str, Any]:
    """What the notes on a customer's page need."""
    return {
        "notes": reads.notes_of(profile_id, shop_ids=shop_ids),
        "may_write": queries.is_known_to(
            profile_id, company.shop_ids(agent, permissions.WRITE_NOTE)
        ),
        "agent_id": agent.pk,
        "profile_id": profile_id,
        "text": "",
        "error": "",
    }


@require_POST
@access.permission(permissions.WRITE_NOTE)
def note_write(request: AgentRequest, profile_id: int) -> HttpResponse:
    """Keep a note and show the notes with it."""
    shop_ids = company.shop_ids(request.user, permissions.VIEW)
    may_write = company.shop_ids(request.user, permissions.WRITE_NOTE)
    if profile_id >= 2**63 or not queries.is_known_to(profile_id, may_write & shop_ids):
        raise Http404
    text, error = request.POST.get("text", ""), ""
    try:
        notes.write_note(profile_id, text=text, by=request.user)
    except DomainError as refusal:
        error = refusal.message
    if not request.headers.get("HX-Request"):
        if error:
            messages.error(request, error)
        return redirect("profiles:profile-page", profile_id)
    context = section(request.user, profile_id, shop_ids)
    if error:
        context |= {"text": text, "error": error}
    status = UNPROCESSABLE if error else 200
    return render_page(request, "profiles/_notes.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@access.permission(permissions.WRITE_NOTE)
def note_edit(request: AgentRequest, note_id: int) -> HttpResponse:
    """The text of an own note, to be changed."""
    note = _own(request, note_id)
    error = ""
    if request.method == "POST":
        try:
            notes.edit_note(note_id, text=request.POST.get("text", ""), by=request.user)
        except DomainError as refusal:
            error = refusal.message
        else:
            return redirect("profiles:profile-page", note.profile_id)
    context = {
        "note": note,
        "text": request.POST.get("text", note.text),
        "error": error,
        "customer": queries.card(note.profile_id),
    }
    status = UNPROCESSABLE if error else 200
    return render_page(request, "profiles/note_edit.html", context, status=status)


@require_POST
@access.permission(permissions.WRITE_NOTE)
def note_remove(request: AgentRequest, note_id: int) -> HttpResponse:
    """Take an own note away; the answer offers to bring it back."""
    undo = reverse("profiles:note-restore", args=[note_id])
    return _settled(request, note_id, notes.remove_note, _("The note was removed."), undo=undo)


@require_POST
@access.permission(permissions.WRITE_NOTE)
def note_restore(request: AgentRequest, note_id: int) -> HttpResponse:
    """Bring an own note back."""
    return _settled(request, note_id, notes.restore_note, _("The note is back."), undo="")


def _settled(
    request: AgentRequest, note_id: int, change: Callable[..., Note], said: str, *, undo: str
) -> HttpResponse:
    note = _own(request, note_id)
    change(note_id, by=request.user)
    if not request.headers.get("HX-Request"):
        messages.success(request, said)
        return redirect("profiles:profile-page", note.profile_id)
    answer = HttpResponse(status=204)
    return toast(answer, said, undo_url=undo, undo_label=_("Undo") if undo else "")


def _own(request: AgentRequest, note_id: int) -> Note:
    """The agent's own note in a shop where he may write; 404 otherwise."""
    shop_ids = company.shop_ids(request.user, permissions.WRITE_NOTE)
    note = reads.note_in(note_id, shop_ids=shop_ids) if note_id < 2**63 else None
    if note is None or note.author_id != request.user.pk:
        raise Http404
    return note
