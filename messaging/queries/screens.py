"""What the pages of the post office show."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from django.db.models import Count, Max, Q

from messaging.mime import merging
from messaging.models import (
    Attachment,
    DeliveryAttempt,
    DomainPace,
    Intervention,
    Mail,
    Mailbox,
    MailServer,
    OutgoingMessage,
    RawMail,
    Wording,
)
from messaging.models.incoming import RawMailQuerySet
from messaging.models.outgoing import OutgoingMessageQuerySet

StepKind = Literal["queued", "attempt", "cancelled", "retried", "skipped", "expired"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One thing that happened to an outgoing message, with the server's own words where it spoke."""

    kind: StepKind
    at: datetime
    attempt: DeliveryAttempt | None = None
    by: str = ""
    reason: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sums:
    """The received mails by outcome. `total` is counted by itself: the others add up to it."""

    total: int
    by_outcome: dict[str, int]

    @property
    def adds_up(self) -> bool:
        """Whether nothing has disappeared from the sum."""
        return self.total == sum(self.by_outcome.values())


def outgoing_log(
    shop_ids: frozenset[int],
    *,
    with_installation: bool = False,
    words: str = "",
    state: str = "",
    purpose: str = "",
    channel: str = "",
) -> OutgoingMessageQuerySet:
    """The messages of these shops, newest first, narrowed by what was chosen."""
    seen = Q(shop_id__in=shop_ids)
    if with_installation:
        seen |= Q(shop__isnull=True)
    rows = OutgoingMessage.objects.filter(seen)
    if state == "waiting":
        rows = rows.filter(state__in=["pending", "claimed", "deferred"])
    elif state:
        rows = rows.filter(state=state)
    if purpose:
        rows = rows.filter(purpose=purpose)
    if channel:
        rows = rows.filter(channel=channel)
    if words:
        rows = rows.filter(
            Q(recipient__icontains=words) | Q(subject__icontains=words) | Q(message_id=words)
        )
    return rows.for_list()


def outgoing_message(
    message_id: int, *, shop_ids: frozenset[int], with_installation: bool
) -> OutgoingMessage | None:
    """One message with its shop, when the agent may see it. Runs one query."""
    seen = Q(shop_id__in=shop_ids)
    if with_installation:
        seen |= Q(shop__isnull=True)
    return OutgoingMessage.objects.filter(seen, pk=message_id).select_related("shop").first()


@dataclass(frozen=True, kw_only=True, slots=True)
class Words:
    """What a message says to its recipient."""

    html: str
    text: str


def words_of(message: OutgoingMessage) -> Words:
    """What a message says, one of many filled with its data. Runs one query for those, else none.

    Nothing of one of many once its recipient is forgotten, or where a gap has no word.
    """
    if message.wording_id is None:
        return Words(html=message.html, text=message.text)
    wording = Wording.objects.get(pk=message.wording_id)
    data = message.data or {}
    try:
        if message.recipient:
            return Words(
                html=merging.markup(wording.html, data), text=merging.Text(wording.text).fill(data)
            )
    except merging.RenderingFailed:
        pass
    return Words(html="", text="")


def history(message: OutgoingMessage) -> list[Step]:
    """Everything that happened to a message, oldest first. Runs two queries."""
    steps = [Step(kind="queued", at=message.queued_at)]
    steps += [
        Step(kind="attempt", at=attempt.started_at, attempt=attempt)
        for attempt in message.tries.all()
    ]
    steps += [
        Step(kind=_kind(entry), at=entry.at, by=entry.by.name if entry.by else "")
        for entry in message.interventions.select_related("by")
    ]
    if message.state == OutgoingMessage.State.SKIPPED and message.settled_at:
        steps.append(Step(kind="skipped", at=message.settled_at, reason=message.reason))
    if message.reason == "expired" and message.settled_at:
        steps.append(Step(kind="expired", at=message.settled_at))
    return sorted(steps, key=lambda step: step.at)


def _kind(entry: Intervention) -> StepKind:
    return "cancelled" if entry.kind == Intervention.Kind.CANCELLED else "retried"


def failing_servers() -> list[MailServer]:
    """The mail servers which cannot be used at the moment. Runs one query."""
    return list(MailServer.objects.filter(failures__gt=0).order_by("host"))


def slow_domains(at: datetime) -> frozenset[str]:
    """The receiving domains whose mass mail waits because they asked for it. Runs one query."""
    rows = DomainPace.objects.filter(paused_until__gt=at)
    return frozenset(rows.values_list("domain", flat=True))


