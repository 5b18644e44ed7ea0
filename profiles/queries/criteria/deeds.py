"""What segments ask about behaviour on the shops' sites: viewed, searched, one thing after another."""

from __future__ import annotations

from datetime import timedelta

from django.utils.translation import gettext_lazy as _

from profiles.extensions import Asked, Condition, Criterion, Input, Operator, Scope, Sql, ValueKind
from profiles.queries.criteria.moments import IN_THE_LAST, LONGEST_DAYS
from profiles.queries.criteria.rows import COUNTS, Rows, counted
from profiles.queries.criteria.sql import NOTHING, earliest, sql

BEHAVIOUR = _("Behaviour")
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
    return (_done(), _funnel())


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
            Input(key="property", kind=ValueKind.TEXT, before=_("with"), is_optional=True),
            Input(key="is", kind=ValueKind.TEXT, before="=", is_optional=True),
            IN_THE_LAST,
        ),
        facts=lambda asked: frozenset({fact_of(asked.values["event"])}),
        compile=_count,
        order=50,
    )


def _count(asked: Asked, scope: Scope) -> Condition:
    more = NOTHING
    if name := asked.values.get("property"):
        value = asked.values.get("is")
        text = " AND a.properties ->> {} = {}" if value else " AND a.properties ->> {} IS NOT NULL"
        more = sql(text, name, value) if value else sql(text, name)
    rows = rows_of(asked.values["event"], sku=asked.values.get("sku"), more=more)
    return counted(rows, asked, scope)


def _funnel() -> Criterion:
    within = Input(
        key="within",
        kind=ValueKind.INTEGER,
        before=_("within"),
        after=_("days"),
        least=1,
        most=LONGEST_DAYS,
    )
    then = Input(
        key="then", kind=ValueKind.CHOICE, before=_("and then"), choices=NAME.choices, is_open=True
    )
    return Criterion(
        key="activity.funnel",
        label=_("Did one thing after another"),
        group=BEHAVIOUR,
        operators=(
            Operator(key="did", label=_("did")),
            Operator(key="stopped", label=_("did the first, not the second")),
        ),
        inputs=(NAME, then, within, IN_THE_LAST),
        facts=lambda asked: frozenset(
            {fact_of(asked.values["event"]), fact_of(asked.values["then"])}
        ),
        compile=_one_after_another,
        order=51,
    )


def _one_after_another(asked: Asked, scope: Scope) -> Condition:
    """The second step, within so many days after a first one of the last so many days.

    Who stopped did the first step, had his time for the second, and took none.
    """
    days, span = asked.values.get("days"), timedelta(days=asked.values["within"])
    first, second = rows_of(asked.values["event"]), rows_of(asked.values["then"], alias="b")
    follows = sql(
        "EXISTS (SELECT 1 FROM profiles_activity b WHERE {} AND b.profile_id = a.profile_id"
        " AND b.occurred_at > a.occurred_at AND b.occurred_at <= a.occurred_at + {}"
        " AND b.occurred_at <= {})",
        second.matching(scope),
        span,
        scope.at,
    )
    past = sql(" AND a.occurred_at <= {}", scope.at)
    if asked.operator == "did":
        wanted = sql("{}{} AND {}", first.where, past, follows)
    else:
        late = sql(" AND a.occurred_at <= {}", scope.at - span)
        wanted = sql("{}{}{} AND NOT {}", first.where, past, late, follows)
    rows = Rows(
        table=first.table, profile=first.profile, at=first.at, shop=first.shop, where=wanted
    )
    edges = [first.coming(scope), second.coming(scope)]
    if days is not None:
        edges.append(first.ageing(scope, days=days))
    if asked.operator == "stopped":
        edges.append(first.ageing(scope, days=asked.values["within"]))
    return Condition(
        test=rows.of_customers(scope, days=days),
        flip=earliest(edges),
        value=rows.one(Sql("count(*)"), scope, days=days),
    )
