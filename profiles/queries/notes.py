"""Notes of agents about a customer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from company import queries as company
from company.types import AgentInfo
from ecrm.kernel.prepared import Rows
from profiles.models import Note

WRITE = "profiles.write_note"


@dataclass(frozen=True, kw_only=True, slots=True)
class NoteRow:
    """A note as the customer's page shows it; `author` is None when he was removed."""

    id: int
    author: AgentInfo | None
    text: str
    created_at: datetime
    edited_at: datetime | None


_NOTES = Rows(
    "notes_of_profile",
    Note,
    """
WHERE profile_id = %(profile_id)s AND shop_id = ANY(%(shop_ids)s::bigint[]) AND removed_at IS NULL
ORDER BY created_at DESC, id DESC LIMIT %(at_most)s::int
""",
)


def notes_of(profile_id: int, *, shop_ids: Iterable[int], limit: int = 50) -> list[NoteRow]:
    """The notes written in these shops, newest first. Two queries."""
    rows = _NOTES.all(profile_id=profile_id, shop_ids=list(shop_ids), at_most=limit)
    return _rows(rows)


def notes_by_id(note_ids: Iterable[int]) -> dict[int, NoteRow]:
    """Notes which nobody removed. Two queries."""
    return {row.id: row for row in _rows(Note.objects.present().filter(pk__in=list(note_ids)))}


def note_in(note_id: int, *, shop_ids: Iterable[int]) -> Note | None:
    """The note, removed or not, when it belongs to one of these shops."""
    return Note.objects.filter(pk=note_id, shop_id__in=list(shop_ids)).first()


def _rows(notes: Iterable[Note]) -> list[NoteRow]:
    read: Sequence[Note] = list(notes)
    authors = company.agent_infos({note.author_id for note in read if note.author_id is not None})
    return [
        NoteRow(
            id=note.pk,
            author=authors.get(note.author_id or 0),
            text=note.text,
            created_at=note.created_at,
            edited_at=note.edited_at,
        )
        for note in read
    ]