def received_log(
    shop_ids: frozenset[int], *, words: str = "", outcome: str = "", mailbox_id: int | None = None
) -> RawMailQuerySet:
    """What the mailboxes of these shops received, newest first, narrowed by what was chosen."""
    rows = RawMail.objects.visible_in(shop_ids)
    if outcome == "waiting":
        rows = rows.filter(outcome="")
    elif outcome:
        rows = rows.filter(outcome=outcome)
    if mailbox_id is not None:
        rows = rows.filter(mailbox_id=mailbox_id)
    if words:
        rows = rows.filter(
            Q(mail__from_address__icontains=words)
            | Q(mail__from_name__icontains=words)
            | Q(mail__subject__icontains=words)
        )
    return rows.for_list()


def received_sums(shop_ids: frozenset[int]) -> Sums:
    """How many mails these shops received and what became of them. Runs two queries."""
    rows = RawMail.objects.visible_in(shop_ids)
    counted = dict(rows.values_list("outcome").annotate(Count("pk")).order_by())
    return Sums(
        total=rows.count(),
        by_outcome={outcome: counted.get(outcome, 0) for outcome in RawMail.Outcome.values},
    )


def raw_mail(raw_id: int, *, shop_ids: frozenset[int]) -> RawMail | None:
    """One raw mail with what was understood of it, without its bytes. Runs one query."""
    return (
        RawMail.objects.visible_in(shop_ids)
        .select_related("mailbox", "mail", "mail__answers", "content", "original")
        .defer("content__body")
        .filter(pk=raw_id)
        .first()
    )


def raw_bytes(raw_id: int, *, shop_ids: frozenset[int]) -> bytes | None:
    """A mail exactly as it arrived. Runs one query."""
    rows = RawMail.objects.visible_in(shop_ids).filter(pk=raw_id)
    body = rows.values_list("content__body", flat=True).first()
    return None if body is None else bytes(body)


def read_mail(mail_id: int, *, shop_ids: frozenset[int]) -> Mail | None:
    """One read mail, when the agent may see it. Runs one query."""
    return Mail.objects.filter(pk=mail_id, shop_id__in=shop_ids).first()


def attachment(attachment_id: int, *, shop_ids: frozenset[int]) -> Attachment | None:
    """A file of a mail with its bytes, when the agent may see it. Runs one query."""
    rows = Attachment.objects.filter(pk=attachment_id, mail__shop_id__in=shop_ids)
    return rows.select_related("body").first()


def attachments(mail: Mail) -> list[Attachment]:
    """The files of a mail without their bytes. Runs one query."""
    rows = Attachment.objects.filter(mail=mail).select_related("body").defer("body__body")
    return list(rows.order_by("position"))


def inline_attachments(mail: Mail) -> dict[str, int]:
    """The pictures a mail shows in its text: attachment id by content id. Runs one query."""
    rows = Attachment.objects.filter(mail=mail, content_type__startswith="image/")
    return dict(rows.exclude(content_id="").values_list("content_id", "pk"))


def mailboxes(shop_ids: Iterable[int]) -> list[Mailbox]:
    """The mailboxes of these shops with `last_mail_at` and `quarantined`. Runs three queries."""
    rows = list(
        Mailbox.objects.filter(shop_id__in=list(shop_ids))
        .select_related("shop")
        .order_by("address")
    )
    received = RawMail.objects.filter(mailbox__in=rows).values_list("mailbox")
    latest = dict(received.annotate(Max("received_at")).order_by())
    stuck = dict(received.filter(state="quarantined").annotate(Count("pk")).order_by())
    for row in rows:
        row.last_mail_at = latest.get(row.pk)
        row.quarantined = stuck.get(row.pk, 0)
    return rows


def mailbox(mailbox_id: int, *, shop_ids: frozenset[int]) -> Mailbox | None:
    """One mailbox with its shop, when the agent may manage it. Runs one query."""
    rows = Mailbox.objects.filter(pk=mailbox_id, shop_id__in=shop_ids)
    return rows.select_related("shop").first()


def subjects_sent(message_ids: Iterable[int]) -> dict[int, str]:
    """What messages were about in a line, by id. Runs one query."""
    rows = OutgoingMessage.objects.filter(pk__in=list(message_ids), is_confidential=False)
    return dict(rows.values_list("pk", "subject"))


def by_sms(message_ids: Iterable[int]) -> frozenset[int]:
    """Which of these messages are SMS. Runs one query."""
    rows = OutgoingMessage.objects.filter(pk__in=list(message_ids), channel="sms")
    return frozenset(rows.values_list("pk", flat=True))


def unconversed(mail_ids: Iterable[int]) -> dict[int, Mail]:
    """Of these mails, those outside every conversation, with subject only. Runs one query."""
    rows = Mail.objects.exclude(raw__outcome__in=["message-added", "conversation-opened"])
    return rows.only("subject", "raw_id").in_bulk(list(mail_ids))
