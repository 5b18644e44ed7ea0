"""What segments ask about the past: sums of orders, and facts that were published."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from profiles.extensions import ANY_FACT as ANY
from profiles.extensions import Asked, Condition, Criterion, Input, Scope, ValueKind, happenings
from profiles.queries.criteria.moments import IN_THE_LAST, PAST
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
    return (*_figures(), _happened())


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


def _happened() -> Criterion:
    return Criterion(
        key="event.happened",
        label=_("Event"),
        group=FACTS,
        operators=COUNTS,
        inputs=(
            Input(
                key="event",
                kind=ValueKind.CHOICE,
                choices=lambda: [(item.key, str(item.label)) for item in happenings.all()],
                is_open=True,
            ),
            IN_THE_LAST,
        ),
        facts=lambda asked: frozenset({asked.values["event"]}),
        compile=_count_facts,
        order=40,
    )


def _count_facts(asked: Asked, scope: Scope) -> Condition:
    rows = Rows(
        table="kernel_eventrecord e",
        profile="e.profile_id",
        at="e.occurred_at",
        shop="e.shop_id",
        where=sql("e.name = {} AND e.profile_id IS NOT NULL", asked.values["event"]),
    )
    return counted(rows, asked, scope)
