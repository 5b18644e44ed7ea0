"""Taking mass mail out of the queue in batches, for a courier whose journal outlives it."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from ecrm.kernel import failpoints
from ecrm.kernel.prepared import Statement
from messaging.models import OutgoingMessage, Wording
from messaging.rules import delivery
from messaging.services import claims, drafts

AFTER_CLAIM = failpoints.declare("messaging.after-mass-claim")

_TAKE = Statement(
    "mass_take",
    """
SELECT id, replace(uuid::text, '-', ''), recipient, from_address, message_id, reply_to,
    purpose = 'marketing', wording_id, data::text, coalesce(retried_at, queued_at)
FROM messaging_outgoingmessage
WHERE lane = 2 AND channel = 'mail' AND state IN ('pending', 'deferred')
  AND available_at <= %(at)s
ORDER BY available_at, id LIMIT %(limit)s
FOR UPDATE SKIP LOCKED
""",
)
_HOLD = Statement(
    "mass_hold",
    """
UPDATE messaging_outgoingmessage
SET state = 'claimed', lease_token = %(token)s::uuid, lease_until = %(until)s
WHERE id = ANY(%(ids)s::bigint[])
""",
)


@dataclass(frozen=True, slots=True)
class Batch:
    """Messages held under one token, as a courier is told about them."""

    token: uuid.UUID
    message_ids: list[int]
    mails: list[list[Any]]
    wordings: set[int]


def claim(token: uuid.UUID, *, limit: int, at: datetime) -> Batch | None:
    """The mass mail that waits longest, leased under this token; None when none may go now.

    Whom nobody may write to is skipped, what waited too long fails; both with their reason. Publishes
    MessageFailed for the latter.
    """
    with transaction.atomic():
        taken = _TAKE.rows(at=at, limit=limit)
        if not taken:
            return None
        kept = _doubtful(taken, at=at)
        held = [row for row in taken if row[0] not in kept]
        if held:
            with connection.cursor() as cursor:
                values = {
                    "token": str(token),
                    "until": at + delivery.LEASE,
                    "ids": [row[0] for row in held],
                }
                _HOLD.execute(cursor, values)
        mails = [list(row[:9]) for row in held]
        _with_own_words(mails)
    if held:
        AFTER_CLAIM.hit()
    return Batch(
        token,
        [row[0] for row in held],
        mails,
        {row[7] for row in held if row[7] is not None},
    )


def words(wording_ids: Iterable[int]) -> dict[int, dict[str, str]]:
    """What mass mails say, as a courier wants to hear it. Runs one query, or none."""
    ids = list(wording_ids)
    if not ids:
        return {}
    return {
        row.pk: {
            "from_name": row.from_name,
            "from_address": row.from_address,
            "subject": row.subject,
            "text": row.text,
            "html": row.html,
        }
        for row in Wording.objects.filter(pk__in=ids)
    }


def _doubtful(taken: list[tuple[Any, ...]], *, at: datetime) -> set[int]:
    """Those of the locked rows that may not go: skipped or given up here. Two queries when there is none."""
    bans = claims.bans({row[2] for row in taken}, at=at)
    doubtful = {row[0] for row in taken if row[2] in bans or at - row[9] > delivery.GIVE_UP_AFTER}
    if not doubtful:
        return doubtful
    rows = list(OutgoingMessage.objects.filter(pk__in=doubtful))
    return doubtful - {message.pk for message in claims.sift(rows, at=at)}


def _with_own_words(mails: list[list[Any]]) -> None:
    """Messages that are not made of a wording bring their parts along in place of data."""
    own = {mail[0]: mail for mail in mails if mail[7] is None}
    if not own:
        return
    for message in OutgoingMessage.objects.filter(pk__in=own):
        parts = drafts.parts(message)
        own[message.pk][8] = parts | {"written_at": message.queued_at.isoformat()}
