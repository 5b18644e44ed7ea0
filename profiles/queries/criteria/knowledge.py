"""What segments ask of what a company wrote down: attributes of its own, tags, stages, who cares."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from company import queries as company
from profiles.events import AttributesChanged, OwnerChanged, TagsChanged
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
    Variant,
)
from profiles.models import ProfileShop
from profiles.queries import attributes, tags
from profiles.queries.criteria import moments, numbers, texts
from profiles.queries.criteria.rows import Rows
from profiles.queries.criteria.shops import of_shop, shop_input
from profiles.queries.criteria.sql import NOTHING, earliest, sql
from profiles.rules import attributes as rules
from profiles.rules import stages
from profiles.rules import tags as tag_rules

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise


KNOWLEDGE = _("Attributes")
CARE = _("Tags, stage and owner")
STAGES_MOVED = "night:stages"
_FURTHEST = 10**15
_MATTER = Input(key="attribute", kind=ValueKind.CHOICE, is_open=True)
_ENTRY = Input(kind=ValueKind.TEXT)
_ENTRIES = Input(kind=ValueKind.TEXTS)
_KNOWN = (moments.IS_SET, moments.IS_NOT_SET)

_Test = Callable[[Asked, Scope], Sql]


def all_criteria() -> tuple[Criterion, ...]:
    """Every criterion of this file."""
    return (*_attributes(), _tag(), _stage(), _owner())


# --- Attributes -----------------------------------------------------------------------------------


def _attributes() -> tuple[Criterion, ...]:
    span = numbers.operators(ValueKind.NUMBER, least=-_FURTHEST, most=_FURTHEST)
    returns = tuple(
        Operator(key=f"returns_{item.key}", label=label, inputs=item.inputs)
        for item, label in zip(
            moments.ANNIVERSARIES[:2],
            (_("has its anniversary in the next"), _("had its anniversary in the last")),
            strict=True,
        )
    )
    yes_or_no = (
        Operator(key="yes", label=_("is “yes”")),
        Operator(key="no", label=_("is “no”")),
    )
    lists = (
        Operator(key="has", label=_("contains"), inputs=(_ENTRY,)),
        Operator(key="has_not", label=_("does not contain"), inputs=(_ENTRY,)),
        Operator(key="one_of", label=_("contains one of"), inputs=(_ENTRIES,)),
        Operator(key="all_of", label=_("contains all of"), inputs=(_ENTRIES,)),
    )
    return (
        _attribute(rules.STRING, _("Text attribute"), texts.TEXTS[:-2], _text_test),
        _attribute(rules.NUMBER, _("Number attribute"), span, _number_test),
        _attribute(rules.BOOLEAN, _("Yes-or-no attribute"), yes_or_no, _boolean_test),
        _attribute(rules.DATE, _("Date attribute"), (*moments.ANY_TIME[:-2], *returns), None),
        _attribute(rules.LIST, _("List attribute"), lists, _list_test),
        _attribute(
            rules.CHOICE, _("Choice attribute"), texts.choice_operators(_choices)[:-2], _choice_test
        ),
    )


def _attribute(
    kind: str, label: str | _StrPromise, operators: tuple[Operator, ...], test: _Test | None
) -> Criterion:
    def compile_(asked: Asked, scope: Scope) -> Condition:
        if test is None and asked.operator not in ("is_set", "is_not_set"):
            return _of_day(asked, scope)
        return _of_value(kind, asked, scope, test)

    return Criterion(
        key=f"attribute.{kind}",
        label=label,
        group=KNOWLEDGE,
        operators=(*operators, *_KNOWN),
        inputs=(_MATTER,),
        facts=frozenset({AttributesChanged.name}),
        compile=compile_,
        varied=_MATTER.key,
        variants=lambda: _variants(kind),
        order=12,
    )


def _variants(kind: str) -> list[Variant]:
    return [
        Variant(
            value=row.key,
            label=row.label,
            choices=[(choice, choice) for choice in row.choices],
        )
        for row in attributes.definitions()
        if row.kind == kind
    ]


def _choices() -> list[tuple[str, str]]:
    """Every choice of every attribute: which of them fit is said by the variant."""
    found = {choice for row in attributes.definitions() for choice in row.choices}
    return [(choice, choice) for choice in sorted(found)]


def _values(asked: Asked, more: Sql = NOTHING) -> Rows:
    matter = "v.attribute_id = (SELECT d.id FROM profiles_attribute d WHERE d.key = {})"
    return Rows(
        table="profiles_attributevalue v",
        profile="v.profile_id",
        where=sql("{}{}", sql(matter, asked.values["attribute"]), more),
    )


_NEGATED = {"is_not": "is", "has_not": "has", "is_not_set": "is_set"}


def _of_value(kind: str, asked: Asked, scope: Scope, test: _Test | None) -> Condition:
    column = Sql(f"v.{rules.COLUMNS[kind]}")
    positive = _NEGATED.get(asked.operator)
    asking = Asked(operator=positive, values=asked.values) if positive else asked
    wanted = sql(" AND {} IS NOT NULL", column)
    if test is not None and asking.operator != "is_set":
        wanted = sql(" AND {}", test(asking, scope))
    found = _values(asked, wanted).of_customers(scope)
    shown = sql("min(array_to_string({}, ', '))" if kind == rules.LIST else "min({})", column)
    if kind == rules.BOOLEAN:
        shown = sql("bool_and({})", column)
    return Condition(
        test=sql("NOT {}", found) if positive else found, value=_values(asked).one(shown, scope)
    )


def _text_test(asked: Asked, _scope: Scope) -> Sql:
    return texts.test(Sql("v.text"), asked)


def _choice_test(asked: Asked, _scope: Scope) -> Sql:
    return texts.code_test(Sql("v.text"), asked)


def _number_test(asked: Asked, _scope: Scope) -> Sql:
    return numbers.test(Sql("v.number"), asked)


def _boolean_test(asked: Asked, _scope: Scope) -> Sql:
    return Sql("v.boolean" if asked.operator == "yes" else "NOT v.boolean")


def _list_test(asked: Asked, _scope: Scope) -> Sql:
    if asked.operator == "has":
        return sql("v.items @> ARRAY[{}]::varchar[]", asked.value)
    word = "@>" if asked.operator == "all_of" else "&&"
    return sql("v.items {} {}::varchar[]", Sql(word), list(asked.value))


def _of_day(asked: Asked, scope: Scope) -> Condition:
    """A date is the midnight at which it begins; its anniversaries are whole days."""
    shown = _values(asked).one(Sql("min(v.day)"), scope)
    if asked.operator.startswith("returns_"):
        returning = Asked(operator=asked.operator.removeprefix("returns_"), values=asked.values)
        found = moments.returning(Sql("v.day"), returning, scope)
        turns = moments.returning(Sql("s.x"), returning, scope).turns
    else:
        midnight = moments.midnight(Sql("v.day"), scope)
        found = moments.asking(midnight, asked, scope)
        turns = moments.asking(moments.midnight(Sql("s.x"), scope), asked, scope).turns
    rows = _values(asked, sql(" AND v.day IS NOT NULL AND {}", found.test))
    return Condition(
        test=rows.of_customers(scope),
        flip=moments.next_turn(shown, turns, scope),
        value=shown,
    )


# --- Tags -----------------------------------------------------------------------------------------


def _tag() -> Criterion:
    choices = _tag_choices
    one = Input(kind=ValueKind.CHOICE, choices=choices, is_open=True)
    several = Input(kind=ValueKind.TEXTS, choices=choices, is_open=True)
    return Criterion(
        key="profile.tag",
        label=_("Tag"),
        group=CARE,
        operators=(
            Operator(key="has", label=_("carries"), inputs=(one,)),
            Operator(key="has_not", label=_("does not carry"), inputs=(one,)),
            Operator(key="one_of", label=_("carries one of"), inputs=(several,)),
            Operator(key="all_of", label=_("carries all of"), inputs=(several,)),
            Operator(key="is_set", label=_("carries any")),
            Operator(key="is_not_set", label=_("carries none")),
        ),
        facts=frozenset({TagsChanged.name}),
        compile=_tagged,
        order=13,
    )


def _tag_choices() -> list[tuple[str, str]]:
    return [(name, name) for name in tags.all_names()]


def _carried(where: Sql) -> Rows:
    return Rows(
        table="profiles_profiletag t JOIN profiles_tag g ON g.id = t.tag_id",
        profile="t.profile_id",
        where=where,
    )


def _tagged(asked: Asked, scope: Scope) -> Condition:
    value = asked.values.get("value")
    wanted = [value] if isinstance(value, str) else (value or [])
    keys = sorted({tag_rules.key_of(name) for name in wanted})
    rows = _carried(sql("g.key = ANY({}::varchar[])", keys) if wanted else Sql("true"))
    having = sql("count(*) = {}", len(keys)) if asked.operator == "all_of" else NOTHING
    found = rows.of_customers(scope, having=having)
    is_negated = asked.operator in ("has_not", "is_not_set")
    shown = _carried(Sql("true")).one(Sql("string_agg(g.name, ', ' ORDER BY g.key)"), scope)
    return Condition(test=sql("NOT {}", found) if is_negated else found, value=shown)


# --- Stage and owner ------------------------------------------------------------------------------


def _stage() -> Criterion:
    return Criterion(
        key="profile.stage",
        label=_("Stage"),
        group=CARE,
        operators=texts.choice_operators(_stages)[:3],
        inputs=(shop_input(),),
        facts=ANY_FACT | {STAGES_MOVED},
        compile=_at_stage,
        order=14,
    )


def _stages() -> Sequence[tuple[str, str]]:
    return [(value, str(label)) for value, label in ProfileShop.Stage.choices]


# What his orders mean, for whom the night has not seen yet (rules/stages.py).
_BY_RULE = """
(SELECT CASE
    WHEN coalesce(sum(f.orders_count), 0) = 0 THEN {}
    WHEN max(f.last_order_at) <= {} THEN {}
    WHEN max(f.last_order_at) <= CASE WHEN sum(f.orders_count) = 1 THEN {} ELSE {} END THEN {}
    WHEN sum(f.orders_count) >= {} THEN {}
    WHEN sum(f.orders_count) = 1 THEN {}
    ELSE {} END
 FROM profiles_figures f WHERE f.profile_id = s.profile_id AND f.shop_id = s.shop_id)
