"""Keeping to the pace that each receiving domain bears; only its own mass mail waits.

Receipts and answers never wait for it. A domain with a limit gives each mass mail a slot; one that says
"later" several times in a row is left alone for a while, which the first mail it takes again ends.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.conf import settings
from django.db import connection, transaction

from ecrm.kernel.prepared import Statement
from messaging.models import DomainPace
from messaging.rules import pace, refusals
from messaging.transports.smtp import Result

SLOT_TAKEN: Final = "domain_pace"
PAUSED: Final = "domain_paused"

_HOLD_BACK = Statement(
    "pace_hold_back",
    """
UPDATE messaging_outgoingmessage m
SET state = 'deferred', available_at = t.until_at, reason = t.reason, reason_detail = ''
FROM unnest(%(ids)s::bigint[], %(until)s::timestamptz[], %(reasons)s::text[])
    AS t (id, until_at, reason)
WHERE m.id = t.id AND m.state IN ('pending', 'deferred')
""",
)

_KNOWN = Statement(
    "paces_known",
    "SELECT domain FROM messaging_domainpace WHERE domain = ANY(%(domains)s::text[])",
)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A mass mail that is about to be claimed: to whom, why it waited and until when."""

    message_id: int
    recipient: str
    reason: str
    available_at: datetime


def hold_back(mails: Sequence[Waiting], *, at: datetime) -> set[int]:
    """Of these locked messages those that have to wait for their domain; they are put off here.

    One query when no domain of theirs has a limit or a pause. In the caller's transaction.
    """
    rates = pace.rates(settings.ECRM_DOMAIN_RATES)
    by_domain: dict[str, list[Waiting]] = {}
    for mail in mails:
        by_domain.setdefault(pace.domain_of(mail.recipient), []).append(mail)
    limited = {domain for domain in by_domain if pace.rate_of(domain, rates)}
    _make_room(limited)
    held: list[tuple[int, datetime, str]] = []
    for row in _locked(by_domain):
        rate = pace.rate_of(row.domain, rates)
        held += _slowed(row, by_domain[row.domain], rate=rate, at=at)
        if rate:
            row.save(update_fields=["free_from"])
    if held:
        ids, until, reasons = (list(column) for column in zip(*held, strict=True))
        with connection.cursor() as cursor:
            _HOLD_BACK.execute(cursor, {"ids": ids, "until": until, "reasons": reasons})
    return {pk for pk, _until, _reason in held}


def learn(fared: Iterable[tuple[str, Result]], *, at: datetime) -> None:
    """What the servers behind these recipients said: most of them "later" slows a domain, a yes frees it.

    One query when nothing is to be noted. Not inside the transaction that settles the messages.
    """
    balance: Counter[str] = Counter()
    for recipient, result in fared:
        if result.outcome == "accepted":
            balance[pace.domain_of(recipient)] -= 1
        elif result.outcome == "deferred" and result.reply is not None:
            reason = refusals.reason_of(result.reply.code, result.reply.text)
            balance[pace.domain_of(recipient)] += reason in pace.WISHES
    slow = {domain for domain, count in balance.items() if count > 0}
    if slow or _KNOWN.rows(domains=list(balance)):
        _note(balance, slow, at=at)


@transaction.atomic
def _note(balance: Counter[str], slow: set[str], *, at: datetime) -> None:
    _make_room(slow)
    for row in _locked(balance):
        if balance[row.domain] > 0:
            _slow_down(row, balance[row.domain], at=at)
        elif balance[row.domain] < 0 and row.deferrals:
            row.deferrals, row.paused_until = 0, None
            row.save(update_fields=["deferrals", "paused_until"])


def _locked(domains: Collection[str]) -> list[DomainPace]:
    """The rows of those of these domains that have one. Most of the time none has, which is asked cheaply."""
    known = [domain for (domain,) in _KNOWN.rows(domains=list(domains))]
    if not known:
        return []
    rows = DomainPace.objects.filter(domain__in=known).order_by("domain")
    return list(rows.select_for_update(of=("self",)))


def _make_room(domains: set[str]) -> None:
    """Rows for these domains. One creator at a time: two could wait for each other's rows for ever."""
    known = DomainPace.objects.filter(domain__in=domains).values_list("domain", flat=True)
    missing = domains - set(known) if domains else set()
    if not missing:
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('messaging.pace'))")
    rows = [DomainPace(domain=domain[:253]) for domain in sorted(missing)]
    DomainPace.objects.bulk_create(rows, ignore_conflicts=True)


def _slow_down(row: DomainPace, deferrals: int, *, at: datetime) -> None:
    if row.paused_until is not None and row.paused_until > at:
        return  # those which were on their way already say the same
    row.deferrals = max(row.deferrals + 1, min(deferrals, pace.PATIENCE))
    rest = pace.pause(row.deferrals)
    row.paused_until = at + rest if rest else None
    row.save(update_fields=["deferrals", "paused_until"])


def _slowed(
    row: DomainPace, mails: list[Waiting], *, rate: int, at: datetime
) -> list[tuple[int, datetime, str]]:
    if row.paused_until is not None and row.paused_until > at:
        return [(mail.message_id, row.paused_until, PAUSED) for mail in mails]
    if row.deferrals >= pace.PATIENCE:
        # After a pause one of them asks; the others wait for its answer.
        until = at + pace.FIRST_PAUSE
        return [(mail.message_id, until, PAUSED) for mail in mails[1:]]
    held = []
    for mail in mails:
        has_slot = mail.reason == SLOT_TAKEN and mail.available_at > at - pace.STALE
        if not rate or has_slot:
            continue
        mine, row.free_from = pace.slot(row.free_from, at=at, rate=rate)
        if mine > at + pace.AT_ONCE:
            held.append((mail.message_id, mine, SLOT_TAKEN))
    return held
