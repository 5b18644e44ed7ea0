"""How often customers want marketing, kept when it is claimed: what comes too soon does not go."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from ecrm.kernel.prepared import Statement, numbers

EVERYTHING, WEEKLY, MONTHLY = 0, 7, 30

Subject = tuple[int, int]
"""A customer and the shop that writes to him."""

_PACES = Statement(
    "mail_paces",
    """
SELECT p.profile_id, p.shop_id, p.days FROM messaging_mailpace p
JOIN unnest(%(profile_ids)s::bigint[], %(shop_ids)s::bigint[]) AS asked (profile_id, shop_id)
    ON p.profile_id = asked.profile_id AND p.shop_id = asked.shop_id
WHERE p.days > 0 ORDER BY p.id FOR UPDATE OF p
""",
)
_LATEST = Statement(
    "mail_latest",
    """
SELECT o.profile_id, o.shop_id,
    max(CASE WHEN o.state = 'claimed' THEN %(at)s ELSE coalesce(o.sent_at, o.settled_at) END)
FROM messaging_outgoingmessage o
JOIN unnest(%(profile_ids)s::bigint[], %(shop_ids)s::bigint[]) AS asked (profile_id, shop_id)
    ON o.profile_id = asked.profile_id AND o.shop_id = asked.shop_id
WHERE o.purpose = 'marketing' AND o.channel = 'mail'
  AND (o.state = 'claimed' OR (o.state IN ('sent', 'delivered', 'ambiguous')
       AND coalesce(o.sent_at, o.settled_at) > %(at)s::timestamptz - interval '31 days'))
GROUP BY 1, 2
""",
)


class Paces:
    """The wishes of the customers of one batch, and when each was written to last."""

    def __init__(self, subjects: Iterable[Subject], *, at: datetime) -> None:
        """Locks the wishes, so that two senders do not both find that nothing went. Two queries at most."""
        asked = sorted(set(subjects))
        self._at = at
        self._days: dict[Subject, int] = {}
        self._latest: dict[Subject, datetime] = {}
        if asked:
            rows = _PACES.rows(**_columns(asked))
            self._days = {(profile_id, shop_id): days for profile_id, shop_id, days in rows}
        if self._days:
            # Asked after the lock: what another sender committed meanwhile is seen.
            latest = _LATEST.rows(**_columns(sorted(self._days)), at=at)
            self._latest = {(profile_id, shop_id): when for profile_id, shop_id, when in latest}

    def allow(self, subject: Subject) -> bool:
        """Whether a mail may go now; if so, it counts for the next one of the batch."""
        days = self._days.get(subject, EVERYTHING)
        before = self._latest.get(subject)
        if days and before is not None and before > self._at - timedelta(days=days):
            return False
        self._latest[subject] = self._at
        return True


def _columns(subjects: list[Subject]) -> dict[str, str]:
    return {
        "profile_ids": numbers(profile_id for profile_id, _shop_id in subjects),
        "shop_ids": numbers(shop_id for _profile_id, shop_id in subjects),
    }
