"""Saved views, columns and export of the order list."""

from __future__ import annotations

import csv
import io

import pytest
from django.urls import reverse

from backoffice import services as frame
from company.models import AuditEntry
from ecrm.kernel import filters
from tests.backoffice.factories import SavedViewFactory
from tests.company.factories import AgentFactory, ShopFactory
from tests.orders.factories import make_order

LIST = "/orders/"
EXPORT = "/orders/export/"


@pytest.fixture
def manager(client, shop):
    agent = AgentFactory(role="manager", shop=shop, language="en")
    client.force_login(agent)
    return agent


@pytest.fixture
def support(client, shop):
    agent = AgentFactory(role="support", shop=shop, language="en")
    client.force_login(agent)
    return agent


def page(client, **query) -> str:
    return client.get(LIST, query).content.decode()


def table(response, delimiter=",") -> list[list[str]]:
    text = b"".join(response.streaming_content).decode().removeprefix("\ufeff")
    return list(csv.reader(io.StringIO(text), delimiter=delimiter))


def test_the_list_has_saved_views_of_its_own(client, support):
    SavedViewFactory(agent=support, name="Paid ones", list_path=LIST, query="status=paid")
    SavedViewFactory(agent=support, name="New people", list_path="/customers/", query="since=7d")

    assert "Paid ones" in page(client)
    assert "New people" not in page(client)
    assert "Save view" not in page(client, status="paid")
    assert "Save view" in page(client, status="shipped")


def test_the_fragment_brings_the_saved_views_of_the_new_filters(client, support):
    headers = {"HX-Request": "true", "HX-Target": "list"}

    text = client.get(LIST, {"status": "paid"}, headers=headers).content.decode()

    assert 'name="query" value="status=paid"' in text


def test_usual_columns_leave_out_what_few_need(client, support, shop):
    make_order(shop)

    text = page(client)

    assert '<th class="ec-desk-only">Status</th>' in text
    assert ">Tax</th>" not in text


def test_an_agent_sees_the_columns_he_chose(client, support, shop):
    make_order(shop, status="refunded")
    every = ["shop", "status", "items", "discount", "shipping", "tax", "refunded", "total"]
    frame.choose_columns(LIST, keys=[*every, "placed", "changed"], by=support)

    text = page(client)

    for heading in ("Discount", "Shipping", "Tax", "Refunded", "Changed"):
        assert f">{heading}</th>" in text
    assert ">Shop</th>" not in text  # there is one only


def test_a_page_has_as_many_rows_as_every_list(client, support, shop):
    for _ in range(filters.ROWS_PER_PAGE + 1):
        make_order(shop)

    assert len(client.get(LIST).context["rows"]) == filters.ROWS_PER_PAGE
    assert len(client.get(LIST, {"page": 2}).context["rows"]) == 1


def test_all_rows_of_the_filters_are_exported_with_the_chosen_columns(client, manager, shop):
    for _ in range(filters.ROWS_PER_PAGE + 1):
        make_order(shop)
    shipped = make_order(shop, status="shipped")
    frame.choose_columns(LIST, keys=["status", "total"], by=manager)

    narrowed = table(client.post(f"{EXPORT}?status=shipped"))
    whole = table(client.post(EXPORT))

    assert narrowed == [
        ["Order", "Customer", "E-mail", "Currency", "Status", "Total"],
        [shipped.number, "Ana Durand", narrowed[1][2], "EUR", "Shipped", "123.00"],
    ]
    assert len(whole) == filters.ROWS_PER_PAGE + 3


def test_the_export_speaks_the_language_of_the_agent(client, manager, shop):
    manager.language = "fr"
    manager.save()
    make_order(shop, status="shipped")

    rows = table(client.post(EXPORT), delimiter=";")

    assert "Expédiée" in rows[1]
    assert "123,00" in rows[1]


def test_an_order_number_is_never_run_as_a_formula(client, manager, shop):
    make_order(shop, number='=HYPERLINK("https://evil.example")')

    assert table(client.post(EXPORT))[1][0].startswith("'=")


def test_an_export_is_remembered_without_the_words_of_the_search(client, manager, shop):
    make_order(shop)

    client.post(f"{EXPORT}?status=paid&q=anna@example.org")

    entry = AuditEntry.objects.get(action="backoffice.list-exported")
    assert entry.actor_id == manager.pk
    assert entry.changes["filters"] == {"status": "paid"}
    assert "anna" not in str(entry.changes)


def test_orders_of_other_shops_are_not_exported(client, manager, shop):
    make_order(shop)
    theirs = make_order(ShopFactory())

    assert theirs.number not in str(table(client.post(EXPORT)))


def test_shops_without_the_right_to_export_are_left_out(client, manager, shop):
    from company import services as company

    other_shop = ShopFactory()
    company.grant_role(manager.pk, role_key="support", shop_id=other_shop.pk, by=None)
    seen_only, mine = make_order(other_shop), make_order(shop)

    assert seen_only.number in page(client)
    exported = str(table(client.post(EXPORT)))
    assert mine.number in exported
    assert seen_only.number not in exported


def test_who_only_looks_is_offered_no_export(client, support, shop):
    make_order(shop)

    assert reverse("orders:order-export") not in page(client)
    assert client.post(EXPORT).status_code == 403


def test_nothing_is_exported_by_a_link(client, manager):
    assert client.get(EXPORT).status_code == 405
    assert not AuditEntry.objects.filter(action="backoffice.list-exported").exists()


def test_a_long_export_costs_a_few_queries_a_batch(client, manager, shop, assert_flat_queries):
    assert_flat_queries(
        lambda: table(client.post(EXPORT)), add_rows=lambda: make_order(shop), budget=24
    )
