"""How far a door is trusted, what the company's rules say, and who is joined to whom."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from ecrm.kernel import loops
from ecrm.kernel.models import EventRecord
from profiles import queries, services
from profiles.models import (
    DuplicatePair,
    Identifier,
    Merge,
    PostalAddress,
    Profile,
)
from profiles.queries import consents
from profiles.rules.policies import Policies, Policy
from profiles.types import Address, Identity
from tests.company.factories import AgentFactory, ShopFactory
from tests.profiles.threads import in_threads

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ANA = "ana@example.org"
HOME = Address(
    kind="shipping", line1="Rue  de l'Église 5", postcode="69001", city="Lyon", country="fr"
)


@pytest.fixture
def shop(db):
    return ShopFactory()


@pytest.fixture(autouse=True)
def _fresh_rules():
    queries.forget_policies()
    yield
    queries.forget_policies()


def resolve(shop, *, at=AT, is_proven=True, source="api", **identity):
    return services.resolve(
        Identity(**identity, is_proven=is_proven), shop_id=shop.pk, source=source, at=at
    ).profile_id


def changed(kind, **parts):
    known = queries.policies()[kind]
    values = {
        "limit": known.limit,
        "priority": known.priority,
        "blocked": known.blocked,
        "joins_visitors": known.joins_visitors,
    }
    return [
        *(p for p in queries.policies().all() if p.kind != kind),
        Policy(kind=kind, **values | parts),
    ]


# --- Doors that are not trusted -------------------------------------------------------------------


def test_a_claimed_address_finds_its_holder_and_changes_nothing(shop):
    ana = resolve(shop, email=ANA, customer_id="7", first_name="Ana", accepts_marketing=False)
    before = Profile.objects.values().get(pk=ana)

    found = resolve(
        shop,
        is_proven=False,
        source="mail",
        email=ANA,
        phone="0639981234",
        first_name="Eve",
        last_name="Intruder",
        city="Nowhere",
        birthday=date(1990, 1, 1),
        accepts_marketing=True,
        addresses=(HOME,),
    )

    assert found == ana
    assert Profile.objects.values().get(pk=ana) == before
    assert consents.wishes(ana, shop_ids=[shop.pk]) == {shop.pk: False}
    assert Identifier.objects.filter(kind="phone").count() == 0
    assert PostalAddress.objects.count() == 0


def test_a_visitor_is_never_linked_by_what_he_types(shop):
    ana = resolve(shop, email=ANA, customer_id="7")

    visitor = resolve(shop, is_proven=False, anonymous_id="v-1", email=ANA, customer_id="7")

    assert visitor != ana
    assert queries.is_visitor(visitor)
    assert not DuplicatePair.objects.exists()
    assert not EventRecord.objects.filter(name="profiles.visitor-recognised").exists()


def test_a_claimed_customer_id_opens_no_account(shop):
    ana = resolve(shop, customer_id="7")

    assert resolve(shop, is_proven=False, customer_id="7") != ana


def test_a_claim_fills_the_gaps_of_somebody_nobody_has_verified(shop):
    stranger = resolve(shop, is_proven=False, source="mail", email=ANA)

    resolve(shop, is_proven=False, source="mail", email=ANA, first_name="Ana")

    assert Profile.objects.get(pk=stranger).first_name == "Ana"


# --- Visitors who turn out to be somebody ---------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_proven_contact_joins_the_visitor_to_the_person():
    shop = ShopFactory()
    visitor = resolve(shop, is_proven=False, anonymous_id="v-1")
    ana = resolve(shop, email=ANA)

    assert resolve(shop, email=ANA, anonymous_id="v-1") == ana
    loops.run_until_idle("relay")

    assert queries.survivor(visitor) == ana
    assert Merge.objects.get().trigger == Merge.Trigger.VISITOR
    assert resolve(shop, is_proven=False, anonymous_id="v-1") == ana


def test_a_visitor_whom_somebody_else_named_meanwhile_is_not_joined(shop):
    visitor = resolve(shop, is_proven=False, anonymous_id="v-1")
    ana = resolve(shop, email=ANA)
    resolve(shop, anonymous_id="v-1", email="ben@example.org")

    assert services.join_visitor(ana, visitor_id=visitor, at=AT) is None
    assert not Merge.objects.exists()


def test_two_people_are_a_suggestion_and_never_joined(shop):
    ana, ben = resolve(shop, email=ANA, customer_id="1"), resolve(shop, email="ben@example.org")

    resolve(shop, customer_id="1", email="ben@example.org")

    assert not Merge.objects.exists()
    pair = DuplicatePair.objects.get()
    assert {pair.low_id, pair.high_id} == {ana, ben}
    assert services.join_visitor(ana, visitor_id=ben, at=AT) is None


# --- Fifty at once --------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_fifty_first_contacts_at_once_are_one_person():
    shop = ShopFactory()

    found = in_threads(
        50,
        lambda n: resolve(shop, email=ANA, phone="0639981234", anonymous_id="v-1", social="x:ana"),
    )

    assert len(set(found)) == 1
    assert Profile.objects.count() == 1
    assert Identifier.objects.count() == 4


# --- The company's rules --------------------------------------------------------------------------


def test_a_blocked_value_identifies_nobody(shop):
    first = resolve(shop, email="test@maison.example")

    assert resolve(shop, email="test@maison.example") != first
    assert not Identifier.objects.exists()


def test_the_limit_keeps_further_values_out(shop, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        services.save_policies(changed("phone", limit=1), by=None)
    ana = resolve(shop, email=ANA, phone="0639981234")

    resolve(shop, email=ANA, phone="0639985678")

    assert Identifier.objects.filter(profile_id=ana, kind="phone").count() == 1


def test_the_rank_decides_between_two(shop, django_capture_on_commit_callbacks):
    ana, ben = resolve(shop, customer_id="1"), resolve(shop, email="ben@example.org")
    assert resolve(shop, customer_id="1", email="ben@example.org") == ana

    with django_capture_on_commit_callbacks(execute=True):
        services.save_policies(changed("customer_id", priority=90), by=None)

    assert resolve(shop, customer_id="1", email="ben@example.org") == ben


def test_a_dry_run_counts_and_names_whom_other_rules_concern(shop):
    ana = resolve(shop, email=ANA, phone="0639981234")
    resolve(shop, email=ANA, phone="0639985678")
    visitor = resolve(shop, is_proven=False, anonymous_id="v-1")
    DuplicatePair.objects.create(
        low_id=min(ana, visitor), high_id=max(ana, visitor), score=80, reasons=[], found_at=AT
    )

    found = queries.dry_run(
        [
            Policy(kind="email", limit=20, priority=2, blocked=frozenset({"ana@*"})),
            Policy(kind="phone", limit=1, priority=3),
        ]
    )

    assert [(e.kind, e.count, list(e.examples)) for e in found.blocked] == [("email", 1, [ana])]
    assert [(e.kind, e.count) for e in found.over_limit] == [("phone", 1)]
    assert found.joined == []
    assert not queries.dry_run(Policies().all()).blocked


def test_rules_that_would_block_everybody_are_refused(db):
    with pytest.raises(services.UnusableRules) as refusal:
        services.save_policies(changed("email", blocked=frozenset({"*"}), limit=0), by=None)

    assert set(refusal.value.fields) == {"email-blocked", "email-limit"}


def test_saving_rules_leaves_a_line_in_the_audit_log(db):
    from company.models import AuditEntry

    services.save_policies(changed("email", limit=5), by=AgentFactory(owner=True))

    entry = AuditEntry.objects.get(action="profiles.identity-rules-changed")
    assert "kinds" in entry.changes


# --- Addresses ------------------------------------------------------------------------------------


def test_an_address_is_kept_once_however_it_is_written(shop, count_queries):
    told = {"email": ANA, "addresses": (HOME,)}
    ana = resolve(shop, **told)
    other = Address(
        kind="shipping", line1="rue de l'eglise 5", postcode="69 001", city="LYON", country="FR"
    )

    assert count_queries(lambda: resolve(shop, **told)) == 1
    assert count_queries(lambda: resolve(shop, email=ANA, addresses=(other,))) == 1
    row = PostalAddress.objects.get()
    assert (row.profile_id, row.line1, row.country) == (ana, "Rue de l'Église 5", "FR")


def test_a_new_address_costs_one_statement(shop, count_queries):
    resolve(shop, email=ANA, addresses=(HOME,))
    new = Address(kind="billing", line1="Quai 1", city="Genève", country="CH")

    assert count_queries(lambda: resolve(shop, email=ANA, addresses=(HOME, new))) == 2
    assert PostalAddress.objects.count() == 2


def test_birthday_and_the_rest_fill_gaps_and_the_own_account_corrects(shop):
    ana = resolve(shop, customer_id="7", birthday=date(1990, 5, 1))

    resolve(
        shop,
        customer_id="7",
        at=AT + timedelta(hours=1),
        birthday=date(1990, 5, 2),
        gender="female",
    )

    profile = Profile.objects.get(pk=ana)
    assert (profile.birthday, profile.gender) == (date(1990, 5, 2), "female")
