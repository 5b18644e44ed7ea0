"""What segments ask about what customers allowed: by channel, purpose and shop, and since when."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from django.utils.translation import gettext_lazy as _

from profiles.extensions import (
    ANY_FACT,
    Asked,
    Condition,
    Criterion,
    Input,
    Operator,
    Scope,
    Sql,
    ValueKind,
)
from profiles.models import consents
from profiles.queries.criteria.moments import DAYS
from profiles.queries.criteria.rows import Rows
from profiles.queries.criteria.shops import of_shop, shop_input
from profiles.queries.criteria.sql import sql

CONSENTS = _("Consents")
_STEP = consents.STEP
# A stand sorts by strictness: granted, waiting for confirmation, withdrawn (models.consents).
_GRANTED = sql("c.stand < {}", _STEP)
_PENDING = sql("c.stand >= {} AND c.stand < {}", _STEP, 2 * _STEP)
_WITHDRAWN = sql("c.stand >= {}", 2 * _STEP)
_EMAIL = {"channel": consents.Channel.EMAIL.value, "purpose": consents.Purpose.MARKETING.value}


def all_criteria() -> tuple[Criterion, ...]:
    """Every criterion of this file."""
    channel = Input(
        key="channel",
        kind=ValueKind.CHOICE,
        before=_("by"),
        choices=lambda: [(value, str(label)) for value, label in consents.Channel.choices],
    )
    purpose = Input(
        key="purpose",
        kind=ValueKind.CHOICE,
        before=_("for"),
        choices=lambda: [(value, str(label)) for value, label in consents.Purpose.choices],
    )
    return (
        Criterion(
            key="consent.marketing",
            label=_("Wants marketing"),
            group=CONSENTS,
            operators=(
                Operator(key="granted", label=_("yes")),
                Operator(key="refused", label=_("no")),
                Operator(key="unknown", label=_("was never asked")),
            ),
            inputs=(shop_input(),),
            facts=ANY_FACT,
            compile=_stand,
            order=22,
        ),
        Criterion(
            key="consent.stand",
            label=_("Consent"),
            group=CONSENTS,
            operators=(
                Operator(key="granted", label=_("granted")),
                Operator(key="pending", label=_("waits for confirmation")),
                Operator(key="withdrawn", label=_("withdrawn")),
                Operator(key="unknown", label=_("was never asked")),
                Operator(key="granted_lately", label=_("granted, in the last"), inputs=(DAYS,)),
                Operator(key="granted_long", label=_("granted, longer than"), inputs=(DAYS,)),
                Operator(key="withdrawn_lately", label=_("withdrawn, in the last"), inputs=(DAYS,)),
            ),
            inputs=(channel, purpose, shop_input()),
            facts=ANY_FACT,
            compile=_stand,
            order=23,
        ),
    )


_STANDS = {
    "granted": _GRANTED,
    "pending": _PENDING,
    "withdrawn": _WITHDRAWN,
    "refused": _WITHDRAWN,
    "unknown": Sql("true"),
    "granted_lately": _GRANTED,
    "granted_long": _GRANTED,
    "withdrawn_lately": _WITHDRAWN,
}


def _stand(asked: Asked, scope: Scope) -> Condition:
    """Where the customer stands with the shop asked for, the segment's, or any."""
    matter = _EMAIL | {key: value for key, value in asked.values.items() if key in _EMAIL}
    about = sql(
        "c.channel = {} AND c.purpose = {} AND {}",
        matter["channel"],
        matter["purpose"],
        of_shop(asked, "c"),
    )
    shown = Rows(
        table="profiles_consentstate c", profile="c.profile_id", shop="c.shop_id", where=about
    )
    value = shown.one(_words(), scope)
    rows = replace(shown, where=sql("{} AND {}", about, _STANDS[asked.operator]))
    if "days" in asked.values:
        return replace(_since(rows, asked, scope), value=value)
    found = rows.of_customers(scope)
    test = sql("NOT {}", found) if asked.operator == "unknown" else found
    return Condition(test=test, value=value)


def _since(rows: Rows, asked: Asked, scope: Scope) -> Condition:
    """The same, by the moment at which the customer said it."""
    days = asked.values["days"]
    dated = replace(
        rows,
        table="profiles_consentstate c JOIN profiles_consent e"
        f" ON e.id = c.stand - {_STEP} * (c.stand / {_STEP})",
        at="e.answered_at",
    )
    if asked.operator == "granted_long":
        edge = scope.at - timedelta(days=days)
        old = replace(dated, where=sql("{} AND e.answered_at <= {}", dated.where, edge))
        return Condition(test=old.of_customers(scope), flip=dated.ageing(scope, days=days))
    edges = (dated.coming(scope), dated.ageing(scope, days=days))
    return Condition(test=dated.of_customers(scope, days=days), flip=sql("least({}, {})", *edges))


def _words() -> Sql:
    return sql(
        "string_agg(CASE WHEN {} THEN {} WHEN {} THEN {} ELSE {} END, ', ')",
        _GRANTED,
        consents.Answer.GRANTED.value,
        _PENDING,
        consents.Answer.PENDING.value,
        consents.Answer.WITHDRAWN.value,
    )
