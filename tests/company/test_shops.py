from __future__ import annotations

from datetime import UTC, date, datetime, time

import pytest
from django.db import IntegrityError, transaction

from company import queries, services
from company.models import AuditEntry, Shop
from company.services import shops
from ecrm.kernel.models import EventRecord
from tests.company.factories import AgentFactory, ShopFactory

pytestmark = pytest.mark.django_db

GIVEN = {
    "slug": "maison-fr",
    "name": "Maison",
    "brand": "Maison",
    "market": "FR",
    "languages": ["fr", "en"],
    "currency": "EUR",
    "support_email": "Bonjour@Maison.example",
}


def test_a_new_shop_speaks_its_first_language_and_signs_with_its_name():
    shop = services.create_shop(**GIVEN, by=None)

    info = queries.shop_by_slug("maison-fr")
    assert info == queries.shop(shop.pk)
    assert (info.default_language, info.sender_name) == ("fr", "Maison")
    assert info.support_email == "bonjour@maison.example"
    assert EventRecord.objects.get(name="company.shop-created").shop_id == shop.pk
    assert AuditEntry.objects.filter(action="company.shop-created", shop_id=shop.pk).exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("slug", "Maison FR"),
        ("slug", ""),
        ("name", " "),
        ("market", "France"),
        ("currency", "eur"),
        ("languages", []),
        ("default_language", "de"),
        ("time_zone", "Europe/Atlantis"),
        ("accent_color", "red"),
        ("domains", ["https://maison.example"]),
        ("sender_name", "Maison\r\nBcc: a@b.example"),
        ("support_email", "nobody"),
    ],
)
def test_a_shop_that_can_not_be_is_refused_with_the_field(field, value):
    with pytest.raises(shops.ShopInvalid) as refusal:
        services.create_shop(**{**GIVEN, field: value}, by=None)

    assert field in refusal.value.fields
    assert not Shop.objects.exists()


def test_two_shops_do_not_share_a_short_name():
    services.create_shop(**GIVEN, by=None)

    with pytest.raises(shops.ShopExists):
        services.create_shop(**GIVEN, by=None)


def test_a_change_is_seen_at_once_and_audited_with_before_and_after():
    owner = AgentFactory(owner=True)
    shop = services.create_shop(**GIVEN, by=None)
    assert queries.shop(shop.pk).name == "Maison"

    services.change_shop(shop.pk, changes={"name": "Maison Paris", "currency": "EUR"}, by=owner)

    assert queries.shop(shop.pk).name == "Maison Paris"
    entry = AuditEntry.objects.get(action="company.shop-changed")
    assert entry.changes == {"name": ["Maison", "Maison Paris"]}


def test_a_change_of_nothing_leaves_no_trace():
    shop = services.create_shop(**GIVEN, by=None)

    services.change_shop(shop.pk, changes={"name": "Maison"}, by=None)

    assert not AuditEntry.objects.filter(action="company.shop-changed").exists()


def test_the_short_name_never_changes():
    shop = services.create_shop(**GIVEN, by=None)

    services.change_shop(shop.pk, changes={"slug": "other"}, by=None)

    shop.refresh_from_db()
    assert shop.slug == "maison-fr"


def test_reading_shops_again_costs_nothing(django_assert_num_queries):
    shop = ShopFactory()
    queries.shop(shop.pk)

    with django_assert_num_queries(0):
        queries.shop(shop.pk)
        queries.shop_by_slug(shop.slug)


def test_a_shop_nobody_knows():
    assert queries.shop_by_slug("atlantis") is None
    with pytest.raises(KeyError):
        queries.shop(0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"default_language": "de"},
        {"market": "fr"},
        {"currency": "euro"[:3]},
        {"accent_color": "red"},
        {"languages": []},
        {"slug": "A b"},
    ],
)
def test_the_database_knows_the_rules_too(wrong):
    with pytest.raises(IntegrityError), transaction.atomic():
        ShopFactory(**wrong)


# --- Opening hours ---------------------------------------------------------------------------------

MONDAY_MORNING = datetime(2026, 6, 1, 8, 0, tzinfo=UTC)


def test_a_new_shop_is_not_open_yet():
    shop = services.create_shop(**GIVEN, by=None)

    assert not queries.is_open(shop.pk, at=MONDAY_MORNING)
    assert queries.next_opening(shop.pk, at=MONDAY_MORNING) is None


def test_hours_and_exceptional_days():
    shop = services.create_shop(**GIVEN, by=None)
    services_ = shops
    services_.set_opening_hours(shop.pk, weekly={0: [(time(9), time(18))]}, by=None)
    assert queries.is_open(shop.pk, at=MONDAY_MORNING)

    services_.set_exceptional_day(
        shop.pk, on=date(2026, 6, 1), name="Pentecôte", hours=None, by=None
    )
    assert not queries.is_open(shop.pk, at=MONDAY_MORNING)
    assert queries.next_opening(shop.pk, at=MONDAY_MORNING) == datetime(2026, 6, 8, 7, tzinfo=UTC)

    services_.remove_exceptional_day(shop.pk, on=date(2026, 6, 1), by=None)
    services_.remove_exceptional_day(shop.pk, on=date(2026, 6, 1), by=None)
    assert queries.is_open(shop.pk, at=MONDAY_MORNING)


def test_setting_the_week_replaces_the_former_week():
    shop = services.create_shop(**GIVEN, by=None)
    shops.set_opening_hours(shop.pk, weekly={0: [(time(9), time(18))]}, by=None)

    shops.set_opening_hours(shop.pk, weekly={1: [(time(9), time(18))]}, by=None)

    assert not queries.is_open(shop.pk, at=MONDAY_MORNING)


@pytest.mark.parametrize(
    "spans",
    [
        [(time(18), time(9))],
        [(time(9), time(9))],
        [(time(9), time(13)), (time(12), time(18))],
        [(time(9), time(0)), (time(20), time(21))],
    ],
)
def test_hours_which_overlap_or_end_before_they_begin_are_refused(spans):
    shop = services.create_shop(**GIVEN, by=None)

    with pytest.raises(shops.HoursInvalid):
        shops.set_opening_hours(shop.pk, weekly={0: spans}, by=None)
    if len(spans) == 1:
        with pytest.raises(shops.HoursInvalid):
            shops.set_exceptional_day(
                shop.pk, on=date(2026, 6, 1), name="x", hours=spans[0], by=None
            )
