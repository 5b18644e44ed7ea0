"""What segments ask about marks among a shop's customers, and about what its model predicts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from django.utils.translation import gettext_lazy as _

from profiles.extensions import Asked, Condition, Criterion, Operator, Scope, Sql, ValueKind
from profiles.queries.criteria import moments, numbers
from profiles.queries.criteria.rows import Rows
from profiles.queries.criteria.shops import of_shop, shop_input
from profiles.queries.criteria.sql import sql

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise


STANDING = _("Marks and predictions")
# What the night works out anew, as `touch_segments` is told it.
SCORED = "night:marks"
PREDICTED = "night:predictions"
Compile: TypeAlias = Callable[[Asked, Scope], Condition]
_KNOWN = (moments.IS_SET, moments.IS_NOT_SET)


def all_criteria() -> tuple[Criterion, ...]:
    """Every criterion of this file."""
    fifths = numbers.operators(ValueKind.INTEGER, least=1, most=5)
    percents = numbers.operators(ValueKind.NUMBER, most=100, after="%")
    return (
        _mark("rfm.recency", _("Mark: how lately"), "recency", fifths, order=42),
        _mark("rfm.frequency", _("Mark: how often"), "frequency", fifths, order=43),
        _mark("rfm.monetary", _("Mark: how much"), "monetary", fifths, order=44),
        _prediction("prediction.value", _("Predicted value of a year"), numbers.AMOUNTS, _value, order=45),
        _prediction("prediction.churn", _("Chance to lose him"), percents, _churn, order=46),
        _prediction(
            "prediction.next_order", _("Next order expected"), moments.ANY_TIME[:-2], _next_order, order=47
        ),
    )  # fmt: skip


def _mark(
    key: str, label: str | _StrPromise, column: str, operators: tuple[Operator, ...], *, order: int
) -> Criterion:
    """The best mark of all shops the segment sees; five is the best."""

    def compiled(asked: Asked, scope: Scope) -> Condition:
        rows = Rows(
            table="profiles_rfm m",
            profile="m.profile_id",
            shop="m.shop_id",
            where=of_shop(asked, "m"),
        )
        return numbers.figured(rows, f"max(m.{column})", asked, scope)

    return Criterion(
        key=key,
        label=label,
        group=STANDING,
        operators=(*operators, *_KNOWN),
        inputs=(shop_input(),),
        facts=frozenset({SCORED}),
        compile=compiled,
        order=order,
    )


def _prediction(
    key: str,
    label: str | _StrPromise,
    operators: tuple[Operator, ...],
    compiled: Compile,
    *,
    order: int,
) -> Criterion:
    return Criterion(
        key=key,
        label=label,
        group=STANDING,
        operators=(*operators, *_KNOWN),
        inputs=(shop_input(),),
        facts=frozenset({PREDICTED}),
        compile=compiled,
        order=order,
    )


def _rows(asked: Asked) -> Rows:
    return Rows(
        table="profiles_prediction f",
        profile="f.profile_id",
        shop="f.shop_id",
        where=of_shop(asked, "f"),
    )


def _value(asked: Asked, scope: Scope) -> Condition:
    """What all shops the segment sees may expect of him, in the currency asked for."""
    rows = _rows(asked)
    if "value" in asked.values:
        currency = sql("{} AND f.currency = {}", rows.where, numbers.currency_of(asked))
        rows = replace(rows, where=currency)
    return numbers.figured(rows, "sum(f.value)", asked, scope)


def _churn(asked: Asked, scope: Scope) -> Condition:
    """In per cent, of the shop that keeps him most surely."""
    return numbers.figured(_rows(asked), "min(f.churn) * 100", asked, scope)


def _next_order(asked: Asked, scope: Scope) -> Condition:
    """The earliest day on which a shop expects him."""
    rows, first = _rows(asked), Sql("min(f.next_order_on)")
    shown = rows.one(first, scope)
    if asked.operator in ("is_set", "is_not_set"):
        found = rows.of_customers(scope, having=sql("{} IS NOT NULL", first))
        test = sql("NOT {}", found) if asked.operator == "is_not_set" else found
        return Condition(test=test, value=shown)
    asking = moments.asking(moments.midnight(first, scope), asked, scope)
    turns = moments.asking(moments.midnight(Sql("s.x"), scope), asked, scope).turns
    return Condition(
        test=rows.of_customers(scope, having=asking.test),
        flip=moments.next_turn(shown, turns, scope),
        value=shown,
    )
