"""Many contacts at once: the rows are those which one contact after the other would have written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction

from company.queries import forget_shops
from profiles import services
from profiles.models import DuplicatePair, Identifier, IdentityRule, Profile
from profiles.queries.policies import forget_policies
from profiles.services import bulk, erasing
from profiles.types import Identity
from tests.company.factories import ShopFactory
from tests.profiles.factories import ProfileFactory

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def shop(db):
    yield ShopFactory(market="FR")
    forget_policies()


def contact(*, at=AT, said_at=None, **identity):
    known = Identity(**{"is_proven": True, **identity})
    return bulk.Contact(identity=known, at=at, said_at=said_at)


def resolve_many(shop, *contacts):
    return bulk.resolve_many(contacts, shop_id=shop.pk, source="order")


def numbers(profile_id):
    keys = Identifier.objects.filter(profile_id=profile_id, kind="phone", is_key=True)
    return sorted(keys.values_list("value", flat=True))


def allow(kind, *, limit, blocked=()):
    IdentityRule.objects.create(
        kind=kind, limit=limit, priority=3, joins_visitors=False, blocked=list(blocked)
    )
    forget_policies()


def test_a_customer_takes_no_more_identifiers_of_a_kind_than_the_rules_allow(shop):
    allow("phone", limit=2)
    contacts = [contact(email="ana@mail.fr", phone=f"061234567{n}") for n in range(5)]

    found = resolve_many(shop, *contacts)

    assert {resolution.profile_id for resolution in found} == {Profile.objects.get().pk}
    assert numbers(found[0].profile_id) == ["+33612345670", "+33612345671"]


def test_a_known_customer_is_held_to_the_limit_too(shop):
    allow("phone", limit=1)
    known = ProfileFactory(shop=shop, email="ana@mail.fr", phone="+33612345670")

    found = resolve_many(shop, contact(email="ana@mail.fr", phone="0612345671"))

    assert found[0].profile_id == known.pk
    assert numbers(known.pk) == ["+33612345670"]


def test_values_that_the_company_blocks_join_nobody(shop):
    allow("email", limit=20, blocked=["kasse@*"])
    contacts = [
        contact(email="kasse@mail.fr", customer_id="1"),
        contact(email="kasse@mail.fr", customer_id="2"),
    ]

    found = resolve_many(shop, *contacts)

    assert len({resolution.profile_id for resolution in found}) == 2
    assert not Identifier.objects.filter(kind="email").exists()
    assert not DuplicatePair.objects.exists()


@pytest.mark.parametrize("nobody", ["null", "test@mail.fr", "0000", "guest"])
def test_placeholders_join_nobody(shop, nobody):
    contacts = [contact(email=nobody, customer_id=str(n)) for n in (7, 8)]

    found = resolve_many(shop, *contacts)

    assert len({resolution.profile_id for resolution in found}) == 2
    assert not Identifier.objects.filter(kind="email").exists()


def test_the_shops_own_address_is_no_customer(shop):
    type(shop).objects.filter(pk=shop.pk).update(support_email="help@mail.fr")
    forget_shops()
    contacts = [contact(email="help@mail.fr", customer_id=str(n)) for n in (7, 8)]

    found = resolve_many(shop, *contacts)

    assert len({resolution.profile_id for resolution in found}) == 2


def test_the_past_of_somebody_erased_stays_erased(shop):
    ana = services.resolve(
        Identity(email="ana@mail.fr", is_proven=True), shop_id=shop.pk, source="order", at=AT
    ).profile_id
    erasing.erase(ana, by=None, source="test", at=AT + timedelta(days=2))
    contacts = [
        contact(email="ana@mail.fr", said_at=AT + timedelta(days=1)),
        contact(email="bea@mail.fr"),
    ]

    found = resolve_many(shop, *contacts)

    assert [resolution.is_erased for resolution in found] == [True, False]
    assert not Identifier.objects.filter(value="ana@mail.fr").exists()


def test_many_write_what_one_after_the_other_would_have_written(shop):
    allow("phone", limit=2)
    emails = ["ana@mail.fr", "ana@mail.fr", "noreply@mail.fr", "bea@mail.fr", "ana@mail.fr"]
    contacts = [
        contact(email=email, phone=f"06123456{n:02}", customer_id=f"c{n % 3}")
        for n, email in enumerate(emails)
    ]
    with transaction.atomic():
        for each in contacts:
            services.resolve(each.identity, shop_id=shop.pk, source="order", at=each.at)
        one_by_one = people()
        transaction.set_rollback(True)

    resolve_many(shop, *contacts)

    assert people() == one_by_one
    assert len(one_by_one) == 2


def people():
    """The identifiers of each customer."""
    found = [
        sorted(profile.identifiers.values_list("kind", "value", "is_key"))
        for profile in Profile.objects.all()
    ]
    return sorted(found)
