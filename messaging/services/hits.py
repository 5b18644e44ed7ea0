"""Openings and followed links: taken in with one statement, judged a moment later, told to the profiles.

What a request shows is judged at once; what many links followed at once show, when all of them are
there. Only then a person's first hit becomes an activity of the customer. A link leads on in any case.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Min
from django.utils.timezone import now

from company import queries as company
from ecrm.kernel.prepared import Statement
from messaging.mime import following, merging
from messaging.models import Hit, OutgoingMessage
from messaging.queries.mail_rules import rules_of
from messaging.rules import hits as rules
from messaging.rules import mail_rules, tokens
from messaging.services.keys import accepted_keys
from messaging.services.permits import OPEN_TRACKING
from profiles import queries as profiles
from profiles.services import activities

OPENED: Final = "mail-opened"
CLICKED: Final = "mail-clicked"
PICTURE: Final = 0
MOST_HITS: Final = 1000
BATCH: Final = 500

_FIND = Statement(
    "hit_find",
    """
SELECT m.id, m.shop_id, m.profile_id, m.noted, m.purpose, m.is_automatic, m.recipient <> '', m.sent_at,
    m.data::text, l.target
FROM messaging_outgoingmessage m
LEFT JOIN messaging_link l
    ON l.number = %(number)s AND (l.message_id = m.id OR l.wording_id = m.wording_id)
WHERE m.uuid = %(uuid)s::uuid
""",
)
_NOTE = Statement(
    "hit_note",
    f"""
INSERT INTO messaging_hit AS h
    (message_id, number, source, score, reasons, hits, first_at, last_at, settled_at)
VALUES (%(message_id)s, %(number)s, %(source)s::varchar, %(score)s, %(reasons)s::varchar[], 1,
    %(at)s::timestamptz, %(at)s,
    CASE WHEN %(source)s = '{rules.PERSON}' THEN NULL ELSE %(at)s END)
ON CONFLICT (message_id, number, source) DO UPDATE SET hits = h.hits + 1, last_at = excluded.last_at
WHERE h.hits < {MOST_HITS} AND excluded.last_at > h.last_at + interval '1 second'
""",  # noqa: S608 - constants of ours
)


@dataclass(frozen=True, slots=True)
class _Found:
    """The message behind a token, and where the link leads, with gaps."""

    message_id: int
    shop_id: int | None
    profile_id: int | None
    noted: int
    purpose: str
    is_automatic: bool
    is_known: bool
    sent_at: datetime | None
    data: str | None
    target: str | None


def follow(
    token: str,
    *,
    number: int,
    method: str,
    headers: Mapping[str, str],
    at: datetime | None = None,
) -> str | None:
    """Where the nth link of a message leads; None for what we did not write. Notes that it was followed.

    Where its recipient was erased, or the shop notes nothing any more, it leads on and nothing is noted.
    """
    found = _find(token, number=number) if PICTURE < number <= following.MOST_LINKS else None
    if found is None or found.target is None:
        return None
    address = _address(found)
    if address is not None and _is_noted(found, rules.CLICKS):
        moment = at or now()
        look = _look(found, is_click=True, method=method, headers=headers, at=moment)
        _note(found, number=number, verdict=rules.judge(look), at=moment)
    return address


def note_opening(
    token: str, *, method: str, headers: Mapping[str, str], at: datetime | None = None
) -> None:
    """Note that a message was opened, if it went out with the picture and its recipient still allows it."""
    found = _find(token, number=PICTURE)
    if found is not None and _is_noted(found, rules.OPENS):
        moment = at or now()
        look = _look(found, is_click=False, method=method, headers=headers, at=moment)
        _note(found, number=PICTURE, verdict=rules.judge(look), at=moment)


def settle_hits(*, at: datetime | None = None) -> int:
    """Judge the hits which waited long enough, and tell the profiles of the persons'. Returns how many.

    Each is told once; a message's burst of links is a program's.
    """
    moment = at or now()
    oldest = Hit.objects.filter(settled_at__isnull=True).aggregate(at=Min("first_at"))["at"]
    if oldest is None:
        return 0
    activities.ensure_months_between(oldest, last=moment)
    with transaction.atomic():
        waiting = list(
            Hit.objects.filter(settled_at__isnull=True, first_at__lte=moment - rules.SETTLED_AFTER)
            .order_by("first_at", "pk")
            .select_for_update(skip_locked=True, of=("self",))[:BATCH]
        )
        fast = _fast({hit.message_id for hit in waiting if hit.number})
        persons = [hit for hit in waiting if hit.pk not in fast]
        for hit in waiting:
            if hit.pk in fast:
                _call_machine(hit, at=moment)
        Hit.objects.filter(pk__in=[hit.pk for hit in persons]).update(settled_at=moment)
        _tell(persons, at=moment)
    return len(waiting)


def _find(token: str, *, number: int) -> _Found | None:
    uuid: UUID | None = tokens.uuid_of(token, use="track", keys=accepted_keys())
    rows = _FIND.rows(uuid=str(uuid), number=number) if uuid else []
    return _Found(*rows[0]) if rows else None


def _is_noted(found: _Found, bit: int) -> bool:
    """Whether it went out with it, and its recipient is known and the shop and he still want it."""
    if not found.is_known or found.shop_id is None or not found.noted & bit:
        return False
    allows_opens = bit == rules.OPENS and (
        found.profile_id is not None
        and profiles.consents.may(
            found.profile_id, shop_id=found.shop_id, channel="email", purpose=OPEN_TRACKING
        )
    )
    still = mail_rules.noted(
        rules_of([found.shop_id])[found.shop_id],
        purpose=found.purpose,
        is_automatic=found.is_automatic,
        is_confidential=False,
        allows_opens=allows_opens,
    )
    return bool(still & bit)


def _address(found: _Found) -> str | None:
    """The whole address, or where of it we still know; what the recipient's data filled may be gone."""
    data = json.loads(found.data) if found.data else {}
    target = found.target or ""
    try:
        address = merging.Text(target).fill(data)
    except merging.RenderingFailed:
        address = _remains(target, found.shop_id)
    return address if following.is_web_address(address) else None


