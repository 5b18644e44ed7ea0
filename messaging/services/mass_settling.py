"""Writing down what became of a batch of mass mail, from its courier's journal and nothing else.

The journal is read in the same way after a good day and after a crash: accepted is sent; begun and
without an end is ambiguous and never repeated; what was not begun waits again.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.db import connection, transaction

from ecrm.kernel import history, outbox
from ecrm.kernel.prepared import Statement, numbers, texts
from messaging.events import BatchSettled, MessageSent
from messaging.models import DeliveryAttempt, OutgoingMessage
from messaging.rules import delivery
from messaging.services import attempts
from messaging.transports import journal
from messaging.transports.smtp import Reply, Result

HOPELESS_AFTER = timedelta(minutes=10)
"""How long a journal on another machine is waited for before its mails are called ambiguous."""
OUR_HOST = "courier"
"""Stands for the mail server where only the journal is left to tell."""
State = OutgoingMessage.State

_ACCEPTED = Statement(
    "mass_accepted",
    """
WITH told AS (
    SELECT id, to_timestamp(begun / 1000.0) AS begun_at, to_timestamp(ended / 1000.0) AS ended_at,
        code, said, provider_id
    FROM unnest(
        %(ids)s::bigint[], %(begun)s::bigint[], %(ended)s::bigint[], %(codes)s::int[],
        %(said)s::text[], %(provider_ids)s::text[]
    ) AS t (id, begun, ended, code, said, provider_id)
), sent AS (
    UPDATE messaging_outgoingmessage m SET state = 'sent', reason = '', reason_detail = '',
        attempts = m.attempts + 1, sent_at = told.ended_at, settled_at = told.ended_at,
        lease_token = NULL, lease_until = NULL,
        provider_id = coalesce(nullif(told.provider_id, ''), m.provider_id),
        text = CASE WHEN m.is_confidential THEN '' ELSE m.text END,
        html = CASE WHEN m.is_confidential THEN '' ELSE m.html END
    FROM told
    WHERE m.id = told.id AND m.state = 'claimed' AND m.lease_token = %(token)s::uuid
    RETURNING m.id, m.attempts, m.profile_id, m.shop_id, m.about, told.begun_at, told.ended_at,
        told.code, told.said
), tries AS (
    INSERT INTO messaging_deliveryattempt
        (message_id, number, host, lease_token, outcome, reply_code, reply_text, started_at,
         finished_at)
    SELECT id, attempts, %(host)s, %(token)s::uuid, 'accepted', code, said, begun_at, ended_at
    FROM sent
)
SELECT id, profile_id, shop_id, about, ended_at FROM sent
""",
)


@transaction.atomic
def settle(
    token: uuid.UUID,
    *,
    story: journal.Story,
    message_ids: Sequence[int],
    host: str,
    trouble: str = "",
    available_at: datetime | None = None,
    at: datetime,
) -> int:
    """Settle the messages of a batch that are still held under its token; returns how many were sent.

    With `trouble` the server could not be used: what was not handed over waits until `available_at`.
    Publishes MessageFailed for each that failed, and BatchSettled.
    """
    ended = {pk: story.ended[pk] for pk in message_ids if pk in story.ended}
    accepted = [pk for pk, entry in ended.items() if entry.kind == "accepted"]
    sent = _accepted(token, story, accepted, host=host)
    _back(
        token,
        [pk for pk in message_ids if _is_untouched(pk, story)],
        trouble=trouble,
        available_at=available_at,
    )
    done = set(accepted)
    rest = [pk for pk in message_ids if pk not in done and not _is_untouched(pk, story)]
    failed = _one_by_one(token, story, rest, host=host, at=at)
    if sent or failed:
        _tell(sent, failed, at=at)
    return len(sent)


def recover_abandoned(root: Path, *, at: datetime) -> int:
    """Settle batches whose sender died. Returns how many messages.

    Those with a journal here are settled from it at once. For those without one, written on another
    machine, the lease has to run out and then some; what became of them nobody can know.
    """
    recovered = 0
    for path in journal.abandoned(root):
        token = uuid.UUID(path.stem)
        held = list(OutgoingMessage.objects.held_by(token).values_list("pk", flat=True))
        if held:
            settle(token, story=journal.read(path), message_ids=held, host=OUR_HOST, at=at)
        path.unlink(missing_ok=True)
        recovered += len(held)
    return recovered + _give_up_lost(root, at=at)


def _give_up_lost(root: Path, *, at: datetime) -> int:
    rows = OutgoingMessage.objects.abandoned(at - HOPELESS_AFTER)
    rows = rows.filter(lane=delivery.MASS_LANE, channel="mail")
    lost: dict[uuid.UUID, list[int]] = {}
    for pk, token in rows.values_list("pk", "lease_token")[:5000]:
        if token is not None and not journal.is_on_this_machine(root, str(token)):
            lost.setdefault(token, []).append(pk)
    for token, ids in lost.items():
        story = journal.Story(is_whole=False)
        settle(token, story=story, message_ids=ids, host=OUR_HOST, at=at)
    return sum(map(len, lost.values()))


def _is_untouched(pk: int, story: journal.Story) -> bool:
    """Whether the server surely got nothing of it, and nothing is wrong with the mail itself."""
    if pk in story.ended:
        return story.ended[pk].kind == "closed"
    return story.is_whole and pk not in story.started


def _accepted(
    token: uuid.UUID, story: journal.Story, ids: list[int], *, host: str
) -> list[MessageSent]:
    if not ids:
        return []
    entries = [story.ended[pk] for pk in ids]
    with connection.cursor() as cursor:
        _ACCEPTED.execute(
            cursor,
            {
                "ids": numbers(ids),
                "begun": numbers(
                    story.started.get(pk, entry.milliseconds)
                    for pk, entry in zip(ids, entries, strict=True)
                ),
                "ended": numbers(entry.milliseconds for entry in entries),
                "codes": numbers(entry.code for entry in entries),
                "said": texts(entry.text for entry in entries),
                "provider_ids": texts(entry.provider_id[:100] for entry in entries),
                "token": str(token),
                "host": host,
            },
        )
        rows = cursor.fetchall()
    events = [
        MessageSent(message_id=pk, profile_id=profile_id, shop_id=shop_id, about=about)
        for pk, profile_id, shop_id, about, _at in rows
    ]
    history.record(zip(events, (row[4] for row in rows), strict=True))
    return events


def _back(token: uuid.UUID, ids: list[int], *, trouble: str, available_at: datetime | None) -> None:
    if not ids:
        return
    held = OutgoingMessage.objects.held_by(token).filter(pk__in=ids)
    if trouble and available_at is not None:
        held.update(
            state=State.DEFERRED,
            reason="server_unreachable",
            reason_detail=trouble[:500],
            available_at=available_at,
            lease_token=None,
            lease_until=None,
        )
    else:
        held.update(state=State.PENDING, lease_token=None, lease_until=None)


def _one_by_one(
    token: uuid.UUID, story: journal.Story, ids: list[int], *, host: str, at: datetime
) -> list[OutgoingMessage]:
    """The few that a server refused, or of which nobody knows. Returns those that are settled now."""
    if not ids:
        return []
    rows = OutgoingMessage.objects.held_by(token).filter(pk__in=ids)
    settled = []
    for message in rows.select_for_update(of=("self",)).order_by("pk"):
        _settle_one(message, story, token=token, host=host, at=at)
        if message.state != State.DEFERRED:
            settled.append(message)
    return settled


def _settle_one(
    message: OutgoingMessage, story: journal.Story, *, token: uuid.UUID, host: str, at: datetime
) -> None:
    entry = story.ended.get(message.pk)
    if entry is not None and entry.kind == "unmade":
        detail = entry.text
        attempts.fail(message, reason="rendering_failed", detail=detail, token=token, at=at)
        return
    begun = story.started.get(message.pk, entry.milliseconds if entry else None)
    attempt, _made = DeliveryAttempt.objects.get_or_create(
        message=message,
        outcome=DeliveryAttempt.Outcome.ATTEMPTING,
        defaults={
            "number": message.attempts + 1,
            "host": host,
            "lease_token": token,
            "started_at": _instant(begun) if begun is not None else at,
        },
    )
    attempts.settle(attempts.Finished(message, attempt, result_of(entry)), token=token, at=at)


def result_of(entry: journal.Entry | None) -> Result:
    """What an entry of a journal says; of a mail without one nobody knows."""
    if entry is None:
        return Result(outcome="unknown", text="the sender stopped before the answer")
    reply = Reply(code=entry.code, text=entry.text) if entry.code else None
    outcome = "unknown" if entry.kind == "unmade" else entry.kind
    return Result(
        outcome=outcome,
        reply=reply,
        text=entry.text,
        reason=entry.reason,
        provider_id=entry.provider_id,
    )


def _tell(sent: list[MessageSent], settled: Iterable[OutgoingMessage], *, at: datetime) -> None:
    """One fact for each shop and subject: what thousands of deliveries one by one would say."""
    good = Counter((event.shop_id, event.about) for event in sent)
    bad = Counter((message.shop_id, message.about) for message in settled)
    for shop_id, about in sorted({*good, *bad}, key=str):
        outbox.publish(
            BatchSettled(
                shop_id=shop_id,
                about=about,
                sent=good[shop_id, about],
                not_sent=bad[shop_id, about],
            ),
            at=at,
        )


def _instant(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, tz=UTC)
