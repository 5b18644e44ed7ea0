"""What segments ask about persons: details, identifiers, the shops that know them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from django.utils.translation import gettext_lazy as _

from profiles import rules
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
from profiles.models import Identifier, Profile
from profiles.queries.criteria import moments, numbers, texts
from profiles.queries.criteria.places import countries, languages
from profiles.queries.criteria.rows import HAS, Rows, owned
from profiles.queries.criteria.shops import of_shop, shop_input
from profiles.queries.criteria.sql import sql

PERSON = _("Person")
CONTACT = _("Reachability")
_IDENTIFIERS = "profiles_identifier i"
_KNOWN_SHOPS = "profiles_profileshop s"
_KNOWN = (moments.IS_SET, moments.IS_NOT_SET)


def all_criteria() -> tuple[Criterion, ...]:
    """Every criterion of this file."""
    return (*_details(), *_moments(), *_reachability())


def _details() -> tuple[Criterion, ...]:
    return (
        _criterion("profile.name", _("Name"), texts.TEXTS, _name, order=1),
        _criterion(
            "profile.country",
            _("Country"),
            texts.choice_operators(countries, is_open=True),
            _of_code("p.country"),
            order=2,
        ),
        _criterion("profile.city", _("City"), texts.TEXTS, _of_text("p.city"), order=3),
        _criterion(
            "profile.language",
            _("Language"),
            texts.choice_operators(languages, is_open=True),
            _language,
            order=4,
        ),
        _criterion(
            "profile.locale", _("Language and region"), texts.TEXTS, _of_text("p.locale"), order=5
        ),
        _criterion(
            "profile.gender",
            _("Gender"),
            texts.choice_operators(_genders),
            _of_code("p.gender"),
            order=6,
        ),
        _criterion(
            "profile.source", _("First met through"), texts.TEXTS, _of_text("p.source"), order=9
        ),
    )


def _moments() -> tuple[Criterion, ...]:
    return (
        _criterion(
            "profile.birthday",
            _("Birthday"),
            moments.ANNIVERSARIES,
            lambda asked, scope: moments.anniversary("p.birthday", asked, scope),
            order=7,
        ),
        _criterion(
            "profile.age",
            _("Age"),
            (*numbers.operators(ValueKind.INTEGER, most=150, after=_("years")), *_KNOWN),
            _age,
            order=8,
        ),
        _criterion(
            "profile.first_seen",
            _("First seen"),
            moments.PAST[:-2],
            lambda asked, scope: moments.of_column("p.first_seen_at", asked, scope),
            order=10,
        ),
        _criterion(
            "profile.last_seen",
            _("Last seen"),
            moments.PAST[:-2],
            lambda asked, scope: moments.of_column("p.last_seen_at", asked, scope),
            order=11,
        ),
    )


def _reachability() -> tuple[Criterion, ...]:
    kind = Input(key="kind", kind=ValueKind.CHOICE, choices=_kinds)
    verified = Operator(key="has_verified", label=_("yes, and confirmed"))
    return (
        Criterion(
            key="identifier.present",
            label=_("Identifier"),
            group=CONTACT,
            inputs=(kind,),
            operators=(*HAS, verified),
            facts=ANY_FACT,
            compile=_present,
            order=20,
        ),
        Criterion(
            key="identifier.email_domain",
            label=_("Domain of the e-mail address"),
            group=CONTACT,
            operators=texts.TEXTS[:3],
            facts=ANY_FACT,
            compile=_email_domain,
            order=21,
        ),
        Criterion(
            key="profile.shop",
            label=_("Known to the shop"),
            group=CONTACT,
            operators=HAS,
            inputs=(shop_input(is_optional=False),),
            facts=ANY_FACT,
            compile=_known_to,
            order=23,
        ),
    )


Compile = Callable[[Asked, Scope], Condition]


def _criterion(
    key: str, label: object, operators: Sequence[Operator], compiled: Compile, *, order: int
) -> Criterion:
    return Criterion(
        key=key,
        label=label,  # type: ignore[arg-type] # a lazy text
        group=PERSON,
        operators=tuple(operators),
        facts=ANY_FACT,
        compile=compiled,
        order=order,
    )


def _of_text(column: str) -> Compile:
    return lambda asked, _scope: texts.of_column(column, asked)


def _of_code(column: str) -> Compile:
    return lambda asked, _scope: texts.of_code(column, asked)


def _language(asked: Asked, _scope: Scope) -> Condition:
    return texts.of_code("split_part(p.locale, '-', 1)", asked)


def _name(asked: Asked, _scope: Scope) -> Condition:
    """Names are compared as the search writes them: without accents and capitals."""
    value = asked.values.get("value")
    folded: str | list[str] | None = None
    if isinstance(value, str):
        folded = rules.searchable(value)
    elif value is not None:
        folded = [rules.searchable(entry) for entry in value]
    test = texts.test(
        Sql("p.search_name"), Asked(operator=asked.operator, values={"value": folded})
    )
    return Condition(test=test, value=Sql("trim(p.first_name || ' ' || p.last_name)"))


def _age(asked: Asked, scope: Scope) -> Condition:
    """Full years; who was born on 29 February is a year older on the 28th in most years."""
    birthday, today = Sql("p.birthday"), moments.today_of(scope)
    if asked.operator in ("is_set", "is_not_set"):
        return moments.anniversary("p.birthday", asked, scope)
    age = sql(
        "({} - extract(year FROM p.birthday)::int - ({} > {})::int)",
        today.year,
        moments.calendar_day(birthday),
        moments.latest_calendar_day(today),
    )
    turns = [
        moments.midnight(moments.returned(Sql("s.x"), today.year + step), scope) for step in (0, 1)
    ]
    return Condition(
        test=numbers.test(age, asked), flip=moments.next_turn(birthday, turns, scope), value=age
    )


def _present(asked: Asked, scope: Scope) -> Condition:
    where = sql("i.kind = {}", asked.values["kind"])
    if asked.operator == "has_verified":
        where = sql("{} AND i.is_verified", where)
    return owned(Rows(table=_IDENTIFIERS, profile="i.profile_id", where=where), asked, scope)


def _email_domain(asked: Asked, scope: Scope) -> Condition:
    domain = Sql("split_part(i.value, '@', 2)")
    is_negated = asked.operator == "is_not"
    positive = Asked(operator="is", values=asked.values) if is_negated else asked
    where = sql("i.kind = {} AND {}", rules.EMAIL, texts.test(domain, positive))
    test = Rows(table=_IDENTIFIERS, profile="i.profile_id", where=where).of_customers(scope)
    every = Rows(table=_IDENTIFIERS, profile="i.profile_id", where=sql("i.kind = {}", rules.EMAIL))
    value = every.one(Sql("string_agg(split_part(i.value, '@', 2), ', ')"), scope)
    return Condition(test=sql("NOT {}", test) if is_negated else test, value=value)


def _known_to(asked: Asked, scope: Scope) -> Condition:
    rows = Rows(table=_KNOWN_SHOPS, profile="s.profile_id", where=of_shop(asked, "s"))
    return owned(rows, asked, scope)


def _kinds() -> list[tuple[str, str]]:
    return [(value, str(label)) for value, label in Identifier.Kind.choices]


def _genders() -> list[tuple[str, str]]:
    return [(value, str(label)) for value, label in Profile.Gender.choices]
