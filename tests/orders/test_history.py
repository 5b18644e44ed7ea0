"""Importing the past of a shop must leave the rows of taking in its orders one by one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from ecrm.kernel import outbox
from ecrm.kernel.models import Delivery, EventRecord
from orders import services
from orders.models import Order, OrderLine, Refund, Shipment
from orders.queries import checks
from orders.types import PastState
from profiles.models import (
    DuplicatePair,
    Figures,
    Identifier,
    LikenessKey,
    PostalAddress,
    Profile,
    ProfileShop,
)
from profiles.services import bulk, recounts
from profiles.types import Identity
from tests.company.factories import ShopFactory
from tests.orders.factories import order_document, put
from tests.profiles.threads import in_threads

AT = datetime(2026, 3, 1, 13, 10, tzinfo=UTC)


@pytest.fixture
def shop(db):
    return ShopFactory()


def state(external_id, *, at=AT, **changes):
    document = services.read_document(order_document(**changes), external_id=external_id)
    return PastState(external_id=external_id, document=document, at=at)


def take_in_one_by_one(shop, states):
    with outbox.as_history():
        results = [
            services.put_order(
                shop_id=shop.pk, external_id=past.external_id, document=past.document, at=past.at
            )
            for past in states
        ]
    return [(result.created, result.changed) for result in results]


def take_in_together(shop, states):
    results = services.import_orders(shop_id=shop.pk, states=states)
    return [(result.created, result.changed) for result in results]


def everything():
    """All rows that orders leave, with names instead of ids."""
    people = {
        profile.pk: (
            tuple(sorted(profile.identifiers.values_list("kind", "value", "is_key"))),
            profile.first_name,
            profile.first_seen_at,
        )
        for profile in Profile.objects.all()
    }
    names = {order.pk: order.external_id for order in Order.objects.all()}
    unlike = {"id", "created_at"}
    readable = {
        "profile_id": people.get,
        "order_id": names.get,
        "payload": lambda payload: {
            **payload,
            "profile_id": people[payload["profile_id"]],
            "order_id": names.get(payload.get("order_id")),
        },
    }
    tables = (
        Profile, Identifier, DuplicatePair, LikenessKey, PostalAddress, ProfileShop, Figures,
        Order, OrderLine, Shipment, Refund, EventRecord,
    )  # fmt: skip

    def readable_row(row):
        if "low_id" in row:
            row["pair"] = sorted(people[row.pop(name)] for name in ("low_id", "high_id"))
        return repr(
            {
                name: readable[name](value) if name in readable else value
                for name, value in row.items()
                if name not in unlike
            }
        )

    return {
        model.__name__: sorted(readable_row(row) for row in model.objects.values())
        for model in tables
    }


def after(take_in, states, *, before=()):
    """What stands in the database once the states were taken in, and what each caller heard."""
    with transaction.atomic():
        shop = ShopFactory(slug="the-shop", name="The shop")
        take_in_one_by_one(shop, before)
        shop_row = everything_of(shop, heard=take_in(shop, states))
        transaction.set_rollback(True)
    return shop_row


def everything_of(shop, *, heard):
    rows = everything()
    breaches = list(checks.figures_that_do_not_add_up())
    text = repr((heard, rows, breaches)).replace(f"'shop_id': {shop.pk}", "'shop_id': SHOP")
    assert not Delivery.objects.exists()
    return text


PEOPLE = (
    None,
    {"email": "ana@example.org", "first_name": "Ana"},
    {"email": "ana@example.org", "phone": "06 39 98 00 01", "external_id": "7"},
    {"external_id": "7", "last_name": "Durand", "accepts_marketing": True, "locale": "fr-FR"},
    {"phone": "06 39 98 00 01", "first_name": "Bo"},
    {"email": "bo@example.org", "phone": "06 39 98 00 01", "accepts_marketing": False},
    {"email": "bo@example.org", "external_id": "8", "last_name": "Lind"},
    {"email": "cy@example.org", "external_id": "7"},
)
SHIPPED = [{"carrier": "DPD", "tracking_number": "1"}]
GIVEN_BACK = [{"id": "R1", "amount": "10.00", "reason": "return"}]
CHANGES = (
    {"status": "pending"},
    {"status": "paid", "currency": "CHF"},
    {"status": "shipped", "shipments": SHIPPED},
    {"status": "cancelled"},
    {"status": "delivered", "shipments": SHIPPED, "refunds": GIVEN_BACK},
    {"status": "paid", "lines": [{"sku": "A", "quantity": 1, "unit_price": "123.00"}]},
)


@st.composite
def pasts(draw):
    """Some states of a few orders of a few people who share telephones and accounts."""
    found = []
    for _number in range(draw(st.integers(1, 9))):
        placed = AT + timedelta(minutes=draw(st.sampled_from((0, 5, 30))))
        change = dict(draw(st.sampled_from(CHANGES)))
        totals = dict(order_document()["totals"])
        if "refunds" in change:
            totals["refunded"] = "10.00"
        found.append(
            state(
                draw(st.sampled_from("ABCDE")),
                at=AT + timedelta(minutes=draw(st.integers(0, 90))),
                customer=draw(st.sampled_from(PEOPLE)),
                version=draw(st.sampled_from((None, 1, 2, 3))),
                placed_at=placed.isoformat(),
                updated_at=draw(st.sampled_from((None, placed.isoformat()))),
                totals=totals,
                **change,
            )
        )
    return found


@pytest.mark.django_db
@settings(max_examples=60, deadline=None)
@given(pasts(), st.integers(0, 4))
def test_together_and_one_by_one_leave_the_same_rows(states, known):
    before, states = states[:known], states[known:]

    together = after(take_in_together, states, before=before)

    assert together == after(take_in_one_by_one, states, before=before)


def test_the_same_past_again_changes_nothing(shop):
    states = [state("A-1"), state("A-2"), state("A-1", status="shipped", version=2)]
    services.import_orders(shop_id=shop.pk, states=states)
    before = everything()

    assert take_in_together(shop, states[1:]) == [(False, False), (False, False)]
    assert everything() == before


def test_many_orders_cost_as_many_statements_as_a_few(shop, django_assert_max_num_queries):
    states = [
        state(f"A-{number}", customer={"email": f"c{number % 40}@example.org"})
        for number in range(200)
    ]

    with django_assert_max_num_queries(25):
        services.import_orders(shop_id=shop.pk, states=states)

    assert (Order.objects.count(), Profile.objects.count()) == (200, 40)


@pytest.mark.django_db(transaction=True)
def test_an_import_beside_living_orders_makes_each_customer_and_order_once():
    shop = ShopFactory()
    states = [
        state(f"A-{number}", customer={"email": f"c{number % 7}@example.org"})
        for number in range(40)
    ]

    def work(index):
        if index % 2:
            return take_in_together(shop, states)
        for number in reversed(range(40)):
            put(shop, f"A-{number}", customer={"email": f"c{number % 7}@example.org"})
        return None

    in_threads(4, work)

    assert (Order.objects.count(), Profile.objects.count()) == (40, 7)
    assert EventRecord.objects.filter(name="orders.order-placed").count() == 40
    assert not list(checks.figures_that_do_not_add_up())


@pytest.mark.django_db(transaction=True)
def test_whoever_is_overtaken_looks_again(shop, monkeypatch):
    identity = Identity(email="ana@example.org")
    contacts = [bulk.Contact(identity=identity, at=AT)]
    monkeypatch.setattr(bulk, "_held", lambda keys, *, shop_id: set())
    first = bulk.resolve_many(contacts, shop_id=shop.pk, source="order")

    again = bulk.resolve_many(contacts, shop_id=shop.pk, source="order")

    assert (first[0].created, again[0].created) == (True, False)
    assert again[0].profile_id == first[0].profile_id
    assert Profile.objects.count() == 1


def test_nothing_to_count_asks_for_nothing(db, django_assert_num_queries):
    with django_assert_num_queries(0):
        recounts.recount_orders_of_many([], shop_id=1, count=dict)
