from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection, transaction

from ecrm.kernel.models import EventRecord
from profiles import queries, services
from profiles.models import DuplicatePair, Figures, Identifier, Profile, ProfileShop
from profiles.queries import consents
from profiles.types import Identity, OrderFigures
from tests.company.factories import ShopFactory
from tests.profiles.factories import ProfileFactory
from tests.profiles.threads import in_threads

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
EMAIL = "ana@example.org"


@pytest.fixture
def shop(db):
    return ShopFactory()


def resolve(shop, *, at=AT, **identity):
    identity.setdefault("is_proven", True)
    return services.resolve(Identity(**identity), shop_id=shop.pk, source="test", at=at)


def test_the_first_contact_creates_a_profile_and_says_so(shop):
    resolution = resolve(shop, email=EMAIL, first_name="Ana", last_name="Durand", locale="fr_FR")

    profile = Profile.objects.get()
    assert resolution.created
    assert resolution.profile_id == profile.pk
    assert (profile.full_name, profile.locale, profile.search_name) == (
        "Ana Durand",
        "fr-FR",
        "ana durand",
    )
    assert ProfileShop.objects.filter(profile=profile, shop=shop).exists()
    event = EventRecord.objects.get(name="profiles.profile-created")
    assert (event.profile_id, event.shop_id, event.occurred_at) == (profile.pk, shop.pk, AT)
    assert EMAIL not in str(event.payload)


def test_the_second_contact_finds_it_however_it_is_written(shop):
    first = resolve(shop, email=EMAIL, phone="06 39 98 12 34")

    by_email = resolve(shop, email=" ANA@example.org")
    by_phone = resolve(shop, phone="+33 6 39 98 12 34")

    assert {by_email.profile_id, by_phone.profile_id} == {first.profile_id}
    assert not by_email.created
    assert EventRecord.objects.count() == 1


def test_a_known_person_costs_one_query(shop, count_queries):
    identity = {"email": EMAIL, "phone": "0639981234", "customer_id": "7", "first_name": "Ana"}
    resolve(shop, **identity)

    # 1 the holders of all keys
    assert count_queries(lambda: resolve(shop, **identity)) == 1


def test_what_is_new_about_a_person_is_added(shop):
    first = resolve(shop, email=EMAIL)

    resolve(
        shop, email=EMAIL, customer_id="88", phone="0639981234", last_name="Durand", city="Lyon"
    )

    profile = Profile.objects.get()
    assert (profile.last_name, profile.city) == ("Durand", "Lyon")
    assert sorted(profile.identifiers.values_list("kind", flat=True)) == [
        "customer_id",
        "email",
        "phone",
    ]
    assert resolve(shop, customer_id="88").profile_id == first.profile_id


def test_an_id_of_one_shop_is_nobody_in_another(shop):
    other_shop = ShopFactory()
    first = resolve(shop, customer_id="88")

    second = resolve(other_shop, customer_id="88")

    assert second.profile_id != first.profile_id


def test_a_person_is_one_in_all_shops_of_the_company(shop):
    other_shop = ShopFactory()
    first = resolve(shop, email=EMAIL)

    second = resolve(other_shop, email=EMAIL)

    assert second.profile_id == first.profile_id
    assert queries.shops_of(first.profile_id) == [shop.pk, other_shop.pk]


def test_identifiers_of_two_people_are_a_conflict_and_no_merge(shop):
    ana = resolve(shop, customer_id="1", email=EMAIL)
    ben = resolve(shop, customer_id="2", email="ben@example.org")

    found = resolve(shop, customer_id="1", email="ben@example.org")

    assert found.profile_id == ana.profile_id
    assert queries.find_by_email("ben@example.org") == ben.profile_id
    pair = DuplicatePair.objects.get()
    assert (pair.low_id, pair.high_id) == (ana.profile_id, ben.profile_id)
    assert pair.reasons == ["same_email"]
    assert queries.emails_of(ana.profile_id) == [EMAIL, "ben@example.org"]


def test_the_same_conflict_is_recorded_once(shop):
    resolve(shop, customer_id="1", email=EMAIL)
    resolve(shop, customer_id="2", email="ben@example.org")

    for _ in range(3):
        resolve(shop, customer_id="1", email="ben@example.org")

    assert DuplicatePair.objects.count() == 1
    assert Identifier.objects.filter(is_key=False).count() == 1


def test_a_family_shares_a_telephone_and_stays_two_people(shop):
    ana = resolve(shop, email=EMAIL, phone="0639981234")

    ben = resolve(shop, email="ben@example.org", phone="0639981234")

    assert ben.profile_id != ana.profile_id
    assert queries.card(ben.profile_id).phone == "+33639981234"
    assert resolve(shop, phone="0639981234").profile_id == ana.profile_id


def test_placeholders_never_join_strangers(shop):
    first = resolve(shop, customer_id="0", email="null", phone="0000000000")

    second = resolve(shop, customer_id="guest", email="null", phone="0000000000")

    assert first.created
    assert second.created
    assert first.profile_id != second.profile_id
    assert not Identifier.objects.exists()


def test_the_shops_own_address_is_no_customer(shop):
    resolve(shop, email=shop.support_email.upper(), customer_id="5")

    assert list(Identifier.objects.values_list("kind", flat=True)) == ["customer_id"]


def test_identify_refuses_nobody(shop):
    with pytest.raises(services.NobodyIdentified):
        services.identify(Identity(email="null"), shop_id=shop.pk, source="api")

    assert not Profile.objects.exists()


