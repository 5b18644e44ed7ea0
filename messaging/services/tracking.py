"""Links of mails that lead through us: written down before the mail leaves, put into it as it is built."""

from __future__ import annotations

from collections.abc import Iterable

from django.conf import settings

from messaging.mime import following
from messaging.models import Link, OutgoingMessage
from messaging.rules import hits, tokens
from messaging.services.keys import signing_key


def base() -> str:
    """Our own address, as links begin."""
    return settings.ECRM_BASE_URL.rstrip("/")


def keep_wording_links(wording_id: int, *, html_source: str) -> None:
    """Write down where the links of a wording lead; the same again changes nothing."""
    _keep(
        Link(wording_id=wording_id, number=anchor.number, target=anchor.target)
        for anchor in following.followable(html_source, base=base())
    )


def keep_links(messages: Iterable[OutgoingMessage]) -> None:
    """Write down where the links of messages with words of their own lead. Runs one query, or none."""
    _keep(
        Link(message=message, number=anchor.number, target=anchor.target)
        for message in messages
        if message.noted & hits.CLICKS and message.html
        for anchor in following.anchors(message.html)
        if following.Way(base()).is_foreign(anchor.target)
    )


def tokens_of(message_ids: Iterable[int]) -> dict[int, str]:
    """The name of each of these messages in its links. One query."""
    rows = OutgoingMessage.objects.filter(pk__in=list(message_ids)).order_by("pk")
    key = signing_key()
    return {
        pk: tokens.token(uuid, use="track", key=key) for pk, uuid in rows.values_list("pk", "uuid")
    }


def html_of(message: OutgoingMessage) -> str:
    """A message's HTML as it leaves, with what is noted about it."""
    if not message.noted or not message.html:
        return message.html
    token = tokens.token(message.uuid, use="track", key=signing_key())
    return following.followed(message.html, base=base(), token=token, noted=message.noted)


def _keep(links: Iterable[Link]) -> None:
    rows = list(links)
    if rows:
        Link.objects.bulk_create(rows, ignore_conflicts=True)
