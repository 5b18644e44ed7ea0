"""What is predicted of customers, how they stand to each other, and whether the figures are right."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Max, Q

from ecrm.kernel.money import Money
from ecrm.kernel.prepared import Rows
from profiles.models import LifetimeModel, Prediction, RequestFigures, Rfm, SelfCheck
from profiles.types import RequestNumbers

# A shop's customers are predicted from here on: below, chance says more than the models.
LEAST_CUSTOMERS = 100
LEAST_REPEATERS = 30
LEAST_WEEKS = 26


@dataclass(frozen=True, kw_only=True, slots=True)
class Foresight:
    """What a shop's model says of one customer; `value` within a year, in today's money."""

    shop_id: int
    value: Money
    orders: float
    alive: float
    churn: float
    next_order_on: date | None
    predicted_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Marks:
    """In which fifth of a shop's customers one stands, five is the best."""

    shop_id: int
    recency: int
    frequency: int
    monetary: int
    scored_at: datetime


_OF_PROFILE = "WHERE profile_id = %(profile_id)s AND shop_id = ANY(%(shop_ids)s::bigint[])"
_PREDICTIONS = Rows("predictions", Prediction, f"{_OF_PROFILE} ORDER BY value DESC, shop_id")
_RFMS = Rows("rfm", Rfm, f"{_OF_PROFILE} ORDER BY shop_id")
_REQUESTS = Rows("request_figures", RequestFigures, _OF_PROFILE)


def foresights(profile_id: int, *, shop_ids: Iterable[int]) -> list[Foresight]:
    """What is predicted of a customer in each of these shops. One query."""
    rows = _PREDICTIONS.all(profile_id=profile_id, shop_ids=list(shop_ids))
    return [
        Foresight(
            shop_id=row.shop_id,
            value=Money(row.value, row.currency),
            orders=row.orders,
            alive=row.alive,
            churn=row.churn,
            next_order_on=row.next_order_on,
            predicted_at=row.predicted_at,
        )
        for row in rows
    ]


def marks(profile_id: int, *, shop_ids: Iterable[int]) -> list[Marks]:
    """How the customer stands in each of these shops. One query."""
    rows = _RFMS.all(profile_id=profile_id, shop_ids=list(shop_ids))
    return [
        Marks(
            shop_id=row.shop_id,
            recency=row.recency,
            frequency=row.frequency,
            monetary=row.monetary,
            scored_at=row.scored_at,
        )
        for row in rows
    ]


def requests(profile_id: int, *, shop_ids: Iterable[int]) -> RequestNumbers:
    """How often the customer turned to these shops, and what he thought of it. One query."""
    rows = _REQUESTS.all(profile_id=profile_id, shop_ids=list(shop_ids))
    found = [_numbers(row) for row in rows]
    dates = [kept.last_request_at for kept in found if kept.last_request_at is not None]
    return RequestNumbers(
        requests_count=sum(kept.requests_count for kept in found),
        last_request_at=max(dates, default=None),
        ratings_count=sum(kept.ratings_count for kept in found),
        ratings_sum=sum(kept.ratings_sum for kept in found),
    )


def all_requests() -> Iterator[tuple[int, int, RequestNumbers]]:
    """Every kept number of requests that is not zero: customer, shop, numbers. For who can count afresh."""
    rows = RequestFigures.objects.filter(Q(requests_count__gt=0) | Q(ratings_count__gt=0))
    for row in rows.iterator():
        yield row.profile_id, row.shop_id, _numbers(row)


def _numbers(row: RequestFigures) -> RequestNumbers:
    return RequestNumbers(
        requests_count=row.requests_count,
        last_request_at=row.last_request_at,
        ratings_count=row.ratings_count,
        ratings_sum=row.ratings_sum,
    )


def places_of_requests(profile_id: int) -> set[int]:
    """The shops for which a number of requests is kept, zero included."""
    rows = RequestFigures.objects.filter(profile_id=profile_id)
    return set(rows.values_list("shop_id", flat=True))


def by_profile(
    profile_ids: Iterable[int], *, shop_id: int
) -> tuple[dict[int, Rfm], dict[int, Prediction], dict[int, RequestNumbers]]:
    """Marks, predictions and numbers of requests of many customers in one shop. Three queries."""
    ids = list(profile_ids)
    of_shop = {"profile_id__in": ids, "shop_id": shop_id}
    return (
        {row.profile_id: row for row in Rfm.objects.filter(**of_shop)},
        {row.profile_id: row for row in Prediction.objects.filter(**of_shop)},
        {row.profile_id: _numbers(row) for row in RequestFigures.objects.filter(**of_shop)},
    )


def models_of(shop_ids: Iterable[int]) -> dict[int, LifetimeModel]:
    """The model of each of these shops, where one was tried. One query."""
    rows = LifetimeModel.objects.filter(shop_id__in=list(shop_ids)).order_by("id")
    return {row.shop_id: row for row in rows}


def latest_checks() -> list[SelfCheck]:
    """The last comparison of each kind of figures. Two queries."""
    latest = SelfCheck.objects.values("source").annotate(latest=Max("id")).values("latest")
    return list(SelfCheck.objects.filter(pk__in=latest).order_by("source"))
