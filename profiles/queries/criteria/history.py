"""What segments ask about the past: sums of orders, and facts that were published."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from profiles.extensions import ANY_FACT as ANY
from profiles.extensions import (
    Asked,
    Condition,
    Criterion,
    Input,
    Scope,
    Sql,
    ValueKind,
    happenings,
)
from profiles.queries.criteria import moments, numbers, properties
from profiles.queries.criteria.moments import (
    ANNIVERSARIES,
    IN_THE_LAST,
    IS_NOT_SET,
    IS_SET,
    PAST,
)
from profiles.queries.criteria.numbers import (
    AMOUNTS,
    INTEGERS,
    currency_of,
    dated,
    figured,
    summed,
)
from profiles.queries.criteria.rows import COUNTS, Rows, counted
from profiles.queries.criteria.sql import TRUE, sql

FIGURES = _("Orders in numbers")
FACTS = _("What happened")


def all_criteria() -> tuple[Criterion, ...]:
    """Every criterion of this file."""
    return (*_figures(), _happened(), _added_up())


def _figures() -> tuple[Criterion, ...]:
    return (
        Criterion(
            key="figures.orders",
            label=_("Number of orders"),
            group=FIGURES,
            operators=INTEGERS,
            facts=ANY,
            compile=lambda asked, scope: summed(_rows(), "sum(f.orders_count)", asked, scope),
            order=30,
        ),
        Criterion(
            key="figures.revenue",
            label=_("Revenue"),
            group=FIGURES,
            operators=AMOUNTS,
            facts=ANY,
            compile=lambda asked, scope: summed(
                _rows(currency_of(asked)), "sum(f.revenue)", asked, scope
            ),
            order=31,
        ),
        Criterion(
            key="figures.average_basket",
            label=_("Average basket"),
            group=FIGURES,
            operators=AMOUNTS,
            facts=ANY,
            compile=_average,
            order=32,
        ),
        Criterion(
            key="figures.first_order",
            label=_("First order"),
            group=FIGURES,
            operators=PAST,
            facts=ANY,
            compile=lambda asked, scope: dated(_rows(), "min(f.first_order_at)", asked, scope),
            order=33,
        ),
        Criterion(
            key="figures.last_order",
            label=_("Last order"),
            group=FIGURES,
            operators=PAST,
            facts=ANY,
            compile=lambda asked, scope: dated(_rows(), "max(f.last_order_at)", asked, scope),
            order=34,
        ),
        Criterion(
            key="figures.order_day",
            label=_("Anniversary of the first order"),
            group=FIGURES,
            operators=ANNIVERSARIES[:2],
            facts=ANY,
            compile=_order_day,
            order=35,
        ),
        Criterion(
            key="figures.days_between",
            label=_("Days between orders"),
            group=FIGURES,
            operators=(*numbers.operators(ValueKind.NUMBER, after=_("days")), IS_SET, IS_NOT_SET),
            facts=ANY,
            compile=lambda asked, scope: figured(_rows(), _BETWEEN, asked, scope),
            order=35,
        ),
        Criterion(
            key="figures.requests",
            label=_("Number of requests"),
            group=FIGURES,
            operators=INTEGERS,
            facts=ANY,
            compile=lambda asked, scope: summed(_REQUESTS, "sum(q.requests_count)", asked, scope),
            order=35,
        ),
        Criterion(
            key="figures.last_request",
            label=_("Last request"),
            group=FIGURES,
            operators=PAST,
            facts=ANY,
            compile=lambda asked, scope: dated(_REQUESTS, "max(q.last_request_at)", asked, scope),
            order=35,
        ),
    )


# How many orders count, of all times: a row per customer, shop and currency instead of one per order.
ORDERS_EVER = Rows(
    table="profiles_figures f",
    profile="f.profile_id",
    shop="f.shop_id",
    number="coalesce(sum(f.orders_count), 0)",
)

# On average, once there are two orders.
_BETWEEN = (
    "extract(epoch FROM max(f.last_order_at) - min(f.first_order_at)) / 86400.0"
    " / nullif(sum(f.orders_count) - 1, 0)"
)
_REQUESTS = Rows(
    table="profiles_requestfigures q", profile="q.profile_id", shop="q.shop_id", where=TRUE
)


def _order_day(asked: Asked, scope: Scope) -> Condition:
    """The yearly return of the day of the first order."""
    rows, first = _rows(), moments.day_of(Sql("min(f.first_order_at)"), scope)
    shown = rows.one(first, scope)
    found = moments.returning(first, asked, scope)
    turns = moments.returning(Sql("s.x"), asked, scope).turns
    return Condition(
        test=rows.of_customers(scope, having=found.test),
        flip=moments.next_turn(shown, turns, scope),
        value=shown,
    )


def _rows(currency: str = "") -> Rows:
    return Rows(
        table="profiles_figures f",
        profile="f.profile_id",
        shop="f.shop_id",
        where=sql("f.currency = {}", currency) if currency else TRUE,
    )


def _average(asked: Asked, scope: Scope) -> Condition:
    basket = "sum(f.revenue) / nullif(sum(f.orders_count), 0)"
    return figured(_rows(currency_of(asked)), basket, asked, scope)


_EVENT = Input(
    key="event",
    kind=ValueKind.CHOICE,
    choices=lambda: [(item.key, str(item.label)) for item in happenings.all()],
    is_open=True,
)


def _fact_of(asked: Asked) -> frozenset[str]:
    return frozenset({asked.values["event"]})


def _happened() -> Criterion:
    return Criterion(
        key="event.happened",
        label=_("Event"),
        group=FACTS,
        operators=COUNTS,
        inputs=(_EVENT, *properties.INPUTS, IN_THE_LAST),
        facts=_fact_of,
        compile=lambda asked, scope: counted(_facts(asked), asked, scope),
        order=40,
    )


def _added_up() -> Criterion:
    return Criterion(
        key="event.sum",
        label=_("Event, added up"),
        group=FACTS,
        operators=numbers.operators(ValueKind.NUMBER),
        inputs=(_EVENT, properties.NUMBER, *properties.INPUTS, IN_THE_LAST),
        facts=_fact_of,
        compile=lambda asked, scope: summed(
            _facts(asked), properties.total("e.payload", asked), asked, scope
        ),
        order=41,
    )


def _facts(asked: Asked) -> Rows:
    """What was recorded of customers under this name, as far as its properties are as asked."""
    return Rows(
        table="kernel_eventrecord e",
        profile="e.profile_id",
        at="e.occurred_at",
        shop="e.shop_id",
        where=sql(
            "e.name = {} AND e.profile_id IS NOT NULL{}",
            asked.values["event"],
            properties.test("e.payload", asked),
        ),
    )
