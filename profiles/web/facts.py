"""How the facts of profiles read on a customer's timeline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from company import queries as company
from profiles.events import (
    MergeUndone,
    NoteWritten,
    ProfileChanged,
    ProfileCreated,
    ProfilesMerged,
)
from profiles.extensions import TimelineRenderer, TimelineText, timeline
from profiles.queries import notes

if TYPE_CHECKING:
    from ecrm.kernel.models import EventRecord

DOORS = {
    "order": gettext_lazy("with an order"),
    "mail": gettext_lazy("by e-mail"),
    "email": gettext_lazy("by e-mail"),
    "form": gettext_lazy("by a form"),
    "api": gettext_lazy("told by the shop"),
    "import": gettext_lazy("by an import"),
    "visit": gettext_lazy("on the site"),
}


def register() -> None:
    """Add our own renderers."""
    timeline.register(
        TimelineRenderer(
            event_name=ProfileCreated.name,
            icon="user-plus",
            kind="profile",
            kind_label=gettext_lazy("Customer record"),
            render=met,
        )
    )
    timeline.register(
        TimelineRenderer(
            event_name=ProfileChanged.name,
            icon="pencil",
            kind="profile",
            kind_label=gettext_lazy("Customer record"),
            render=changed,
        )
    )
    timeline.register(
        TimelineRenderer(
            event_name=NoteWritten.name,
            icon="note",
            kind="notes",
            kind_label=gettext_lazy("Notes"),
            render=noted,
        )
    )
    for name, icon, render in (
        (ProfilesMerged.name, "users-group", merged),
        (MergeUndone.name, "users", parted),
    ):
        timeline.register(
            TimelineRenderer(
                event_name=name,
                icon=icon,
                kind="profile",
                kind_label=gettext_lazy("Customer record"),
                render=render,
            )
        )


def met(records: Sequence[EventRecord]) -> Mapping[int, TimelineText]:
    """“First contact with Maison FR”, and by which door."""
    return {
        record.pk: TimelineText(
            title=_("First contact with %(shop)s") % {"shop": company.shop(record.shop_id).name}
            if record.shop_id
            else _("First contact"),
            detail=str(DOORS.get(record.payload["source"], "")),
        )
        for record in records
    }


def changed(records: Sequence[EventRecord]) -> Mapping[int, TimelineText]:
    """Who corrected the customer, in one query."""
    agents = company.agent_infos({record.payload["agent_id"] for record in records} - {None})
    return {
        record.pk: TimelineText(
            title=_("%(who)s corrected the details")
            % {"who": agents[record.payload["agent_id"]].name}
            if record.payload["agent_id"] in agents
            else _("The details were corrected")
        )
        for record in records
    }


def noted(records: Sequence[EventRecord]) -> Mapping[int, TimelineText]:
    """Who wrote which note, in two queries; removed ones are left out."""
    found = notes.notes_by_id(record.payload["note_id"] for record in records)
    return {
        record.pk: TimelineText(
            title=_("%(who)s wrote a note") % {"who": note.author.name}
            if note.author
            else _("A note was written"),
            detail=note.text,
        )
        for record in records
        if (note := found.get(record.payload["note_id"]))
    }


def merged(records: Sequence[EventRecord]) -> Mapping[int, TimelineText]:
    """Who went into this customer, and who did it, in one query."""
    return _merges(
        records,
        by_agent=_("%(who)s merged customer no. %(id)s into this one"),
        by_system=_("The visitor no. %(id)s turned out to be this customer"),
    )


def parted(records: Sequence[EventRecord]) -> Mapping[int, TimelineText]:
    """Who lives again, and who did it, in one query."""
    return _merges(
        records,
        by_agent=_("%(who)s separated customer no. %(id)s again"),
        by_system=_("Customer no. %(id)s was separated again"),
    )


def _merges(
    records: Sequence[EventRecord], *, by_agent: str, by_system: str
) -> Mapping[int, TimelineText]:
    agents = company.agent_infos({record.payload["agent_id"] for record in records} - {None})
    found = {}
    for record in records:
        agent = agents.get(record.payload["agent_id"])
        words = {
            "who": agent.name if agent else "",
            "id": record.payload["merged_profile_id"],
        }
        found[record.pk] = TimelineText(title=(by_agent if agent else by_system) % words)
    return found
