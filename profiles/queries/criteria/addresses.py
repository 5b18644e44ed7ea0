"""What segments ask about where customers live and have things sent."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

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
from profiles.models import PostalAddress
from profiles.queries.criteria import texts
from profiles.queries.criteria.places import countries
from profiles.queries.criteria.rows import Rows
from profiles.queries.criteria.sql import sql

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise


ADDRESSES = _("Postal address")
_NEGATED = {"is_not": "is", "is_not_set": "is_set"}


def all_criteria() -> tuple[Criterion, ...]:
    """Every criterion of this file."""
    several = Input(kind=ValueKind.TEXTS)
    postcodes = (
        Operator(key="starts_with", label=_("begins with"), inputs=(Input(kind=ValueKind.TEXT),)),
        Operator(key="starts_with_one_of", label=_("begins with one of"), inputs=(several,)),
        *texts.TEXTS[:3],
        *texts.TEXTS[-2:],
    )
    return (
        _criterion(
            "address.country", _("Country of an address"), texts.choice_operators(
                countries, is_open=True
            ), "w.country", order=24,
        ),
        _criterion("address.region", _("Canton, department, region"), texts.TEXTS, "w.region", order=25),
        _criterion("address.postcode", _("Postcode"), postcodes, "w.postcode", order=26),
        _criterion("address.city", _("City of an address"), texts.TEXTS, "w.city", order=27),
    )  # fmt: skip


def _criterion(
    key: str, label: str | _StrPromise, operators: tuple[Operator, ...], column: str, *, order: int
) -> Criterion:
    kind = Input(
        key="kind",
        kind=ValueKind.CHOICE,
        label=_("any address"),
        choices=lambda: [(value, str(label)) for value, label in PostalAddress.Kind.choices],
        is_optional=True,
    )
    return Criterion(
        key=key,
        label=label,
        group=ADDRESSES,
        operators=operators,
        inputs=(kind,),
        facts=ANY_FACT,
        compile=lambda asked, scope: _lives(column, asked, scope),
        order=order,
    )


def _lives(column: str, asked: Asked, scope: Scope) -> Condition:
    """At least one address is so; "is not" says that none is."""
    kind, text = asked.values.get("kind"), Sql(column)
    shown = Rows(
        table="profiles_postaladdress w",
        profile="w.profile_id",
        where=sql("w.kind = {}", kind) if kind else Sql("true"),
    )
    positive = _NEGATED.get(asked.operator)
    asking = Asked(operator=positive, values=asked.values) if positive else asked
    rows = replace(shown, where=sql("{} AND {}", shown.where, _test(text, asking)))
    found = rows.of_customers(scope)
    return Condition(
        test=sql("NOT {}", found) if positive else found,
        value=shown.one(sql("string_agg(DISTINCT nullif({}, ''), ', ')", text), scope),
    )


def _test(text: Sql, asked: Asked) -> Sql:
    if asked.operator == "starts_with_one_of":
        wanted = (
            "EXISTS (SELECT 1 FROM unnest({}::text[]) b WHERE starts_with(lower({}), lower(b)))"
        )
        return sql(wanted, list(asked.value), text)
    if text.text == "w.country":
        return texts.code_test(text, asked)
    return texts.test(text, asked)
