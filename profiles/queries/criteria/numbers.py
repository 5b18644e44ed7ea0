"""Asking for sums and other numbers of a customer: how many orders, how much money."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeAlias

from django.utils.translation import gettext_lazy as _

from profiles.extensions import Asked, Condition, Input, Operator, Scope, Sql, ValueKind
from profiles.queries.criteria import moments
from profiles.queries.criteria.rows import Rows
from profiles.queries.criteria.sql import earliest, sql

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

_Words: TypeAlias = "str | _StrPromise"


def operators(
    kind: ValueKind, *, least: int = 0, most: int = 1_000_000_000, after: _Words = ""
) -> tuple[Operator, ...]:
    """The ways of asking for a number, with inputs of this kind between these bounds."""
    value = Input(kind=kind, least=least, most=most, after=after)
    to = Input(key="to", kind=kind, before=_("and"), least=least, most=most, after=after)
    return (
        Operator(key="at_least", label=_("at least"), inputs=(value,)),
        Operator(key="at_most", label=_("at most"), inputs=(value,)),
        Operator(key="between", label=_("between"), inputs=(value, to)),
        Operator(key="exactly", label=_("exactly"), inputs=(value,)),
    )


NUMBERS = operators(ValueKind.NUMBER)
INTEGERS = operators(ValueKind.INTEGER)
AMOUNTS = operators(ValueKind.MONEY)


def currency_of(asked: Asked) -> str:
    """The currency of the amount asked for."""
    return str(asked.value[1])


def test(number: Sql, asked: Asked) -> Sql:
    """What the operator asks of this number (an expression)."""
    first = _plain(asked.value)
    if asked.operator == "between":
        low, high = sorted((first, _plain(asked.values["to"])))
        return sql("{} BETWEEN {} AND {}", number, low, high)
    words = {"at_least": ">=", "at_most": "<=", "exactly": "="}
    return sql("{} {} {}", number, Sql(words[asked.operator]), first)


def summed(rows: Rows, total: str | Sql, asked: Asked, scope: Scope) -> Condition:
    """A sum over a customer's rows; who has none has nothing, which is 0."""
    days = asked.values.get("days")
    number = sql("coalesce({}, 0)", Sql(total) if isinstance(total, str) else total)
    found = test(number, asked)
    if _passes(Decimal(0), asked):
        others = rows.of_customers(scope, days=days, having=sql("NOT ({})", found))
        found = sql("NOT {}", others)
    else:
        found = rows.of_customers(scope, days=days, having=found)
    flip = None
    if days is not None:
        flip = earliest([rows.coming(scope), rows.ageing(scope, days=days)])
    return Condition(
        test=found,
        flip=flip,
        value=rows.one(number, scope, days=days),
    )


def figured(rows: Rows, figure: str, asked: Asked, scope: Scope) -> Condition:
    """An average or the like; who has no rows has none, and fits only the question for that."""
    number = Sql(figure)
    if asked.operator in ("is_set", "is_not_set"):
        found = rows.of_customers(scope, having=sql("{} IS NOT NULL", number))
        if asked.operator == "is_not_set":
            found = sql("NOT {}", found)
    else:
        found = rows.of_customers(scope, having=test(number, asked))
    return Condition(test=found, value=rows.one(number, scope))


def dated(rows: Rows, moment: str, asked: Asked, scope: Scope) -> Condition:
    """The first, the last … of a customer's rows, asked with the operators of moments."""
    expression = Sql(moment)
    asking = moments.asking(expression, asked, scope)
    found = rows.of_customers(scope, having=asking.test)
    if asked.operator == "is_not_set":
        found = sql("NOT {}", found)
    one = rows.one(expression, scope)
    turns = moments.asking(Sql("s.x"), asked, scope).turns
    return Condition(test=found, flip=moments.next_turn(one, turns, scope), value=one)


def _plain(value: Any) -> Decimal | int:
    found: Decimal | int = value[0] if isinstance(value, tuple) else value
    return found


def _passes(number: Decimal, asked: Asked) -> bool:
    first = _plain(asked.value)
    if asked.operator == "between":
        low, high = sorted((first, _plain(asked.values["to"])))
        return low <= number <= high
    if asked.operator == "exactly":
        return number == first
    return number >= first if asked.operator == "at_least" else number <= first
