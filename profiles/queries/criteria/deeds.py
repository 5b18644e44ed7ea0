"""What segments ask about behaviour on the shops' sites: viewed, searched, one thing after another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from django.utils.translation import gettext_lazy as _

from profiles.extensions import Asked, Condition, Criterion, Input, Operator, Scope, Sql, ValueKind
from profiles.queries.criteria import numbers, properties
from profiles.queries.criteria.moments import IN_THE_LAST, LONGEST_DAYS
from profiles.queries.criteria.rows import COUNTS, Rows, counted
from profiles.queries.criteria.sql import NOTHING, earliest, sql

BEHAVIOUR = _("Behaviour")
_ALIASES = ("a", "b", "c")
NAMES = (
    ("page-viewed", _("Page viewed")),
    ("product-viewed", _("Product viewed")),
    ("product-list-viewed", _("Product list viewed")),
    ("product-searched", _("Products searched")),
    ("product-added", _("Product put into the cart")),
    ("product-removed", _("Product taken from the cart")),
    ("cart-viewed", _("Cart viewed")),
    ("checkout-started", _("Checkout begun")),
    ("order-completed", _("Order completed")),
)
NAME = Input(
    key="event",
    kind=ValueKind.CHOICE,
    choices=lambda: [(key, str(label)) for key, label in NAMES],
    is_open=True,
)
SKU = Input(key="sku", kind=ValueKind.PRODUCT, before=_("SKU"), is_optional=True)


def all_criteria() -> tuple[Criterion, ...]:
    """Every criterion of this file."""
    return (_done(), _added_up(), _funnel())


def rows_of(name: str, *, sku: str | None = None, alias: str = "a", more: Sql = NOTHING) -> Rows:
    """The rows of one kind of behaviour, of one product if a SKU is given."""
    where = sql("{}.name = {}", Sql(alias), name)
    if sku:
        where = sql("{} AND {}.sku = {}", where, Sql(alias), sku)
    return Rows(
        table=f"profiles_activity {alias}",
        profile=f"{alias}.profile_id",
        at=f"{alias}.occurred_at",
        shop=f"{alias}.shop_id",
        where=sql("{}{}", where, more),
    )


def fact_of(name: str) -> str:
    """What a behaviour is called among the facts that touch segments."""
    return f"activity:{name}"[:80]


def _done() -> Criterion:
    return Criterion(
        key="activity.done",
        label=_("Did on the site"),
        group=BEHAVIOUR,
        operators=COUNTS,
        inputs=(
            NAME,
            SKU,
            *properties.INPUTS,
            IN_THE_LAST,
        ),
        facts=lambda asked: frozenset({fact_of(asked.values["event"])}),
        compile=lambda asked, scope: counted(_rows(asked), asked, scope),
        order=50,
    )


def _added_up() -> Criterion:
    return Criterion(
        key="activity.sum",
        label=_("Did on the site, added up"),
        group=BEHAVIOUR,
        operators=numbers.operators(ValueKind.NUMBER),
        inputs=(
            NAME,
            replace(properties.NUMBER, label=_("its value"), is_optional=True),
            SKU,
            *properties.INPUTS,
            IN_THE_LAST,
        ),
        facts=lambda asked: frozenset({fact_of(asked.values["event"])}),
        compile=_sum,
        order=51,
    )


def _rows(asked: Asked) -> Rows:
    """What was done under this name, as far as product and properties are as asked."""
    more = properties.test("a.properties", asked)
    return rows_of(asked.values["event"], sku=asked.values.get("sku"), more=more)


def _sum(asked: Asked, scope: Scope) -> Condition:
    """Without the name of a property: of what each was worth."""
    name = asked.values.get("sum_of")
    total = properties.total("a.properties", asked) if name else Sql("sum(a.value)")
    return numbers.summed(_rows(asked), total, asked, scope)


def _funnel() -> Criterion:
    within = Input(
        key="within",
        kind=ValueKind.INTEGER,
        before=_("within"),
        after=_("days"),
        least=1,
        most=LONGEST_DAYS,
    )
    then = replace(NAME, key="then", before=_("and then"))
    finally_ = replace(NAME, key="finally", before=_("and then"), is_optional=True)
    return Criterion(
        key="activity.funnel",
        label=_("Did one thing after another"),
        group=BEHAVIOUR,
        operators=(
            Operator(key="did", label=_("did")),
            Operator(key="stopped", label=_("did the first, not all")),
        ),
        inputs=(NAME, then, finally_, within, IN_THE_LAST),
        facts=lambda asked: frozenset(fact_of(name) for name in _steps(asked)),
        compile=_one_after_another,
        order=52,
    )


def _steps(asked: Asked) -> list[str]:
    return [name for key in ("event", "then", "finally") if (name := asked.values.get(key))]


def _following(steps: Sequence[str], span: timedelta, scope: Scope, *, days: int | None) -> Sql:
    """EXISTS: after the row `a` the other steps, in their order, within this time of it.

    That they are as young as `a` must be follows, and is said all the same: whole months are not read then.
    """
    found = NOTHING
    for number in range(len(steps) - 1, 0, -1):
        this, before = _ALIASES[number], _ALIASES[number - 1]
        found = sql(
            " AND EXISTS (SELECT 1 FROM profiles_activity {} WHERE {} AND {}.profile_id = a.profile_id"
            " AND {}.occurred_at > {}.occurred_at AND {}.occurred_at <= a.occurred_at + {}"
            " AND {}.occurred_at <= {}{}{})",
            Sql(this),
            rows_of(steps[number], alias=this).matching(scope),
            *(Sql(word) for word in (this, this, before, this)),
            span,
            Sql(this),
            scope.at,
            _after(this, days, scope),
            found,
        )
    return Sql(found.text.removeprefix(" AND "), found.params)


def _after(alias: str, days: int | None, scope: Scope) -> Sql:
    if days is None:
        return NOTHING
    return sql(" AND {}.occurred_at > {}", Sql(alias), scope.at - timedelta(days=days))


def _one_after_another(asked: Asked, scope: Scope) -> Condition:
    """The other steps, within so many days after a first one of the last so many days.

    Who stopped did the first step, had his time for the others, and did not take them all.
    """
    days, span, steps = (
        asked.values.get("days"),
        timedelta(days=asked.values["within"]),
        _steps(asked),
    )
    first = rows_of(steps[0])
    follows, past = (
        _following(steps, span, scope, days=days),
        sql(" AND a.occurred_at <= {}", scope.at),
    )
    if asked.operator == "did":
        wanted = sql("{}{} AND {}", first.where, past, follows)
    else:
        late = sql(" AND a.occurred_at <= {}", scope.at - span)
        wanted = sql("{}{}{} AND NOT {}", first.where, past, late, follows)
    rows = replace(first, where=wanted)
    edges = [rows_of(name).coming(scope) for name in steps]
    if days is not None:
        edges.append(first.ageing(scope, days=days))
    if asked.operator == "stopped":
        edges.append(first.ageing(scope, days=asked.values["within"]))
    return Condition(
        test=rows.of_customers(scope, days=days),
        flip=earliest(edges),
        value=rows.one(Sql("count(*)"), scope, days=days),
    )
