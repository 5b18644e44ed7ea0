"""Numbers about customers beside their orders: requests, fifths, and the nightly check of them all."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.utils.timezone import now

from profiles import extensions
from profiles.models import RequestFigures, SelfCheck
from profiles.queries.criteria.foresight import SCORED
from profiles.services import segments_following as following
from profiles.types import RequestNumbers

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


_COUNT_RATING = """
INSERT INTO profiles_requestfigures AS f (profile_id, shop_id, requests_count, ratings_count, ratings_sum)
VALUES (%(profile_id)s, %(shop_id)s, 0, 1, %(score)s)
ON CONFLICT (profile_id, shop_id) DO UPDATE SET
    ratings_count = f.ratings_count + CASE WHEN %(before)s::integer IS NULL THEN 1 ELSE 0 END,
    ratings_sum = f.ratings_sum + %(score)s - coalesce(%(before)s::integer, 0)
"""


def count_rating(profile_id: int, *, shop_id: int, score: int, before: int | None = None) -> None:
    """Add a rating to a customer's figures, or put it in the place of the one `before`.

    One statement, in the caller's transaction; a rating with one before it was counted already.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _COUNT_RATING,
            {"profile_id": profile_id, "shop_id": shop_id, "score": score, "before": before},
        )


@transaction.atomic
def recount_requests(profile_id: int, *, shop_id: int, count: Callable[[], RequestNumbers]) -> None:
    """Replace a customer's numbers of requests by a fresh count made while nobody can add to them."""
    RequestFigures.objects.get_or_create(profile_id=profile_id, shop_id=shop_id)
    row = RequestFigures.objects.select_for_update(of=("self",)).get(
        profile_id=profile_id, shop_id=shop_id
    )
    fresh = count()
    row.requests_count, row.last_request_at = fresh.requests_count, fresh.last_request_at
    row.ratings_count, row.ratings_sum = fresh.ratings_count, fresh.ratings_sum
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
    RETURNING profile_id
), marked AS (
    INSERT INTO profiles_rfm AS r (profile_id, shop_id, recency, frequency, monetary, scored_at)
    SELECT profile_id, shop_id, recency, frequency, monetary, %s FROM scored
    ON CONFLICT (profile_id, shop_id) DO UPDATE SET
        recency = excluded.recency, frequency = excluded.frequency, monetary = excluded.monetary,
        scored_at = excluded.scored_at
    WHERE (r.recency, r.frequency, r.monetary)
        IS DISTINCT FROM (excluded.recency, excluded.frequency, excluded.monetary)
    RETURNING profile_id
)
SELECT profile_id, true FROM marked UNION ALL SELECT profile_id, false FROM gone
"""


@transaction.atomic
def score(*, at: datetime | None = None) -> int:
    """Give every customer with orders his marks anew. Returns how many changed.

    Segments that ask for marks look at those again.
    """
    with connection.cursor() as cursor:
        cursor.execute(_SCORE, [at or now()])
        rows = cursor.fetchall()
    following.touch_where_asked([profile_id for profile_id, _is_marked in rows], fact=SCORED)
    return sum(is_marked for _profile_id, is_marked in rows)


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
