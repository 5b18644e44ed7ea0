"""Notes of agents about a customer."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from company import queries as company
from ecrm.kernel import outbox
from ecrm.kernel.errors import DomainError
from profiles import queries
from profiles.events import NoteChanged, NoteWritten
from profiles.models import Note
from profiles.models.notes import LONGEST
from profiles.queries.notes import WRITE
from profiles.services import mentions

if TYPE_CHECKING:
    from company.types import Agent

MENTIONED = gettext_noop("%(who)s mentioned you in a note about %(customer)s")


class NotYourNote(DomainError):
    """Only its author changes a note, and only where he may write notes."""

    code = "not_your_note"


class UnusableText(DomainError):
    """The text is empty or too long."""

    code = "unusable_text"
    status = 422


@transaction.atomic
def write_note(profile_id: int, *, text: str, by: Agent, at: datetime | None = None) -> Note:
    """Keep a note in the name of the first of the author's shops that knows the customer.

    Raises NotYourNote, UnusableText; publishes NoteWritten and tells whom the text mentions.
    """
    moment = at or now()
    shop_id = _shop_of(profile_id, by)
    words = usable_text(text)
    note = Note.objects.create(
        profile_id=profile_id,
        shop_id=shop_id,
        author_id=by.pk,
        text=words,
        mentions=mentions.mentioned_in(words, shop_id=shop_id),
        created_at=moment,
    )
    outbox.publish(
        NoteWritten(profile_id=profile_id, shop_id=shop_id, note_id=note.pk, agent_id=by.pk),
        at=moment,
    )
    _tell(note, by=by, at=moment)
    return note


@transaction.atomic
def edit_note(note_id: int, *, text: str, by: Agent, at: datetime | None = None) -> Note:
    """Change the text of an own note; who is mentioned only now is told.

    Raises Note.DoesNotExist, NotYourNote, UnusableText; publishes NoteChanged.
    """
    moment = at or now()
    note = _own(note_id, by)
    words = usable_text(text)
    if words == note.text:
        return note
    note.text, note.edited_at = words, moment
    note.mentions = mentions.mentioned_in(words, shop_id=note.shop_id)
    note.save(update_fields=["text", "edited_at", "mentions"])
    _changed(note, by=by, at=moment)
    _tell(note, by=by, at=moment)
    return note


@transaction.atomic
def remove_note(note_id: int, *, by: Agent, at: datetime | None = None) -> Note:
    """Take an own note away; restore_note brings it back. A second time changes nothing.

    Raises Note.DoesNotExist, NotYourNote; publishes NoteChanged.
    """
    return _set_removed(note_id, removed_at=at or now(), by=by, at=at or now())


@transaction.atomic
def restore_note(note_id: int, *, by: Agent, at: datetime | None = None) -> Note:
    """Bring an own note back. Raises Note.DoesNotExist, NotYourNote; publishes NoteChanged."""
    return _set_removed(note_id, removed_at=None, by=by, at=at or now())


def usable_text(text: str) -> str:
    """The text as it is kept. Raises UnusableText."""
    words = text.strip().replace("\r\n", "\n")
    if not words:
        message = _("Write something first.")
        raise UnusableText(message, fields={"text": message})
    if len(words) > LONGEST:
        message = _("At most %(number)s characters.") % {"number": LONGEST}
        raise UnusableText(message, fields={"text": message})
    return words


def _set_removed(note_id: int, *, removed_at: datetime | None, by: Agent, at: datetime) -> Note:
    note = _own(note_id, by)
    if (note.removed_at is None) != (removed_at is None):
        note.removed_at = removed_at
        note.save(update_fields=["removed_at"])
        _changed(note, by=by, at=at)
    return note


def _own(note_id: int, by: Agent) -> Note:
    note = Note.objects.select_for_update(of=("self",)).get(pk=note_id)
    if note.author_id != by.pk or not company.may(by, WRITE, shop_id=note.shop_id):
        raise NotYourNote(_("Only the author changes a note."))
    return note


def _shop_of(profile_id: int, by: Agent) -> int:
    """The customer's first shop in which the agent may write. Raises NotYourNote."""
    allowed = company.shop_ids(by, WRITE)
    for shop_id in queries.shops_of(profile_id):
        if shop_id in allowed:
            return shop_id
    raise NotYourNote(_("You may not write notes about this customer."))


def _changed(note: Note, *, by: Agent, at: datetime) -> None:
    outbox.publish(
        NoteChanged(
            profile_id=note.profile_id, shop_id=note.shop_id, note_id=note.pk, agent_id=by.pk
        ),
        at=at,
    )


def _tell(note: Note, *, by: Agent, at: datetime) -> None:
    others = [agent_id for agent_id in note.mentions if agent_id != by.pk]
    if not others:
        return
    mentions.tell(
        others,
        title_key=MENTIONED,
        values={"who": by.name, "customer": queries.card(note.profile_id).name},
        url=reverse("profiles:profile-page", args=[note.profile_id]),
        about=f"note:{note.pk}",
        at=at,
    )
