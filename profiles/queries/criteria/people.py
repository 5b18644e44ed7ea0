"""What segments ask about persons: details, identifiers, consent, the shops that know them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from babel import Locale
from django.utils.translation import get_language, to_locale
from django.utils.translation import gettext_lazy as _

from company import queries as company
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
from profiles.models import Identifier, Profile, consents
from profiles.queries import listing
from profiles.queries.criteria import moments, texts
from profiles.queries.criteria.rows import HAS, Rows, owned
from profiles.queries.criteria.sql import sql

PERSON = _("Person")
CONTACT = _("Reachability")
_IDENTIFIERS = "profiles_identifier i"
_KNOWN_SHOPS = "profiles_profileshop s"


def all_criteria() -> tuple[Criterion, ...]:
    """Every criterion of this file."""
    return (*_details(), *_moments(), *_reachability())


def _details() -> tuple[Criterion, ...]:
    return (
        _criterion("profile.name", _("Name"), texts.TEXTS, _name, order=1),
        _criterion(
            "profile.country",
            _("Country"),
            texts.choice_operators(_countries, is_open=True),
            _of_code("p.country"),
            order=2,
        ),
        _criterion("profile.city", _("City"), texts.TEXTS, _of_text("p.city"), order=3),
        _criterion(
            "profile.language",
            _("Language"),
            texts.choice_operators(_languages, is_open=True),
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
            key="consent.marketing",
            label=_("Wants marketing"),
            group=CONTACT,
            operators=(
                Operator(key="granted", label=_("yes")),
                Operator(key="refused", label=_("no")),
                Operator(key="unknown", label=_("was never asked")),
            ),
            inputs=(_shop_input(),),
            facts=ANY_FACT,
            compile=_marketing,
            order=22,
        ),
        Criterion(
            key="profile.shop",
            label=_("Known to the shop"),
            group=CONTACT,
            operators=HAS,
            inputs=(_shop_input(is_optional=False),),
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


def _marketing(asked: Asked, scope: Scope) -> Condition:
    """Where the customer stands on marketing by mail with the shop asked for, the segment's, or any.

    A stand sorts by strictness: granted, waiting for confirmation, withdrawn (models.consents).
    """
    stands = {
        "granted": sql(" AND c.stand < {}", consents.STEP),
        "refused": sql(" AND c.stand >= {}", 2 * consents.STEP),
        "unknown": Sql(""),
    }
    shown = Rows(
        table="profiles_consentstate c",
        profile="c.profile_id",
        shop="c.shop_id",
        where=sql(
            "c.channel = {} AND c.purpose = {}{}",
            consents.Channel.EMAIL.value,
            consents.Purpose.MARKETING.value,
            _of_shop(asked, "c"),
        ),
    )
    rows = replace(shown, where=sql("{}{}", shown.where, stands[asked.operator]))
    found = rows.of_customers(scope)
    words = sql(
        "string_agg(CASE WHEN c.stand < {} THEN {} WHEN c.stand < {} THEN {} ELSE {} END, ', ')",
        consents.STEP,
        consents.Answer.GRANTED.value,
        2 * consents.STEP,
        consents.Answer.PENDING.value,
        consents.Answer.WITHDRAWN.value,
    )
    test = sql("NOT {}", found) if asked.operator == "unknown" else found
    return Condition(test=test, value=shown.one(words, scope))


def _known_to(asked: Asked, scope: Scope) -> Condition:
    where = sql("true{}", _of_shop(asked, "s"))
    return owned(Rows(table=_KNOWN_SHOPS, profile="s.profile_id", where=where), asked, scope)


def _of_shop(asked: Asked, alias: str) -> Sql:
    shop = asked.values.get("shop")
    return sql(" AND {}.shop_id = {}", Sql(alias), int(shop)) if shop else Sql("")


def _shop_input(*, is_optional: bool = True) -> Input:
    return Input(
        key="shop",
        kind=ValueKind.CHOICE,
        label=_("Any shop"),
        choices=lambda: [(str(shop.id), shop.name) for shop in company.all_shops()],
        is_optional=is_optional,
    )


def _countries() -> list[tuple[str, str]]:
    names = Locale.parse(to_locale(get_language() or "en")).territories
    present = listing.countries(shop.id for shop in company.all_shops())
    return sorted(((code, str(names.get(code, code))) for code in present), key=lambda c: c[1])


def _languages() -> list[tuple[str, str]]:
    names = Locale.parse(to_locale(get_language() or "en")).languages
    spoken = {code for shop in company.all_shops() for code in shop.languages}
    return sorted((code, str(names.get(code, code)).capitalize()) for code in spoken)


def _kinds() -> list[tuple[str, str]]:
    return [(value, str(label)) for value, label in Identifier.Kind.choices]


def _genders() -> list[tuple[str, str]]:
    return [(value, str(label)) for value, label in Profile.Gender.choices]
