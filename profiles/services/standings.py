"""Numbers about customers beside their orders: requests, fifths, and the nightly check of them all."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.utils.timezone import now

from profiles import extensions
from profiles.models import RequestFigures, SelfCheck

log = logging.getLogger(__name__)

EXAMPLES = 20
KEEP_CHECKS = timedelta(days=90)

_COUNT_REQUEST = """
INSERT INTO profiles_requestfigures AS f (profile_id, shop_id, requests_count, last_request_at)
VALUES (%s, %s, 1, %s)
ON CONFLICT (profile_id, shop_id) DO UPDATE SET
    requests_count = f.requests_count + 1,
    last_request_at = greatest(f.last_request_at, excluded.last_request_at)
"""


def count_request(profile_id: int, *, shop_id: int, at: datetime) -> None:
    """Add one request to a customer's figures, in one statement, in the caller's transaction."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNT_REQUEST, [profile_id, shop_id, at])


@transaction.atomic
def recount_requests(
    profile_id: int, *, shop_id: int, count: Callable[[], tuple[int, datetime | None]]
) -> None:
    """Replace the number of a customer's requests by a fresh count made while nobody can add to it."""
    RequestFigures.objects.get_or_create(profile_id=profile_id, shop_id=shop_id)
    row = RequestFigures.objects.select_for_update(of=("self",)).get(
        profile_id=profile_id, shop_id=shop_id
    )
    row.requests_count, row.last_request_at = count()
    row.save()


# Equal customers get equal marks: what counts is how many are worse.
_SCORE = """
WITH total AS (
    SELECT profile_id, shop_id, sum(orders_count) AS orders, max(last_order_at) AS last_at,
           (array_agg(currency ORDER BY orders_count DESC, currency))[1] AS currency,
           (array_agg(revenue ORDER BY orders_count DESC, currency))[1] AS revenue
    FROM profiles_figures WHERE orders_count > 0 GROUP BY profile_id, shop_id
), scored AS (
    SELECT profile_id, shop_id,
        1 + 5 * (rank() OVER (PARTITION BY shop_id ORDER BY last_at) - 1)
            / count(*) OVER (PARTITION BY shop_id) AS recency,
        1 + 5 * (rank() OVER (PARTITION BY shop_id ORDER BY orders) - 1)
            / count(*) OVER (PARTITION BY shop_id) AS frequency,
        1 + 5 * (rank() OVER (PARTITION BY shop_id, currency ORDER BY revenue) - 1)
            / count(*) OVER (PARTITION BY shop_id, currency) AS monetary
    FROM total
), gone AS (
    DELETE FROM profiles_rfm r WHERE NOT EXISTS (
        SELECT 1 FROM scored s WHERE s.profile_id = r.profile_id AND s.shop_id = r.shop_id
    )
)
INSERT INTO profiles_rfm AS r (profile_id, shop_id, recency, frequency, monetary, scored_at)
SELECT profile_id, shop_id, recency, frequency, monetary, %s FROM scored
ON CONFLICT (profile_id, shop_id) DO UPDATE SET
    recency = excluded.recency, frequency = excluded.frequency, monetary = excluded.monetary,
    scored_at = excluded.scored_at
WHERE (r.recency, r.frequency, r.monetary)
    IS DISTINCT FROM (excluded.recency, excluded.frequency, excluded.monetary)
"""


@transaction.atomic
def score(*, at: datetime | None = None) -> int:
    """Give every customer with orders his marks anew. Returns how many changed."""
    with connection.cursor() as cursor:
        cursor.execute(_SCORE, [at or now()])
        return int(cursor.rowcount)


def check_figures(*, at: datetime | None = None) -> list[SelfCheck]:
    """Compare what is kept with what it was added up from; write down what differs, and repair it.

    One comparison per source which can name differences (`extensions.recounts`).
    """
    moment = at or now()
    SelfCheck.objects.filter(checked_at__lt=moment - KEEP_CHECKS).delete()
    return [
        _check(source, moment)
        for source in extensions.recounts.all()
        if source.differing is not None
    ]


def _check(source: extensions.Recount, at: datetime) -> SelfCheck:
    differing = sorted(set(source.differing())) if source.differing else []
    for profile_id in differing:
        source.recount(profile_id)
    if differing:
        log.warning("figures_differed", extra={"source": source.key, "customers": len(differing)})
    return SelfCheck.objects.create(
        source=source.key,
        checked_at=at,
        differing=len(differing),
        examples=differing[:EXAMPLES],
    )
