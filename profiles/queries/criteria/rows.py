"""Asking how many rows of a table a customer has: orders, requests, facts, views."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.utils.translation import gettext_lazy as _

from profiles.extensions import Asked, Condition, Input, Operator, Scope, Sql, ValueKind
from profiles.queries.criteria.sql import NOTHING, TRUE, earliest, sql

MOST_TIMES = 100_000
EACH = "count(*)"
TIMES = "\N{MULTIPLICATION SIGN}"
_TIMES = Input(kind=ValueKind.INTEGER, after=TIMES, least=0, most=MOST_TIMES)
_ONCE_OR_MORE = Input(kind=ValueKind.INTEGER, after=TIMES, least=1, most=MOST_TIMES)

COUNTS = (
    Operator(key="at_least", label=_("at least"), inputs=(_ONCE_OR_MORE,)),
    Operator(key="at_most", label=_("at most"), inputs=(_TIMES,)),
    Operator(key="exactly", label=_("exactly"), inputs=(_TIMES,)),
)
HAS = (
    Operator(key="has", label=_("yes")),
    Operator(key="has_not", label=_("no")),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Rows:
    """Rows that belong to customers: the table with its alias, and what stands in which column.

    `at` is needed where "in the last … days" is asked; `number` adds rows up where one stands for several.
    Names are our own text, never values.
    """

    table: str
    profile: str
    at: str = ""
    shop: str = ""
    where: Sql = TRUE
    number: str = EACH

    def matching(self, scope: Scope) -> Sql:
        """The conditions on a row, whoever it belongs to."""
        return sql("{}{}", self.where, scope.shops(self.shop) if self.shop else NOTHING)

    def since(self, days: int | None, scope: Scope) -> Sql:
        """AND the row is at most so many days old."""
        if days is None:
            return NOTHING
        at = Sql(self.at)
        return sql(" AND {} > {} AND {} <= {}", at, scope.at - timedelta(days=days), at, scope.at)

    def of_customers(self, scope: Scope, *, days: int | None = None, having: Sql = NOTHING) -> Sql:
        """A test: the customer is among the owners of these rows."""
        grouped = (
            sql(" GROUP BY {} HAVING {}", Sql(self.profile), having) if having.text else NOTHING
        )
        return sql(
            "p.id IN (SELECT {} FROM {} WHERE {}{}{}{})",
            Sql(self.profile),
            Sql(self.table),
            self.matching(scope),
            self.since(days, scope),
            scope.who(self.profile),
            grouped,
        )

    def one(self, expression: Sql, scope: Scope, *, days: int | None = None) -> Sql:
        """An aggregate over the rows of the customer `p`."""
        return sql(
            "(SELECT {} FROM {} WHERE {}{}{})",
            expression,
            Sql(self.table),
            self.matching(scope),
            self.since(days, scope),
            scope.just(self.profile),
        )

    def turn(self, moment: Sql, scope: Scope, *, by: str) -> Sql:
        """The first of these moments (an aggregate, one for each group) after the one asked about."""
        return sql(
            "(SELECT min(v.x) FROM (SELECT {} AS x FROM {} WHERE {}{} GROUP BY {}) v WHERE v.x > {})",
            moment,
            Sql(self.table),
            self.matching(scope),
            scope.just(self.profile),
            Sql(by),
            scope.at,
        )

    def coming(self, scope: Scope) -> Sql:
        """When the next row dated ahead comes into "the last … days"."""
        at = Sql(self.at)
        return sql(
            "(SELECT min({}) FROM {} WHERE {} AND {} > {}{})",
            at,
            Sql(self.table),
            self.matching(scope),
            at,
            scope.at,
            scope.just(self.profile),
        )

    def leaving(self, scope: Scope, *, days: int, keep: int) -> Sql:
        """When fewer than `keep` rows will be left in "the last … days"; NULL when fewer are."""
        at = Sql(self.at)
        return sql(
            "(SELECT {} + {} FROM {} WHERE {}{}{} ORDER BY {} DESC OFFSET {} LIMIT 1)",
            at,
            timedelta(days=days),
            Sql(self.table),
            self.matching(scope),
            self.since(days, scope),
            scope.just(self.profile),
            at,
            keep - 1,
        )

    def ageing(self, scope: Scope, *, days: int) -> Sql:
        """When the next row leaves "the last … days": for sums, which any row changes."""
        at = Sql(self.at)
        return sql(
            "(SELECT min({}) + {} FROM {} WHERE {}{}{})",
            at,
            timedelta(days=days),
            Sql(self.table),
            self.matching(scope),
            self.since(days, scope),
            scope.just(self.profile),
        )


def counted(rows: Rows, asked: Asked, scope: Scope) -> Condition:
    """How many of these rows a customer has; with an input `days`, of the last so many days."""
    days, number = asked.values.get("days"), asked.value
    least, most = _bounds(asked.operator, number)
    test = TRUE if least <= 0 else _at_least(rows, least, days, scope)
    if most is not None:
        test = sql("({} AND NOT {})", test, _at_least(rows, most + 1, days, scope))
    flip = None
    if days is not None:
        edges = [edge for edge in (least, most + 1 if most is not None else 0) if edge > 0]
        leaving = [rows.leaving(scope, days=days, keep=edge) for edge in edges]
        flip = earliest([rows.coming(scope), *leaving])
    return Condition(test=test, flip=flip, value=rows.one(Sql(rows.number), scope, days=days))


def owned(rows: Rows, asked: Asked, scope: Scope) -> Condition:
    """Whether a customer has such a row at all (operators HAS)."""
    test = rows.of_customers(scope)
    if asked.operator == "has_not":
        test = sql("NOT {}", test)
    return Condition(test=test, value=rows.one(Sql("count(*)"), scope))


def _bounds(operator: str, number: int) -> tuple[int, int | None]:
    if operator == "at_least":
        return number, None
    return (0, number) if operator == "at_most" else (number, number)


def _at_least(rows: Rows, number: int, days: int | None, scope: Scope) -> Sql:
    is_any = number == 1 and rows.number == EACH
    having = NOTHING if is_any else sql("{} >= {}", Sql(rows.number), number)
    return rows.of_customers(scope, days=days, having=having)
