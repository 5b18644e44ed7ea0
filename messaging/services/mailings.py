"""Writing many messages down at once: the words once, and for each recipient what fills their gaps."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Final

from django.db import transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _

from company import queries as company
from ecrm.kernel import doorbell
from messaging.mime import addresses, html, merging
from messaging.models import OutgoingMessage, Wording
from messaging.rules import delivery, message_ids
from messaging.services.keys import signing_key
from messaging.services.outgoing import InvalidHeader

AT_ONCE: Final = 1000
ENGINE: Final = "gaps"


@dataclass(frozen=True, kw_only=True, slots=True)
class MassRecipient:
    """One of many. The same `dedupe_key` is written to once."""

    to: str
    profile_id: int | None
    data: Mapping[str, Any]
    dedupe_key: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Queued:
    """What became of a list of recipients: written down, known before, and not usable."""

    queued: int
    known: int
    unusable: int


@transaction.atomic
def keep_wording(
    *,
    shop_id: int,
    language: str,
    subject: str,
    text: str = "",
    html_source: str = "",
    at: datetime | None = None,
) -> int:
    """The id of these words, from this shop; the same words have the same id.

    Gaps are written `{{ first_name }}` or `{{ first_name | default: "dear customer" }}`. Without a text
    one is made of the HTML. Raises InvalidHeader.
    """
    if "\r" in subject or "\n" in subject or "\0" in subject:
        raise InvalidHeader(_("A header value must not contain line breaks."))
    shop = company.shop(shop_id)
    parts = {
        "engine": ENGINE,
        "shop_id": shop_id,
        "language": language,
        "from_name": shop.sender_name,
        "from_address": shop.support_email,
        "subject": subject,
        "text": text or html.to_text(html_source),
        "html": html_source,
    }
    fingerprint = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
    row, _made = Wording.objects.get_or_create(
        fingerprint=fingerprint, defaults={**parts, "created_at": at or now()}
    )
    return row.pk


def queue_many(
    wording_id: int,
    *,
    recipients: Iterable[MassRecipient],
    topic: str = "",
    about: str = "",
    reply_to: str = "",
    at: datetime | None = None,
) -> Queued:
    """Write one marketing mail down for each recipient, a thousand in a transaction.

    Calling it again with the same recipients adds those that are missing. A recipient whose data has no
    word for a gap of the subject is written down as failed, so that the sum of the outcomes is the number
    of recipients; one whose address is none is only counted.
    """
    wording = Wording.objects.get(pk=wording_id)
    moment, rest = at or now(), iter(recipients)
    queued = known = unusable = 0
    while block := list(islice(rest, AT_ONCE)):
        rows = list(_rows(wording, block, topic=topic, about=about, reply_to=reply_to, at=moment))
        with transaction.atomic():
            before = OutgoingMessage.objects.filter(
                dedupe_key__in=[row.dedupe_key for row in rows]
            ).count()
            OutgoingMessage.objects.bulk_create(rows, ignore_conflicts=True)
            doorbell.ring("mass-mail")
        queued += len(rows) - before
        known += before
        unusable += len(block) - len(rows)
    return Queued(queued=queued, known=known, unusable=unusable)


def _rows(
    wording: Wording,
    block: list[MassRecipient],
    *,
    topic: str,
    about: str,
    reply_to: str,
    at: datetime,
) -> Iterator[OutgoingMessage]:
    subject, key = merging.Text(wording.subject), signing_key()
    domain = wording.from_address.rpartition("@")[2]
    for recipient in {one.dedupe_key: one for one in block}.values():
        address = addresses.single(recipient.to)
        if address is None:
            continue
        identity = uuid.uuid4()
        row = OutgoingMessage(
            uuid=identity,
            purpose=OutgoingMessage.Purpose.MARKETING,
            lane=delivery.MASS_LANE,
            shop_id=wording.shop_id,
            profile_id=recipient.profile_id,
            topic=topic,
            wording=wording,
            data=dict(recipient.data),
            about=about,
            language=wording.language,
            from_name=wording.from_name,
            from_address=wording.from_address,
            recipient=address,
            reply_to=reply_to,
            message_id=message_ids.message_id(identity, domain=domain, key=key),
            is_automatic=True,
            dedupe_key=recipient.dedupe_key,
            queued_at=at,
            available_at=at,
        )
        try:
            row.subject = " ".join(subject.fill(recipient.data).split())[:500]
        except merging.RenderingFailed as error:
            row.state, row.settled_at = OutgoingMessage.State.FAILED, at
            row.reason, row.reason_detail = "rendering_failed", str(error)
        yield row
