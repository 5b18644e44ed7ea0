"""Who is spared, for the pages."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Exists, OuterRef, Q

from messaging.models import OutgoingMessage, Suppression
from messaging.models.suppressions import SuppressionQuerySet

MOST_DOMAINS = 50


@dataclass(frozen=True, kw_only=True, slots=True)
class DomainHealth:
    """How the mails to one domain fared."""

    domain: str
    sent: int
    waiting: int
    failed: int
    skipped: int
    unclear: int

    @property
    def failed_share(self) -> float:
        """Of those that left or came back, the part that failed, in percent."""
        tried = self.sent + self.failed
        return 100 * self.failed / tried if tried else 0.0


def log(
    shop_ids: Collection[int],
    *,
    with_installation: bool,
    words: str = "",
    scope: str = "",
    is_lifted: bool = False,
    at: datetime,
) -> SuppressionQuerySet:
    """What these shops spare, newest first. Runs no query.

    What is spared from all shops is shown to who sees the whole installation, to others where one of
    their shops wrote to the address. Addresses of erased customers are known by a hash only and not shown.
    """
    rows = Suppression.objects.exclude(address__startswith="#")
    rows = rows.filter(lifted_at__isnull=False) if is_lifted else rows.active(at)
    everywhere = Q(shop__isnull=True)
    if not with_installation:
        written_to = OutgoingMessage.objects.filter(
            recipient=OuterRef("address"), shop_id__in=list(shop_ids)
        )
        everywhere &= Q(Exists(written_to))
    rows = rows.filter(Q(shop_id__in=list(shop_ids)) | everywhere)
    if scope:
        rows = rows.filter(scope=scope)
    if words:
        rows = rows.filter(address__icontains=words.strip())
    return rows.for_list()


def against(message: OutgoingMessage, *, at: datetime) -> list[Suppression]:
    """What spares the recipient of a message now, from its shop. Runs one query."""
    if not message.recipient:
        return []
    rows = Suppression.objects.active(at).filter(address=message.recipient)
    return list(rows.filter(Q(shop__isnull=True) | Q(shop_id=message.shop_id)).order_by("pk"))


def domains(shop_ids: Collection[int], *, days: int, at: datetime) -> list[DomainHealth]:
    """How the mails of these shops fared in the last days, by domain, the busiest first. One query."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT split_part(recipient, '@', 2) AS domain,
                count(*) FILTER (WHERE state IN ('sent', 'delivered')),
                count(*) FILTER (WHERE state IN ('pending', 'claimed', 'deferred')),
                count(*) FILTER (WHERE state = 'failed'),
                count(*) FILTER (WHERE state = 'skipped'),
                count(*) FILTER (WHERE state = 'ambiguous')
            FROM messaging_outgoingmessage
            WHERE shop_id = ANY(%s::bigint[]) AND queued_at > %s AND channel = 'mail'
              AND recipient <> ''
            GROUP BY domain ORDER BY count(*) DESC, domain LIMIT %s
            """,
            [list(shop_ids), at - timedelta(days=days), MOST_DOMAINS],
        )
        rows = cursor.fetchall()
    return [
        DomainHealth(
            domain=domain,
            sent=sent,
            waiting=waiting,
            failed=failed,
            skipped=skipped,
            unclear=unclear,
        )
        for domain, sent, waiting, failed, skipped, unclear in rows
    ]
