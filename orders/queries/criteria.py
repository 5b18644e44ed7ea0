"""What segments ask about orders."""

from __future__ import annotations

import json
from datetime import timedelta

from django.utils.translation import gettext_lazy as _

from orders.events import OrderChanged, OrderPlaced
from orders.models import Order
from profiles.extensions import (
    Asked,
    Condition,
    Criterion,
    Input,
    Operator,
    Scope,
    Sql,
    ValueKind,
)
from profiles.queries.criteria import (
    AMOUNTS,
    COUNTS,
    IN_THE_LAST,
    ORDERS_EVER,
    Rows,
    counted,
    currency_of,
    deeds,
    earliest,
    sql,
    summed,
)

ORDERS = _("Orders")
FACTS = frozenset({OrderPlaced.name, OrderChanged.name})
VIEWED = "product-viewed"
_COUNTED = sql("o.status <> {}", Order.Status.CANCELLED.value)
_SKU = Input(key="sku", kind=ValueKind.PRODUCT, before=_("SKU"), is_optional=True)
_CATEGORY = Input(key="category", kind=ValueKind.TEXT, before=_("category"), is_optional=True)
_BRAND = Input(key="brand", kind=ValueKind.TEXT, before=_("brand"), is_optional=True)
_NAME = Input(key="name", kind=ValueKind.TEXT, before=_("name contains"), is_optional=True)


def all_criteria() -> tuple[Criterion, ...]:
    """Every criterion of this module."""
    return (
        Criterion(
            key="orders.bought",
            label=_("Bought"),
            group=ORDERS,
            operators=COUNTS,
            inputs=(_SKU, _NAME, _CATEGORY, _BRAND, IN_THE_LAST),
            facts=FACTS,
            compile=_bought,
            order=36,
        ),
        Criterion(
            key="orders.placed",
            label=_("Orders"),
            group=ORDERS,
            operators=COUNTS,
            inputs=(
                Input(
                    key="status",
                    kind=ValueKind.CHOICE,
                    before=_("with the status"),
                    choices=lambda: [(value, str(label)) for value, label in Order.Status.choices],
                    is_optional=True,
                ),
                IN_THE_LAST,
            ),
            facts=FACTS,
            compile=_placed,
            order=35,
        ),
        Criterion(
            key="orders.spent",
            label=_("Spent"),
            group=ORDERS,
            operators=AMOUNTS,
            inputs=(IN_THE_LAST,),
            facts=FACTS,
            compile=_spent,
            order=37,
        ),
        Criterion(
            key="orders.discount_code",
            label=_("Used the discount code"),
            group=ORDERS,
            operators=COUNTS,
            inputs=(Input(key="code", kind=ValueKind.TEXT), IN_THE_LAST),
            facts=FACTS,
            compile=_discounted,
            order=38,
        ),
        Criterion(
            key="orders.viewed_not_bought",
            label=_("Viewed, but did not buy"),
            group=ORDERS,
            operators=(Operator(key="is", label=_("a product")),),
            inputs=(_SKU, IN_THE_LAST),
            facts=FACTS | {deeds.fact_of(VIEWED)},
            compile=_viewed_not_bought,
            order=39,
        ),
    )


def _rows(where: Sql) -> Rows:
    return Rows(
        table="orders_order o",
        profile="o.profile_id",
        at="o.placed_at",
        shop="o.shop_id",
        where=where,
    )


def _with_lines(asked: Asked) -> Sql:
    """Orders which count, with a line of this product, when one is asked for."""
    lines = Sql("")
    if sku := asked.values.get("sku"):
        lines = sql(" AND l.sku = {}", sku)
    if name := asked.values.get("name"):
        lines = sql("{} AND strpos(lower(l.name), lower({})) > 0", lines, name)
    for column in ("category", "brand"):
        if value := asked.values.get(column):
            name = Sql(f"l.{column}")
            lines = sql("{} AND {} <> '' AND lower({}) = lower({})", lines, name, name, value)
    if not lines.text:
        return _COUNTED
    text = "{} AND o.id IN (SELECT l.order_id FROM orders_orderline l WHERE true{})"
    return sql(text, _COUNTED, lines)


def _bought(asked: Asked, scope: Scope) -> Condition:
    return counted(_rows(_with_lines(asked)), asked, scope)


def _placed(asked: Asked, scope: Scope) -> Condition:
    status = asked.values.get("status")
    if not status and asked.values.get("days") is None:
        return counted(ORDERS_EVER, asked, scope)
    return counted(_rows(sql("o.status = {}", status) if status else _COUNTED), asked, scope)


def _spent(asked: Asked, scope: Scope) -> Condition:
    where = sql("{} AND o.currency = {}", _COUNTED, currency_of(asked))
    return summed(_rows(where), "sum(o.grand_total - o.refunded_total)", asked, scope)


def _discounted(asked: Asked, scope: Scope) -> Condition:
    wanted = json.dumps([{"code": asked.values["code"]}])
    where = sql("{} AND o.document -> 'discounts' @> {}::jsonb", _COUNTED, wanted)
    return counted(_rows(where), asked, scope)


def _viewed_not_bought(asked: Asked, scope: Scope) -> Condition:
    """A view, and no order of the same product at or after it."""
    days, sku = asked.values.get("days"), asked.values.get("sku")
    # Said twice, so that the orders of these days are read at once where that is less.
    since = sql(" AND o.placed_at > {}", scope.at - timedelta(days=days)) if days else Sql("")
    later = sql(
        " AND a.occurred_at <= {} AND a.sku > '' AND NOT EXISTS (SELECT 1 FROM orders_order o"
        " JOIN orders_orderline l ON l.order_id = o.id WHERE o.profile_id = a.profile_id"
        " AND o.placed_at >= a.occurred_at AND o.placed_at <= {}{} AND {} AND l.sku = a.sku{})",
        scope.at,
        scope.at,
        since,
        _COUNTED,
        sql(" AND l.sku = {}", sku) if sku else Sql(""),
    )
    views = deeds.rows_of(VIEWED, sku=sku)
    open_views = deeds.rows_of(VIEWED, sku=sku, more=later)
    edges = [views.coming(scope), _rows(_COUNTED).coming(scope)]
    if days is not None:
        edges.append(open_views.ageing(scope, days=days))
    return Condition(
        test=open_views.of_customers(scope, days=days),
        flip=earliest(edges),
        value=open_views.one(Sql("string_agg(DISTINCT a.sku, ', ')"), scope, days=days),
    )
