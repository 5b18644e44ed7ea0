"""Asking for moments and days: in the last so many days, before, between, set at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.utils.translation import gettext_lazy as _

from profiles.extensions import Asked, Condition, Input, Operator, Scope, Sql, ValueKind
from profiles.queries.criteria.sql import FALSE, TRUE, joined, sql

LONGEST_DAYS = 3650
_FEBRUARY_28, _FEBRUARY_29, _MARCH = 228, 229, 3
DAYS = Input(key="days", kind=ValueKind.INTEGER, after=_("days"), least=1, most=LONGEST_DAYS)
IN_THE_LAST = Input(
    key="days",
    kind=ValueKind.INTEGER,
    before=_("in the last"),
    after=_("days"),
    is_optional=True,
    least=1,
    most=LONGEST_DAYS,
)
DAY = Input(key="value", kind=ValueKind.DATE)

IS_SET = Operator(key="is_set", label=_("is known"))
IS_NOT_SET = Operator(key="is_not_set", label=_("is not known"))

# For moments of the past, such as the last order.
PAST = (
    Operator(key="last_days", label=_("in the last"), inputs=(DAYS,)),
    Operator(key="before_days", label=_("longer ago than"), inputs=(DAYS,)),
    Operator(key="after", label=_("on or after"), inputs=(DAY,)),
    Operator(key="before", label=_("before"), inputs=(DAY,)),
    Operator(
        key="between",
        label=_("between"),
        inputs=(
            Input(key="from", kind=ValueKind.DATE),
            Input(key="to", kind=ValueKind.DATE, before=_("and")),
        ),
    ),
    IS_SET,
    IS_NOT_SET,
)
# For moments that may lie ahead too, such as the next order we expect.
ANY_TIME = (*PAST[:2], Operator(key="next_days", label=_("in the next"), inputs=(DAYS,)), *PAST[2:])


@dataclass(frozen=True, kw_only=True, slots=True)
class Asking:
    """A test of a moment, and the moments at which it changes its answer."""

    test: Sql
    turns: tuple[Sql, ...] = ()


def asking(moment: Sql, asked: Asked, scope: Scope) -> Asking:
    """What the operator asks of this moment (an expression, NULL when there is none)."""
    at, values = scope.at, asked.values
    if asked.operator in ("is_set", "is_not_set"):
        return Asking(test=sql("{} IS NOT NULL", moment))
    if asked.operator in ("last_days", "next_days", "before_days"):
        return _relative(moment, asked.operator, timedelta(days=values["days"]), at)
    if asked.operator == "after":
        return Asking(test=sql("{} >= {}", moment, day_start(values["value"], scope)))
    if asked.operator == "before":
        return Asking(test=sql("{} < {}", moment, day_start(values["value"], scope)))
    first, last = sorted((values["from"], values["to"]))
    following = day_start(last + timedelta(days=1), scope)
    return Asking(
        test=sql("{} >= {} AND {} < {}", moment, day_start(first, scope), moment, following)
    )


def _relative(moment: Sql, operator: str, span: timedelta, at: datetime) -> Asking:
    if operator == "last_days":
        test = sql("{} > {} AND {} <= {}", moment, at - span, moment, at)
        return Asking(test=test, turns=(sql("{} + {}", moment, span), moment))
    if operator == "before_days":
        test = sql("{} <= {}", moment, at - span)
        return Asking(test=test, turns=(sql("{} + {}", moment, span),))
    test = sql("{} > {} AND {} <= {}", moment, at, moment, at + span)
    return Asking(test=test, turns=(sql("{} - {}", moment, span), moment))


def day_start(day: date, scope: Scope) -> datetime:
    """When a day begins where the company lives."""
    return datetime.combine(day, time(), ZoneInfo(scope.time_zone))


def next_turn(moment: Sql, turns: Sequence[Sql], scope: Scope) -> Sql | None:
    """The first of the turns after the moment asked about; `moment` gives them as `s.x`."""
    if not turns:
        return None
    rows = joined(", ", (sql("({})", turn) for turn in turns))
    return sql(
        "(SELECT min(v.turn) FROM (SELECT {} AS x) s CROSS JOIN LATERAL (VALUES {}) v (turn)"
        " WHERE v.turn > {})",
        moment,
        rows,
        scope.at,
    )


def of_column(column: str, asked: Asked, scope: Scope) -> Condition:
    """What is asked of a column of the profile."""
    moment = Sql(column)
    found = asking(moment, asked, scope)
    turns = asking(Sql("s.x"), asked, scope).turns
    test = sql("NOT ({})", found.test) if asked.operator == "is_not_set" else found.test
    return Condition(test=test, flip=next_turn(moment, turns, scope), value=moment)


# --- Anniversaries --------------------------------------------------------------------------------

ANNIVERSARIES = (
    Operator(
        key="next_days",
        label=_("is in the next"),
        inputs=(Input(key="days", kind=ValueKind.INTEGER, after=_("days"), least=0, most=365),),
    ),
    Operator(
        key="last_days",
        label=_("was in the last"),
        inputs=(Input(key="days", kind=ValueKind.INTEGER, after=_("days"), least=1, most=365),),
    ),
    IS_SET,
    IS_NOT_SET,
)


def anniversary(day: str, asked: Asked, scope: Scope) -> Condition:
    """What is asked of the yearly return of a date column of the profile."""
    column = Sql(day)
    if asked.operator in ("is_set", "is_not_set"):
        word = "IS NOT NULL" if asked.operator == "is_set" else "IS NULL"
        return Condition(test=sql("{} {}", column, Sql(word)), value=column)
    found = returning(column, asked, scope)
    turns = returning(Sql("s.x"), asked, scope).turns
    return Condition(test=found.test, flip=next_turn(column, turns, scope), value=column)


def returning(day: Sql, asked: Asked, scope: Scope) -> Asking:
    """What the operator asks of the yearly return of a day; 29 February returns on the 28th else."""
    days, today = asked.values["days"], today_of(scope)
    if asked.operator == "next_days":
        opens, closes = -days, 1
    else:
        opens, closes = 1, days + 1
    fitting = sorted(
        {
            number
            for step in range(opens, closes)
            for number in _calendar_days(today - timedelta(days=step))
        }
    )
    # The anniversary of the year before may still count, that of the year after next may be next.
    returns = [returned(day, today.year + step) for step in (-1, 0, 1, 2)]
    turns = [
        midnight(sql("({} + {})", back, step), scope)
        for back in returns
        for step in (opens, closes)
    ]
    return Asking(test=sql("{} = ANY({}::int[])", calendar_day(day), fitting), turns=tuple(turns))


def calendar_day(day: Sql) -> Sql:
    """Month and day as one number: 31 December is 1231."""
    text = "(extract(month FROM {})::int * 100 + extract(day FROM {})::int)"
    return sql(text, day, day)


def _calendar_days(day: date) -> tuple[int, ...]:
    """What returns on this day: in most years 29 February does on the 28th."""
    number = day.month * 100 + day.day
    is_stand_in = number == _FEBRUARY_28 and (day + timedelta(days=1)).month == _MARCH
    return (number, _FEBRUARY_29) if is_stand_in else (number,)


def latest_calendar_day(day: date) -> int:
    """The last of the year's days that has returned by then."""
    return max(_calendar_days(day))


def today_of(scope: Scope) -> date:
    """The day it is where the company lives."""
    return scope.at.astimezone(ZoneInfo(scope.time_zone)).date()


def returned(day: Sql, year: int) -> Sql:
    """The day of this year on which a date returns."""
    text = "({} + make_interval(years => {} - extract(year FROM {})::int))::date"
    return sql(text, day, year, day)


def midnight(day: Sql, scope: Scope) -> Sql:
    """When a day begins where the company lives."""
    return sql("({})::timestamp AT TIME ZONE {}", day, scope.time_zone)


def day_of(moment: Sql, scope: Scope) -> Sql:
    """The day on which a moment lies where the company lives."""
    return sql("({} AT TIME ZONE {})::date", moment, scope.time_zone)


__all__ = [
    "ANNIVERSARIES",
    "ANY_TIME",
    "FALSE",
    "IN_THE_LAST",
    "IS_NOT_SET",
    "IS_SET",
    "PAST",
    "TRUE",
    "Asking",
    "anniversary",
    "asking",
    "day_of",
    "day_start",
    "midnight",
    "next_turn",
    "of_column",
    "returned",
    "returning",
    "today_of",
]
