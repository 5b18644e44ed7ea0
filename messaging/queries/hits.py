"""Who opened mails and followed their links, for the pages."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Q

from messaging.models import Hit, Link, OutgoingMessage
from messaging.rules.hits import PERSON


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """A message that was opened, or one of its links that was followed, by one kind of visitor.

    `target` is empty for openings, and keeps the gaps of a wording's link.
    """

    hit: Hit
    target: str

    @property
    def is_person(self) -> bool:
        """Whether no program showed itself; one that waits to be judged is neither."""
        return self.hit.source == PERSON and self.hit.settled_at is not None

    @property
    def is_waiting(self) -> bool:
        """Whether it waits to be judged."""
        return self.hit.settled_at is None


@dataclass(frozen=True, kw_only=True, slots=True)
class HitSums:
    """How many mails persons opened or followed a link of, and how many only programs did."""

    sent: int
    noting_opens: int
    opened: int
    clicked: int
    opened_by_machine: int
    clicked_by_machine: int

    @property
    def opened_share(self) -> float:
        """Of the mails whose openings are noted, the part that a person opened, in percent."""
        return 100 * self.opened / self.noting_opens if self.noting_opens else 0.0

    @property
    def clicked_share(self) -> float:
        """Of the mails whose clicks are noted, the part a link of which a person followed, in percent."""
        return 100 * self.clicked / self.sent if self.sent else 0.0


def hits_of(message: OutgoingMessage) -> list[Seen]:
    """What was seen of a message, persons first. Runs two queries."""
    rows = list(Hit.objects.filter(message_id=message.pk).order_by("first_at", "pk"))
    of_message = Q(message_id=message.pk)
    if message.wording_id is not None:
        of_message |= Q(wording_id=message.wording_id)
    links = Link.objects.filter(of_message, number__in=[row.number for row in rows])
    targets = dict(links.values_list("number", "target"))
    found = [Seen(hit=row, target=targets.get(row.number, "")) for row in rows]
    return sorted(found, key=lambda seen: not (seen.is_person or seen.is_waiting))


def sums(shop_ids: Collection[int], *, days: int, at: datetime) -> HitSums:
    """Openings and clicks of the mails these shops sent in the last days. One query.

    A mail counts once, with the persons if one of them opened it, else with the programs.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT count(*) FILTER (WHERE (noted & 1) <> 0), count(*) FILTER (WHERE (noted & 2) <> 0),
                count(*) FILTER (WHERE opened), count(*) FILTER (WHERE clicked),
                count(*) FILTER (WHERE touched_picture AND NOT opened),
                count(*) FILTER (WHERE touched_link AND NOT clicked)
            FROM (
                SELECT m.noted,
                    coalesce(bool_or(h.number = 0 AND h.source = 'person'), false) AS opened,
                    coalesce(bool_or(h.number > 0 AND h.source = 'person'), false) AS clicked,
                    coalesce(bool_or(h.number = 0), false) AS touched_picture,
                    coalesce(bool_or(h.number > 0), false) AS touched_link
                FROM messaging_outgoingmessage m
                LEFT JOIN messaging_hit h ON h.message_id = m.id AND h.settled_at IS NOT NULL
                WHERE m.shop_id = ANY(%s::bigint[]) AND m.noted > 0 AND m.queued_at > %s
                  AND m.state IN ('sent', 'delivered')
                GROUP BY m.id
            ) AS mails
            """,
            [list(shop_ids), at - timedelta(days=days)],
        )
        sent, noting_opens, opened, clicked, by_machine, followed_by_machine = cursor.fetchone()
    return HitSums(
        sent=sent,
        noting_opens=noting_opens,
        opened=opened,
        clicked=clicked,
        opened_by_machine=by_machine,
        clicked_by_machine=followed_by_machine,
    )
