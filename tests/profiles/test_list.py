"""Columns and export of the customer list."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from decimal import Decimal

import pytest
from django.urls import reverse

from backoffice import services as frame
from company.models import AuditEntry
from ecrm.kernel import filters
from profiles import queries, services
from profiles.models import DuplicatePair
from profiles.queries import duplicates, overview
from tests.backoffice.factories import SavedViewFactory
from tests.company.factories import AgentFactory, ShopFactory
from tests.profiles.factories import MET_AT, ProfileFactory

pytestmark = pytest.mark.django_db

LIST = "/customers/"
EXPORT = "/customers/export/"


@pytest.fixture
def shop():
    return ShopFactory(name="Maison Alba FR")


@pytest.fixture
def manager(client, shop):
    agent = AgentFactory(role="manager", shop=shop, language="en")
    client.force_login(agent)
    return agent


def page(client, **query) -> str:
    return client.get(LIST, query).content.decode()


def table(response) -> list[list[str]]:
    text = b"".join(response.streaming_content).decode().removeprefix("\ufeff")
    return list(csv.reader(io.StringIO(text)))


def test_saved_views_appear_above_the_list(client, manager):
    SavedViewFactory(agent=manager, name="New people", list_path=LIST, query="since=7d")

    assert "New people" in page(client)
    assert 'aria-current="true"><svg' in page(client, since="7d")


def test_the_usual_columns_are_few_and_every_other_can_be_shown(client, manager, shop):
    ProfileFactory(shop=shop, locale="fr-CH", phone="+33639981234")
    assert ">Telephone</th>" not in page(client)

    keys = ["place", "phone", "language", "orders", "revenue", "last_order", "since", "last_seen"]
    frame.choose_columns(LIST, keys=keys, by=manager)

    text = page(client)
    for heading in ("Place", "Telephone", "Language", "Last order", "Customer since"):
        assert f">{heading}</th>" in text
    assert "+33 6 39 98 12 34" in text
    assert "Français (Suisse)" in text or "French (Switzerland)" in text


def test_a_customer_is_called_by_his_name_or_address_or_number(shop):
    named = ProfileFactory(shop=shop, first_name="Ana", last_name="Durand", email="ana@example.org")
    nameless = {"first_name": "", "last_name": "", "shop": shop}
    written = ProfileFactory(**nameless, email="who@example.org", phone="+33639981234")
    called = ProfileFactory(**nameless, email=None, phone="+33639985678")
    unknown = ProfileFactory(**nameless, email=None)

    found = queries.names([named.pk, written.pk, called.pk, unknown.pk])

    assert (found[named.pk].name, found[named.pk].email) == ("Ana Durand", "ana@example.org")
    assert (found[written.pk].name, found[written.pk].email) == (
        "who@example.org",
        "who@example.org",
    )
    assert (found[called.pk].name, found[called.pk].email) == ("+33639985678", "")
    assert found[unknown.pk].name == f"#{unknown.pk}"


def test_who_may_see_all_shops_but_a_new_one_does_not_see_its_customers(client, manager, shop):
    ProfileFactory(shop=shop, last_name="Durand")
    assert "Durand" in page(client)

    ProfileFactory(shop=ShopFactory(), last_name="Elsewhere")

    assert "Durand" in page(client)
    assert "Elsewhere" not in page(client)


def test_shops_are_worth_a_column_when_there_are_several(client, shop):
    ShopFactory(name="Maison Alba CH")
    client.force_login(AgentFactory(owner=True, language="en"))
    ProfileFactory(shop=shop)

    text = page(client)

    assert ">Shops</th>" in text
    assert '<span class="ec-clip">Maison Alba FR</span></span></div></td>' in text
    assert ">Shops</th>" not in page(client, shop=shop.pk)


def test_all_customers_of_the_filters_are_exported(client, manager, shop):
    for _ in range(filters.ROWS_PER_PAGE + 1):
        ProfileFactory(shop=shop, phone=None, country="CH")
    buyer = ProfileFactory(
        shop=shop, first_name="Zoé", last_name="Durand", phone="+33639981234", country="FR"
    )
    services.count_order(
        buyer.pk, shop_id=shop.pk, currency="EUR", revenue=Decimal("50.5"), placed_at=MET_AT
    )
    frame.choose_columns(LIST, keys=["orders", "revenue"], by=manager)

    narrowed = table(client.post(f"{EXPORT}?country=FR"))

    assert narrowed[0] == [
        "Number",
        "Customer",
        "E-mail",
        "Telephone",
        "Currency",
        "Orders",
        "Revenue",
    ]
    assert narrowed[1][:2] == [str(buyer.pk), "Zoé Durand"]
    assert narrowed[1][3:] == ["'+33639981234", "EUR", "1", "50.50"]
    assert len(table(client.post(EXPORT))) == filters.ROWS_PER_PAGE + 3


def test_a_name_is_never_run_as_a_formula(client, manager, shop):
    ProfileFactory(shop=shop, first_name="=cmd|' /C calc'!A0", last_name="")

    assert table(client.post(EXPORT))[1][1].startswith("'=")


def test_an_export_is_remembered_without_the_words_of_the_search(client, manager, shop):
    ProfileFactory(shop=shop)

    client.post(f"{EXPORT}?orders=none&q=durand")

    entry = AuditEntry.objects.get(action="backoffice.list-exported")
    assert (entry.actor_id, entry.target) == (manager.pk, "list:/customers/")
    assert entry.changes["filters"] == {"orders": "none"}


def test_customers_of_other_shops_are_not_exported(client, manager, shop):
    stranger = ProfileFactory(shop=ShopFactory(), last_name="Ailleurs")

    assert len(table(client.post(EXPORT))) == 1
    assert stranger.pk


def test_who_only_looks_is_offered_no_export(client, shop):
    client.force_login(AgentFactory(role="support", shop=shop))
    ProfileFactory(shop=shop)

    assert reverse("profiles:profile-export") not in page(client)
    assert client.post(EXPORT).status_code == 403


def test_nothing_is_exported_by_a_link(client, manager):
    assert client.get(EXPORT).status_code == 405


def test_a_long_export_costs_a_few_queries_a_batch(client, manager, shop, assert_flat_queries):
    assert_flat_queries(
        lambda: table(client.post(EXPORT)), add_rows=lambda: ProfileFactory(shop=shop), budget=24
    )


# --- Duplicates -----------------------------------------------------------------------------------


def test_the_list_counts_the_pairs_which_the_queue_shows(client, manager, shop):
    people = ProfileFactory.create_batch(5, shop=shop)
    stranger = ProfileFactory(shop=ShopFactory())
    tomorrow = MET_AT + timedelta(days=1)
    for low, high, options in (
        (0, 1, {}),
        (1, 2, {"state": "later", "later_until": MET_AT}),
        (2, 3, {"state": "later", "later_until": tomorrow}),
    ):
        DuplicatePair.objects.create(
            low=people[low], high=people[high], score=90, reasons=[], found_at=MET_AT, **options
        )
    DuplicatePair.objects.create(
        low=people[4], high=stranger, score=90, reasons=[], found_at=MET_AT
    )

    assert overview.pairs_waiting([shop.pk], at=MET_AT) == 2
    assert len(duplicates.queue([shop.pk], at=MET_AT)) == 2
    assert overview.pairs_waiting([shop.pk], at=tomorrow) == 3
    head = page(client).split('href="/customers/duplicates/"')[1][:500]
    assert '<span class="ec-count">3</span>' in head
