"""Taking mass mail out of the queue in batches, for a courier whose journal outlives it."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from ecrm.kernel import failpoints
from ecrm.kernel.prepared import Statement, numbers
from messaging.models import OutgoingMessage, Wording
from messaging.rules import delivery
from messaging.services import attempts, drafts, pace, permits, returning, tracking

AFTER_CLAIM = failpoints.declare("messaging.after-mass-claim")

_TAKE = Statement(
    "mass_take",
    """
SELECT id, replace(uuid::text, '-', ''), recipient, from_address, message_id, reply_to,
    purpose = 'marketing', wording_id, data::text, coalesce(retried_at, queued_at),
    purpose, topic, shop_id, profile_id, reason, available_at
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
UPDATE messaging_outgoingmessage m
SET state = 'claimed', lease_token = %(token)s::uuid, lease_until = %(until)s, noted = h.noted
FROM unnest(%(ids)s::bigint[], %(noted)s::smallint[]) AS h (id, noted)
WHERE m.id = h.id
""",
)


@dataclass(frozen=True, slots=True)
class Batch:
    """Messages held under one token, as a courier is told about them."""

    token: uuid.UUID
    message_ids: list[int]
    mails: list[list[Any]]
    wordings: set[int]
    plus: frozenset[str] = frozenset()


def claim(token: uuid.UUID, *, limit: int, at: datetime) -> Batch | None:
    """The mass mail that waits longest, leased under this token; None when none may go now.

    Whom nobody may write to is skipped, what waited too long fails; both with their reason. Publishes
    MessageFailed for the latter.
    """
    with transaction.atomic():
        taken = _TAKE.rows(at=at, limit=limit)
        if not taken:
            return None
        later = pace.hold_back(
            [pace.Waiting(row[0], row[2], row[14], row[15]) for row in taken], at=at
        )
        going = [row for row in taken if row[0] not in later]
        asked = permits.ask([_candidate(row) for row in going], at=at)
        kept = _kept_back(going, asked.refused, at=at)
        held = [row for row in going if row[0] not in kept]
        if held:
            with connection.cursor() as cursor:
                values = {
                    "token": str(token),
                    "until": at + delivery.LEASE,
                    "ids": numbers(row[0] for row in held),
                    "noted": numbers(asked.noted.get(row[0], 0) for row in held),
                }
                _HOLD.execute(cursor, values)
        mails = [[*row[:9], asked.noted.get(row[0], 0)] for row in held]
        _with_own_words(mails)
    if held:
        AFTER_CLAIM.hit()
    return Batch(
        token,
        [row[0] for row in held],
        mails,
        {row[7] for row in held if row[7] is not None},
        returning.plus_addresses(row[3] for row in held),
    )


def words(wording_ids: Iterable[int]) -> dict[int, dict[str, str]]:
    """What mass mails say, as a courier wants to hear it; where their links lead is written down before.

    Runs a query for all and one for each, or none.
    """
    ids = list(wording_ids)
    if not ids:
        return {}
    rows = list(Wording.objects.filter(pk__in=ids))
    for row in rows:
        tracking.keep_wording_links(row.pk, html_source=row.html)
    return {
        row.pk: {
            "from_name": row.from_name,
            "from_address": row.from_address,
            "subject": row.subject,
            "text": row.text,
            "html": row.html,
        }
        for row in rows
    }


def _candidate(row: tuple[Any, ...]) -> permits.Candidate:
    purpose, topic, shop_id, profile_id = row[10:14]
    return permits.Candidate(
        id=row[0],
        recipient=row[2],
        purpose=purpose,
        channel=OutgoingMessage.Channel.MAIL,
        topic=topic,
        shop_id=shop_id,
        profile_id=profile_id,
        is_automatic=True,
        is_confidential=False,
    )


def _kept_back(
    taken: list[tuple[Any, ...]], refused: Mapping[int, str], *, at: datetime
) -> set[int]:
    """Those of the locked rows that may not go: skipped or given up here, the skipped by their reason."""
    reasons: dict[str, list[int]] = {}
    for pk, reason in refused.items():
        reasons.setdefault(reason, []).append(pk)
    for reason, ids in reasons.items():
        OutgoingMessage.objects.filter(pk__in=ids).update(
            state=OutgoingMessage.State.SKIPPED, reason=reason, settled_at=at
        )
    late = {
        row[0] for row in taken if row[0] not in refused and at - row[9] > delivery.GIVE_UP_AFTER
    }
    for message in OutgoingMessage.objects.filter(pk__in=late) if late else ():
        detail = message.reason_detail
        attempts.fail(message, reason="expired", detail=detail, token=None, at=at)
    return {*refused, *late}


def _with_own_words(mails: list[list[Any]]) -> None:
    """Messages that are not made of a wording bring their parts along in place of data."""
    own = {mail[0]: mail for mail in mails if mail[7] is None}
    if not own:
        return
    messages = list(OutgoingMessage.objects.filter(pk__in=own))
    tracking.keep_links(messages)
    for message in messages:
        parts = drafts.parts(message)
        own[message.pk][8] = parts | {"written_at": message.queued_at.isoformat()}
