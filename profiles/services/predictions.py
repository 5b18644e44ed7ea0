"""Fitting each shop's models when it has enough history, and keeping what they say of its customers.

This file loads scipy. Only the nightly job imports it, so that no web process pays for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
from django.db import connection, transaction
from django.utils.timezone import localdate, now

from company import queries as company
from profiles.models import LifetimeModel, Prediction
from profiles.queries.criteria.foresight import PREDICTED
from profiles.queries.predictions import LEAST_CUSTOMERS, LEAST_REPEATERS, LEAST_WEEKS
from profiles.rules import clv
from profiles.services import segments_following as following

WEEK = timedelta(weeks=1)
# A year in steps of four weeks, each worth a little less: ten per cent a year.
YEARLY_DISCOUNT = 0.10
HORIZON = clv.Horizon(periods=13, step=4.0, discount=(1 + YEARLY_DISCOUNT) ** (1 / 13) - 1)
BATCH = 5_000
# Who has left more probably than not gets no date; nor does who orders once in a blue moon.
LEAST_ALIVE = 0.5
FURTHEST_ORDER = timedelta(days=730)


@dataclass(frozen=True, kw_only=True, slots=True)
class Customers:
    """The customers of a shop who ordered, in its main currency, one number of each per customer."""

    currency: str
    ids: Sequence[int]
    histories: clv.Histories
    orders: clv.Numbers
    average: clv.Numbers


@transaction.atomic
def predict(shop_id: int, *, at: datetime | None = None) -> LifetimeModel:
    """Learn from a shop's orders what its customers will do, and keep it; the new model is returned.

    With too little history, or a history that fits no model, nothing is predicted any more and the
    model says why. Segments that ask for predictions look at the shop's customers again.
    """
    moment = at or now()
    known = _customers(shop_id, moment)
    repeaters = int(np.count_nonzero(known.histories.frequency))
    weeks = float(np.max(known.histories.age, initial=0.0))
    model = LifetimeModel(
        shop_id=shop_id,
        state=LifetimeModel.State.TOO_LITTLE,
        currency=known.currency,
        customers=len(known.ids),
        repeat_customers=repeaters,
        weeks=weeks,
        fitted_at=moment,
    )
    enough = (
        len(known.ids) >= LEAST_CUSTOMERS and repeaters >= LEAST_REPEATERS and weeks >= LEAST_WEEKS
    )
    fitted = _fitted(known) if enough else None
    if fitted is not None:
        model.state = LifetimeModel.State.FITTED
        model.parameters = {"purchases": asdict(fitted[0]), "spend": asdict(fitted[1])}
    elif enough:
        model.state = LifetimeModel.State.FAILED
    model.save()
    if fitted is not None:
        _write(model, known, *fitted)
    kept = Prediction.objects.filter(shop_id=shop_id)
    following.touch_where_asked(kept.values_list("profile_id", flat=True), fact=PREDICTED)
    kept.exclude(model=model).delete()
    LifetimeModel.objects.filter(shop_id=shop_id).exclude(pk=model.pk).delete()
    return model


def predict_all(*, at: datetime | None = None) -> list[LifetimeModel]:
    """The same for every shop, each in a transaction of its own."""
    return [predict(shop.id, at=at) for shop in company.all_shops()]


_CUSTOMERS = """
WITH main AS (
    SELECT currency FROM profiles_figures WHERE shop_id = %s AND orders_count > 0
    GROUP BY currency ORDER BY sum(orders_count) DESC, currency LIMIT 1
)
SELECT f.profile_id, f.currency, f.orders_count, f.revenue::float8,
       extract(epoch FROM f.last_order_at - f.first_order_at)::float8,
       extract(epoch FROM %s - f.first_order_at)::float8
FROM profiles_figures f JOIN main USING (currency)
WHERE f.shop_id = %s AND f.orders_count > 0 AND f.last_order_at <= %s
ORDER BY f.profile_id
"""


def _customers(shop_id: int, at: datetime) -> Customers:
    with connection.cursor() as cursor:
        cursor.execute(_CUSTOMERS, [shop_id, at, shop_id, at])
        rows = cursor.fetchall()
    week = WEEK.total_seconds()
    numbers = np.array([row[2:] for row in rows], dtype=np.float64).reshape(len(rows), 4)
    orders, revenue, recency, age = numbers.T
    return Customers(
        currency=rows[0][1] if rows else company.shop(shop_id).currency,
        ids=[row[0] for row in rows],
        histories=clv.Histories(frequency=orders - 1, recency=recency / week, age=age / week),
        orders=orders,
        average=np.maximum(revenue, 0.0) / np.maximum(orders, 1.0),
    )


def _fitted(known: Customers) -> tuple[clv.PurchaseModel, clv.SpendModel] | None:
    """Both models; None when one of them says nothing. Spending is learned from repeat customers.

    The average is that of all orders, the first one included: each tells as much.
    """
    again = known.histories.frequency > 0
    try:
        purchases = clv.fit_purchases(known.histories)
        spend = clv.fit_spend(known.orders[again], known.average[again])
    except clv.NothingToFit:
        return None
    return (purchases, spend) if clv.has_mean(spend) else None


_KEEP = """
INSERT INTO profiles_prediction AS p
    (profile_id, shop_id, model_id, currency, value, orders, alive, churn, next_order_on, predicted_at)
SELECT c.profile_id, %s, %s, %s, c.value, c.orders, c.alive, c.churn, c.next_order_on, %s
FROM unnest(%s::bigint[], %s::numeric[], %s::float8[], %s::float8[], %s::float8[], %s::date[])
    AS c (profile_id, value, orders, alive, churn, next_order_on)
ON CONFLICT (profile_id, shop_id) DO UPDATE SET
    model_id = excluded.model_id, currency = excluded.currency, value = excluded.value,
    orders = excluded.orders, alive = excluded.alive, churn = excluded.churn,
    next_order_on = excluded.next_order_on, predicted_at = excluded.predicted_at
"""


def _write(
    model: LifetimeModel, known: Customers, purchases: clv.PurchaseModel, spend: clv.SpendModel
) -> None:
    histories = known.histories
    expected = clv.expected_purchases(purchases, histories, HORIZON.length)
    value = clv.lifetime_values(
        purchases,
        spend,
        histories,
        orders=known.orders,
        average=known.average,
        horizon=HORIZON,
    )
    alive = np.clip(clv.alive(purchases, histories), 0.0, 1.0)
    churn = np.clip(clv.silent(purchases, histories, HORIZON.length), 0.0, 1.0)
    wait = clv.next_order(purchases, histories)
    today = localdate(model.fitted_at)
    dates = [
        today + min(float(weeks) * WEEK, FURTHEST_ORDER)
        if chance >= LEAST_ALIVE and weeks * WEEK.days < FURTHEST_ORDER.days
        else None
        for weeks, chance in zip(wait, alive, strict=True)
    ]
    columns: tuple[list[Any], ...] = (
        list(known.ids),
        [round(Decimal(number), 2) for number in value.tolist()],
        expected.tolist(),
        alive.tolist(),
        churn.tolist(),
        dates,
    )
    with connection.cursor() as cursor:
        for start in range(0, len(known.ids), BATCH):
            part = [column[start : start + BATCH] for column in columns]
            fixed: list[Any] = [model.shop_id, model.pk, known.currency, model.fitted_at]
            cursor.execute(_KEEP, [*fixed, *part])