"""


def _at_stage(asked: Asked, scope: Scope) -> Condition:
    """In the shop asked for, or in any; who was not looked at yet is where his orders put him."""
    at = scope.at
    by_rule = sql(
        _BY_RULE,
        stages.LEAD,
        at - stages.GONE,
        stages.LOST,
        at - stages.QUIET_AFTER_ONE,
        at - stages.QUIET,
        stages.AT_RISK,
        stages.LOYAL_FROM,
        stages.LOYAL,
        stages.NEW,
        stages.ACTIVE,
    )
    stage = sql("CASE WHEN s.stage <> '' THEN s.stage ELSE {} END", by_rule)
    is_negated = asked.operator == "is_not"
    asking = Asked(operator="is", values=asked.values) if is_negated else asked
    everywhere = _known(of_shop(asked, "s"))
    decided, undecided = (texts.code_test(place, asking) for place in (Sql("s.stage"), by_rule))
    fitting = sql("({} OR (s.stage = '' AND {}))", decided, undecided)
    rows = _known(sql("{} AND {}", of_shop(asked, "s"), fitting))
    found = rows.of_customers(scope)
    quiet = (stages.QUIET_AFTER_ONE, stages.QUIET, stages.GONE)
    edges = [
        _undecided(asked).turn(sql("max(f.last_order_at) + {}", q), scope, by="s.shop_id")
        for q in quiet
    ]
    return Condition(
        test=sql("NOT {}", found) if is_negated else found,
        flip=earliest(edges),
        value=everywhere.one(sql("string_agg({}, ', ')", stage), scope),
    )


def _known(where: Sql) -> Rows:
    return Rows(
        table="profiles_profileshop s", profile="s.profile_id", shop="s.shop_id", where=where
    )


def _undecided(asked: Asked) -> Rows:
    """The figures of shops in which nobody decided the stage yet."""
    return Rows(
        table="profiles_profileshop s JOIN profiles_figures f USING (profile_id, shop_id)",
        profile="s.profile_id",
        shop="s.shop_id",
        where=sql("s.stage = '' AND {}", of_shop(asked, "s")),
    )


def _owner() -> Criterion:
    operators = texts.choice_operators(_agents)
    return Criterion(
        key="profile.owner",
        label=_("Owner"),
        group=CARE,
        operators=(
            *operators[:3],
            Operator(key="is_set", label=_("is somebody")),
            Operator(key="is_not_set", label=_("is nobody")),
        ),
        inputs=(shop_input(),),
        facts=frozenset({OwnerChanged.name}),
        compile=_cared_for,
        order=15,
    )


def _agents() -> list[tuple[str, str]]:
    found = {
        agent.id: agent.name
        for shop in company.all_shops()
        for agent in company.agents_with("profiles.view_profile", shop_id=shop.id)
    }
    return sorted(((str(pk), name) for pk, name in found.items()), key=lambda c: c[1].lower())


def _cared_for(asked: Asked, scope: Scope) -> Condition:
    value = asked.values.get("value")
    wanted = [value] if isinstance(value, str) else (value or [])
    ids = [int(entry) for entry in wanted if entry.isascii() and entry.isdigit()]
    owner = sql("s.owner_id = ANY({}::bigint[])", ids) if wanted else Sql("s.owner_id IS NOT NULL")
    found = _known(sql("{} AND {}", of_shop(asked, "s"), owner)).of_customers(scope)
    is_negated = asked.operator in ("is_not", "is_not_set")
    shown = Rows(
        table="profiles_profileshop s JOIN company_agent a ON a.id = s.owner_id",
        profile="s.profile_id",
        shop="s.shop_id",
        where=of_shop(asked, "s"),
    )
    return Condition(
        test=sql("NOT {}", found) if is_negated else found,
        value=shown.one(Sql("string_agg(a.name, ', ')"), scope),
    )
