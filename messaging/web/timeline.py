"""How mail reads on a customer's timeline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ecrm.kernel.models import EventRecord
from messaging.events import MailReceived, MessageFailed, MessageSent
from messaging.queries import screens
from messaging.services.hits import CLICKED, OPENED
from messaging.web import words
from profiles.extensions import Deed, DeedWords, TimelineRenderer, TimelineText, deeds, timeline

KIND = "mail"


def register() -> None:
    """Put sent, failed, received, opened and followed mail on the timeline."""
    _register_deeds()
    for event, icon, render in (
        (MessageSent, "send", _sent),
        (MessageFailed, "alert-triangle", _failed),
        (MailReceived, "mail", _received),
    ):
        timeline.register(
            TimelineRenderer(
                event_name=event.name,
                icon=icon,
                kind=KIND,
                kind_label=gettext_lazy("E-mails"),
                render=render,
            )
        )


def _register_deeds() -> None:
    for name, icon, render in (
        (OPENED, "mail-opened", _opened),
        (CLICKED, "external-link", _clicked),
    ):
        deeds.register(DeedWords(key=name, icon=icon, render=render))


def _opened(found: Sequence[Deed]) -> TimelineText:
    return TimelineText(title=_("Opened a mail"), url=_page(found[0]))


def _clicked(found: Sequence[Deed]) -> TimelineText:
    return TimelineText(title=_("Followed a link of a mail"), url=_page(found[0]))


def _page(deed: Deed) -> str:
    number = deed.properties.get("message_id")
    return reverse("messaging:outgoing-page", args=[number]) if isinstance(number, int) else ""


def _sent(records: Sequence[EventRecord]) -> Mapping[int, TimelineText]:
    subjects = screens.subjects_sent(record.payload["message_id"] for record in records)
    return {
        record.pk: TimelineText(
            title=_("Mail sent"),
            detail=subjects[record.payload["message_id"]],
            url=reverse("messaging:outgoing-page", args=[record.payload["message_id"]]),
        )
        for record in records
        if record.payload["message_id"] in subjects and not _is_told_elsewhere(record)
    }


def _is_told_elsewhere(record: EventRecord) -> bool:
    """An answer of an agent: the contact centre tells of it on the same timeline."""
    return str(record.payload["about"]).startswith("ticket:")


def _failed(records: Sequence[EventRecord]) -> Mapping[int, TimelineText]:
    subjects = screens.subjects_sent(record.payload["message_id"] for record in records)
    return {
        record.pk: TimelineText(
            title=_("Mail could not be delivered: %(reason)s")
            % {"reason": words.reason(record.payload["reason"])},
            detail=subjects[record.payload["message_id"]],
            url=reverse("messaging:outgoing-page", args=[record.payload["message_id"]]),
        )
        for record in records
        if record.payload["message_id"] in subjects
    }


def _received(records: Sequence[EventRecord]) -> Mapping[int, TimelineText]:
    # What became part of a conversation is told by the contact centre.
    known = screens.unconversed(record.payload["mail_id"] for record in records)
    return {
        record.pk: TimelineText(
            title=_("Mail received"),
            detail=known[record.payload["mail_id"]].subject,
            url=reverse("messaging:received-page", args=[known[record.payload["mail_id"]].raw_id]),
        )
        for record in records
        if record.payload["mail_id"] in known
    }
