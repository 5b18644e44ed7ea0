"""How mail reads on a customer's timeline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ecrm.kernel.models import EventRecord
from messaging.events import MailReceived, MessageFailed, MessageSent, SmsReceived
from messaging.queries import screens, sms
from messaging.services.hits import CLICKED, OPENED
from messaging.web import words
from profiles.extensions import Deed, DeedWords, TimelineRenderer, TimelineText, deeds, timeline

KIND = "mail"
SMS_KIND = "sms"


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
    timeline.register(
        TimelineRenderer(
            event_name=SmsReceived.name,
            icon="device-mobile",
            kind=SMS_KIND,
            kind_label=gettext_lazy("SMS"),
            render=_sms_received,
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
    ids = [record.payload["message_id"] for record in records]
    subjects, by_sms = screens.subjects_sent(ids), screens.by_sms(ids)
    return {
        record.pk: TimelineText(
            title=_("SMS sent") if record.payload["message_id"] in by_sms else _("Mail sent"),
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
    ids = [record.payload["message_id"] for record in records]
    subjects, by_sms = screens.subjects_sent(ids), screens.by_sms(ids)
    return {
        record.pk: TimelineText(
            title=(
                _("SMS could not be delivered: %(reason)s")
                if record.payload["message_id"] in by_sms
                else _("Mail could not be delivered: %(reason)s")
            )
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


def _sms_received(records: Sequence[EventRecord]) -> Mapping[int, TimelineText]:
    known = sms.texts_received(record.payload["sms_id"] for record in records)
    titles = {"stop": _("Wants no more SMS"), "start": _("Wants SMS again")}
    return {
        record.pk: TimelineText(
            title=titles.get(record.payload["order"], _("SMS received")),
            detail=known[record.payload["sms_id"]][:200],
            url=reverse("messaging:sms-page", args=[record.payload["sms_id"]]),
        )
        for record in records
        if record.payload["sms_id"] in known
    }
