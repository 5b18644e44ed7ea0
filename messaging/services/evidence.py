"""What a received mail belongs to, by evidence that only we can have made, the strongest first.

No evidence proves who wrote: whoever has our mail in hands, or saw it forwarded, has its ids and tokens.
The subject is no evidence here at all.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from messaging.mime.reading import ParsedMail
from messaging.models import Mail, Mailbox, OutgoingMessage, RawMail
from messaging.rules import message_ids, tokens
from messaging.services.keys import accepted_keys


@dataclass(frozen=True, slots=True)
class Evidence:
    """The message of ours that a mail answers, or the earlier mail that it continues; or neither."""

    kind: str = Mail.Evidence.NONE
    answers: OutgoingMessage | None = None
    continues_id: int | None = None


def of(parsed: ParsedMail, *, raw: RawMail, mailbox: Mailbox, profile_id: int | None) -> Evidence:
    """Why a mail belongs to something, within its shop. Runs at most four queries, none for a first mail.

    1. a signed token in the address it was sent to: it survives providers that rewrite Message-IDs;
    2. a Message-ID that we made, in In-Reply-To, in References or in the mail a report returns;
    3. the Message-ID of an earlier mail of the same customer.
    """
    shop_id = mailbox.shop_id
    tags = [tokens.plus_token(address) for address in _sent_to(parsed, raw)]
    keys = accepted_keys()
    for use, kind in (
        ("reply", Mail.Evidence.REPLY_TOKEN),
        ("bounce", Mail.Evidence.BOUNCE_TOKEN),
    ):
        named = [tokens.uuid_of(tag, use=use, keys=keys) for tag in tags if tag]  # type: ignore[arg-type] # a use
        if found := _newest(named, shop_id=shop_id):
            return Evidence(kind, answers=found)
    ids = [parsed.reported_message_id, parsed.in_reply_to, *reversed(parsed.references)]
    if found := _newest(
        [message_ids.uuid_of(text, keys=keys) for text in ids if text], shop_id=shop_id
    ):
        return Evidence(Mail.Evidence.OUR_ID, answers=found)
    return _continued([text for text in ids if text], shop_id=shop_id, profile_id=profile_id)


def _sent_to(parsed: ParsedMail, raw: RawMail) -> Iterable[str]:
    yield raw.envelope_recipient
    if parsed.complaint is not None:
        yield parsed.complaint.envelope_sender
    yield from parsed.delivered_to
    for person in (*parsed.to, *parsed.cc):
        yield person.address


def _newest(uuids: Iterable[UUID | None], *, shop_id: int) -> OutgoingMessage | None:
    """The message of the first id that names one of this shop."""
    wanted = [uuid for uuid in uuids if uuid is not None]
    if not wanted:
        return None
    rows = OutgoingMessage.objects.filter(uuid__in=wanted, shop_id=shop_id).defer("text", "html")
    messages = {row.uuid: row for row in rows}
    return next((messages[uuid] for uuid in wanted if uuid in messages), None)


def _continued(ids: list[str], *, shop_id: int, profile_id: int | None) -> Evidence:
    """An id is no secret of its writer: only mails of the same customer count."""
    if not ids or profile_id is None:
        return Evidence()
    rows = Mail.objects.filter(message_id__in=ids, shop_id=shop_id, profile_id=profile_id)
    earlier = rows.order_by("-pk").values_list("pk", flat=True).first()
    return Evidence(Mail.Evidence.THEIR_ID, continues_id=earlier) if earlier else Evidence()