def _remains(target: str, shop_id: int | None) -> str:
    """The site a link was about, without what was personal in it; else that of the shop."""
    scheme, _, rest = target.partition("://")
    host, slash, _ = rest.partition("/")
    if slash and "{{" not in host:
        return f"{scheme}://{host}/"
    domains = company.shop(shop_id).domains if shop_id is not None else ()
    return f"https://{domains[0]}/" if domains else ""


def _look(
    found: _Found, *, is_click: bool, method: str, headers: Mapping[str, str], at: datetime
) -> rules.Look:
    since = at - found.sent_at if found.sent_at else None
    return rules.Look(is_click=is_click, method=method, headers=headers, since_sent=since)


def _note(found: _Found, *, number: int, verdict: rules.Verdict, at: datetime) -> None:
    with connection.cursor() as cursor:
        values = {
            "message_id": found.message_id,
            "number": number,
            "source": verdict.source,
            "score": verdict.score,
            "reasons": list(verdict.reasons),
            "at": at,
        }
        _NOTE.execute(cursor, values)


def _fast(message_ids: set[int]) -> set[int]:
    """The hits at these messages by a program that followed many links at once. One query, or none."""
    clicks: dict[int, list[rules.Click]] = {}
    rows = Hit.objects.filter(
        message_id__in=message_ids,
        number__gt=PICTURE,
        source__in=[rules.PERSON, rules.MANY_LINKS],
    )
    for hit in rows if message_ids else ():
        click = rules.Click(id=hit.pk, number=hit.number, at=hit.first_at)
        clicks.setdefault(hit.message_id, []).append(click)
    return {pk for found in clicks.values() for pk in rules.bursts(found)}


def _call_machine(hit: Hit, *, at: datetime) -> None:
    """Count it with the programs; a person may follow the same link later and is a hit of his own."""
    known = Hit.objects.filter(
        message_id=hit.message_id, number=hit.number, source=rules.MANY_LINKS
    ).first()
    if known is not None:
        known.hits = min(known.hits + hit.hits, MOST_HITS)
        known.last_at = max(known.last_at, hit.last_at)
        known.save(update_fields=["hits", "last_at"])
        hit.delete()
        return
    hit.source, hit.score, hit.settled_at = rules.MANY_LINKS, 100, at
    hit.reasons = [rules.MANY_LINKS, *hit.reasons]
    hit.save(update_fields=["source", "score", "reasons", "settled_at"])


def _tell(persons: Sequence[Hit], *, at: datetime) -> None:
    """Activities of the customers behind them: a followed link is a contact, an opening is none (CNIL)."""
    rows = OutgoingMessage.objects.filter(
        pk__in={hit.message_id for hit in persons}, profile__isnull=False, shop__isnull=False
    ).exclude(recipient="")
    known = {row[0]: row[1:] for row in rows.values_list("pk", "profile_id", "shop_id")}
    told = [
        activities.Told(
            profile_id=known[hit.message_id][0],
            shop_id=known[hit.message_id][1],
            name=CLICKED if hit.number else OPENED,
            occurred_at=hit.first_at,
            properties={"message_id": hit.message_id, "link": hit.number},
            is_contact=bool(hit.number),
        )
        for hit in persons
        if hit.message_id in known
    ]
    activities.tell(told, at=at)