def test_a_guest_cannot_rename_a_customer(shop):
    resolve(shop, customer_id="7", email=EMAIL, first_name="Ana", last_name="Durand")

    resolve(shop, email=EMAIL, first_name="Mallory", last_name="Evil")

    assert Profile.objects.get().full_name == "Ana Durand"


def test_the_own_account_corrects_a_name_but_not_by_old_news(shop):
    resolve(shop, customer_id="7", first_name="Ana", last_name="Durand")
    resolve(shop, customer_id="7", last_name="Martin", at=AT + timedelta(days=1))
    assert Profile.objects.get().last_name == "Martin"

    resolve(shop, customer_id="7", last_name="Ancienne", at=AT - timedelta(days=900))

    profile = Profile.objects.get()
    assert profile.last_name == "Martin"
    assert profile.first_seen_at == AT - timedelta(days=900)


def test_marketing_wishes_are_kept_per_shop(shop):
    other_shop = ShopFactory()
    resolve(shop, email=EMAIL, accepts_marketing=True)
    resolve(other_shop, email=EMAIL)

    resolve(shop, email=EMAIL, accepts_marketing=False)
    resolve(shop, email=EMAIL)

    profile = Profile.objects.get()
    found = consents.wishes(profile.pk, shop_ids=[shop.pk, other_shop.pk])
    assert found == {shop.pk: False}


def test_learning_keeps_the_decided_profile(shop):
    guest = resolve(shop, email="guest@example.org")
    ana = resolve(shop, customer_id="1", email=EMAIL)

    services.learn(
        guest.profile_id,
        identity=Identity(
            customer_id="1", email="guest@example.org", phone="0639981234", is_proven=True
        ),
        shop_id=shop.pk,
        source="order",
        at=AT,
    )

    assert resolve(shop, phone="0639981234").profile_id == guest.profile_id
    assert resolve(shop, customer_id="1").profile_id == ana.profile_id
    assert DuplicatePair.objects.get().low_id == guest.profile_id


def test_figures_add_up_and_can_be_recounted(shop):
    profile = ProfileFactory(shop=shop)
    for days, revenue in ((0, "10.50"), (-3, "20.00")):
        services.count_order(
            profile.pk,
            shop_id=shop.pk,
            currency="EUR",
            revenue=Decimal(revenue),
            placed_at=AT + timedelta(days=days),
        )
    services.add_revenue(profile.pk, shop_id=shop.pk, currency="EUR", amount=Decimal("-5.50"))

    figures = queries.order_figures([profile.pk])[profile.pk]["EUR"]
    assert figures == OrderFigures(
        orders_count=2,
        revenue=Decimal("25.00"),
        first_order_at=AT - timedelta(days=3),
        last_order_at=AT,
    )

    nothing = OrderFigures(
        orders_count=0, revenue=Decimal(0), first_order_at=None, last_order_at=None
    )
    services.recount_orders(profile.pk, shop_id=shop.pk, currency="EUR", count=lambda: nothing)
    assert Figures.objects.get().orders_count == 0
    assert queries.card(profile.pk).revenue is None


@pytest.mark.django_db(transaction=True)
def test_fifty_first_contacts_at_once_are_one_profile():
    shop = ShopFactory()

    results = in_threads(
        50, lambda i: resolve(shop, email=EMAIL, phone="0639981234", customer_id="7")
    )

    assert len({result.profile_id for result in results}) == 1
    assert sum(result.created for result in results) == 1
    assert Profile.objects.count() == 1
    assert Identifier.objects.count() == 3
    assert EventRecord.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_contacts_that_know_different_halves_of_a_person_never_deadlock():
    shop = ShopFactory()
    halves = [
        {"email": EMAIL, "customer_id": "7"},
        {"email": EMAIL, "phone": "0639981234"},
        {"phone": "0639981234", "customer_id": "7"},
        {"email": EMAIL},
    ]

    results = in_threads(24, lambda i: resolve(shop, **halves[i % 4]))

    holders = Identifier.objects.filter(is_key=True)
    assert holders.count() == 3
    assert {result.profile_id for result in results} >= set(
        holders.values_list("profile_id", flat=True)
    )
    assert set(Profile.objects.values_list("pk", flat=True)) == {r.profile_id for r in results}


@pytest.mark.django_db(transaction=True)
def test_who_comes_second_waits_for_the_first_and_finds_the_profile():
    shop = ShopFactory()
    has_created, may_commit = threading.Event(), threading.Event()
    seen = {}

    def first():
        with transaction.atomic():
            seen["first"] = resolve(shop, email=EMAIL)
            has_created.set()
            may_commit.wait(5)
        connection.close()

    def second():
        has_created.wait(5)
        threading.Timer(0.2, may_commit.set).start()
        seen["second"] = resolve(shop, email=EMAIL)
        connection.close()

    threads = [threading.Thread(target=work) for work in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert seen["second"].profile_id == seen["first"].profile_id
    assert not seen["second"].created


@pytest.mark.django_db(transaction=True)
def test_when_the_first_gives_up_the_second_creates():
    shop = ShopFactory()
    has_created, may_end = threading.Event(), threading.Event()
    seen = {}

    def first():
        try:
            with transaction.atomic():
                resolve(shop, email=EMAIL)
                has_created.set()
                may_end.wait(5)
                raise ZeroDivisionError
        except ZeroDivisionError:
            connection.close()

    def second():
        has_created.wait(5)
        threading.Timer(0.2, may_end.set).start()
        seen["second"] = resolve(shop, email=EMAIL)
        connection.close()

    threads = [threading.Thread(target=work) for work in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert seen["second"].created
    assert Profile.objects.count() == 1
