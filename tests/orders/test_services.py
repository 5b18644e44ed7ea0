from __future__ import annotations

import itertools
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from ecrm.kernel.errors import InvalidDocument
from ecrm.kernel.models import EventRecord
from orders import services
from orders.models import Order, OrderLine
from orders.queries import checks
from orders.types import Expectation
from profiles import queries as profiles
from profiles.models import Profile
from tests.company.factories import ShopFactory
from tests.orders.factories import order_document, put
from tests.profiles.threads import in_threads

AT = datetime(2026, 3, 1, 13, 10, tzinfo=UTC)


@pytest.fixture
def shop(db):
    return ShopFactory()


def events():
    return list(
        EventRecord.objects.filter(name__startswith="orders.")
        .order_by("id")
        .values_list("name", flat=True)
    )


def instants(minutes):
    return (AT + timedelta(minutes=minutes)).isoformat()


def test_an_order_brings_its_customer_lines_figures_and_event(shop):
    result = put(shop, "A-1", at=AT)

    order = Order.objects.get(pk=result.order_id)
    assert (result.created, result.changed) == (True, True)
    assert (order.number, order.status, order.grand_total) == ("FR-10042", "paid", Decimal(123))
    assert (order.items_count, order.received_at, order.mismatches) == (3, AT, [])
    assert [line.sku for line in order.lines.order_by("position")] == ["LIN-SHIRT-M", "BELT-90"]
    card = profiles.card(order.profile_id)
    assert (card.name, card.email, card.phone, card.city) == (
        "Claire Dubois",
        "claire.dubois@example.fr",
        "+33639981234",
        "Lyon",
    )
    assert (card.orders_count, str(card.revenue)) == (1, "123.0000 EUR")
    record = EventRecord.objects.get(name="orders.order-placed")
    assert record.payload == {
        "order_id": order.pk,
        "profile_id": order.profile_id,
        "shop_id": shop.pk,
    }
    assert record.occurred_at == order.placed_at


def test_the_same_order_again_changes_nothing(shop):
    first = put(shop, "A-1")

    again = put(shop, "A-1")

    assert (again.created, again.changed) == (False, False)
    assert again.order == first.order
    assert events() == ["orders.order-placed"]


def test_a_newer_state_replaces_the_older(shop):
    put(shop, "A-1", version=1)
    lines = [{"sku": "B", "name": "Belt", "quantity": 1, "unit_price": "123.00"}]

    result = put(shop, "A-1", version=2, status="shipped", lines=lines)

    order = Order.objects.get()
    assert (result.created, result.changed, result.order.revision) == (False, True, 2)
    assert order.status == "shipped"
    assert [line.sku for line in order.lines.all()] == ["B"]
    record = EventRecord.objects.get(name="orders.order-changed")
    assert (record.payload["status_before"], record.payload["status_after"]) == ("paid", "shipped")


def test_an_older_state_never_wins(shop):
    put(shop, "A-1", version=5, status="shipped")

    result = put(shop, "A-1", version=4, status="cancelled")

    assert (result.created, result.changed) == (False, False)
    assert result.order.body["status"] == "shipped"
    assert profiles.card(result.order.profile_id).orders_count == 1


def test_shops_do_not_share_order_ids(shop):
    other_shop = ShopFactory()

    first, second = put(shop, "A-1"), put(other_shop, "A-1")

    assert second.created
    assert first.order_id != second.order_id


def test_refunds_lower_the_revenue_and_cancellation_takes_the_order_out(shop):
    result = put(shop, "A-1", version=1)
    put(shop, "A-2", version=1, placed_at="2026-02-01T10:00:00+00:00")
    totals = order_document()["totals"]

    refunds = [{"id": "r1", "amount": "23.00", "at": instants(9), "reason": "Too small"}]
    put(shop, "A-1", version=2, totals=totals | {"refunded": "23.00"}, refunds=refunds)
    assert str(profiles.card(result.order.profile_id).revenue) == "223.0000 EUR"

    put(shop, "A-1", version=3, status="cancelled", totals=totals | {"refunded": "23.00"})
    card = profiles.card(result.order.profile_id)
    assert (card.orders_count, str(card.revenue)) == (1, "123.0000 EUR")
    assert card.last_order_at == datetime(2026, 2, 1, 10, tzinfo=UTC)

    put(shop, "A-1", version=4)
    assert profiles.card(result.order.profile_id).orders_count == 2


def test_an_order_that_changes_its_currency_moves_in_the_figures(shop):
    result = put(shop, "A-1", version=1)

    put(shop, "A-1", version=2, currency="CHF")

    figures = profiles.order_figures([result.order.profile_id])[result.order.profile_id]
    assert list(figures) == ["CHF"]


def test_an_order_keeps_its_customer_when_the_shop_names_him_better(shop):
    guest = put(shop, "A-1", version=1, customer={"email": "guest@example.org"})

    better = put(
        shop, "A-1", version=2, customer={"email": "guest@example.org", "external_id": "77"}
    )

    assert better.order.profile_id == guest.order.profile_id
    assert (
        put(shop, "A-2", customer={"external_id": "77"}).order.profile_id == guest.order.profile_id
    )


@pytest.mark.parametrize("customer", [None, {}, {"external_id": "0"}])
def test_an_order_of_nobody_is_kept_with_a_nameless_customer(shop, customer):
    first, second = (
        put(shop, external_id, customer=customer, billing_address=None, shipping_address=None)
        for external_id in ("A-1", "A-2")
    )

    assert first.order.profile_id != second.order.profile_id


def test_sums_that_do_not_add_up_are_flagged_and_kept(shop):
    totals = order_document()["totals"] | {"grand": "999.00"}

    result = put(shop, "A-1", totals=totals)

    assert result.order.mismatches == ("grand",)
    assert result.order.body["totals"] == totals


def test_what_is_left_out_of_the_totals_is_added_up(shop):
    lines = [{"sku": "A", "quantity": "1.5", "unit_price": "10.00", "discount": "1.00"}]

    put(shop, "A-1", lines=lines, totals={"grand": "18.90"}, discounts=[], payments=[])

    order = Order.objects.get()
    assert (order.items_total, order.shipping_total) == (Decimal("14.00"), Decimal("4.90"))
    assert OrderLine.objects.get().quantity == Decimal("1.5")


def test_a_faulty_document_is_refused_with_all_its_faults():
    with pytest.raises(InvalidDocument) as refusal:
        services.read_document(order_document(status="lost", lines=[{}]), external_id="A-1")

    assert refusal.value.codes["/status"] == "unknown_status"
    assert "/lines/0/quantity" in refusal.value.fields


@pytest.mark.parametrize(
    ("is_there", "expecting"),
    [
        (False, Expectation(revisions=frozenset({1}))),
        (False, Expectation(revisions=frozenset())),
        (True, Expectation(revisions=frozenset({2, 3}))),
        (True, Expectation(is_new=True)),
    ],
)
def test_a_wrong_expectation_is_refused(shop, is_there, expecting):
    if is_there:
        put(shop, "A-1")
    document = services.read_document(order_document(status="shipped"), external_id="A-1")

    with pytest.raises(services.OrderExpectationFailed):
        services.put_order(
            shop_id=shop.pk, external_id="A-1", document=document, expecting=expecting
        )

    assert events() == (["orders.order-placed"] if is_there else [])


@pytest.mark.parametrize(
    "expecting", [Expectation(revisions=frozenset({1})), Expectation(revisions=frozenset())]
)
def test_a_right_expectation_passes(shop, expecting):
    put(shop, "A-1")
    document = services.read_document(order_document(status="shipped"), external_id="A-1")

    result = services.put_order(
        shop_id=shop.pk, external_id="A-1", document=document, expecting=expecting
    )

    assert result.changed


def test_a_new_order_of_a_known_customer_has_a_budget_of_queries(shop, count_queries):
    put(shop, "A-1")

    # 1 the lock of the order's id, and the id (none)  2 the holders of the customer's identifiers
    # 3 the order with its lines  4 the customer's figures, the event and its deliveries
    assert count_queries(lambda: put(shop, "A-2")) == 4


def test_the_same_order_again_has_a_budget_of_queries(shop, count_queries):
    put(shop, "A-1")

    # 1 the lock of the order's id, and the id  2 the order
    assert count_queries(lambda: put(shop, "A-1")) == 2


# --- Any order of arrival -------------------------------------------------------------------------

STATES = [
    {"status": "pending", "version": 1},
    {"status": "paid", "version": 2},
    {"status": "shipped", "version": 3, "shipments": [{"carrier": "Colissimo"}]},
    {"status": "refunded", "version": 4, "refunds": [{"id": "r", "amount": "123.00"}]},
    {"status": "cancelled", "version": 5},
]


def final(shop):
    order = Order.objects.get()
    card = profiles.card(order.profile_id)
    return (
        order.status,
        order.document,
        order.lines.count(),
        order.shipments.count(),
        order.refunds.count(),
        card.orders_count,
        card.revenue,
    )


@pytest.mark.parametrize("sequence", list(itertools.permutations(range(4))))
def test_every_permutation_of_states_ends_the_same(shop, sequence):
    for index in sequence:
        put(shop, "A-1", **STATES[index])

    status, document, lines, shipments, refunds, count, revenue = final(shop)
    assert (status, document["version"], lines, shipments, refunds) == ("refunded", 4, 2, 0, 1)
    assert (count, str(revenue)) == (1, "123.0000 EUR")
    assert not list(checks.figures_that_do_not_add_up())


@contextmanager
def undone_afterwards():
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@pytest.mark.django_db
@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.sampled_from(range(5)), min_size=1, max_size=8),
    st.sampled_from(["version", "updated_at"]),
)
def test_the_newest_state_wins_whatever_arrives_and_however_often(sequence, by):
    with undone_afterwards():
        shop = ShopFactory()
        for index in sequence:
            state = dict(STATES[index])
            version = state.pop("version")
            state[by] = version if by == "version" else instants(version)
            put(shop, "A-1", **state)

        order = Order.objects.get(shop=shop)
        newest = max(sequence)
        assert order.status == STATES[newest]["status"]
        assert order.shipments.count() == len(STATES[newest].get("shipments", []))
        placed = EventRecord.objects.filter(name="orders.order-placed", shop_id=shop.pk)
        assert placed.count() == 1
        assert not list(checks.figures_that_do_not_add_up())


@pytest.mark.django_db(transaction=True)
def test_twenty_writers_of_one_new_order_create_it_once():
    shop = ShopFactory()

    results = in_threads(20, lambda i: put(shop, "A-1", version=i, customer=None))

    order = Order.objects.get()
    assert sum(result.created for result in results) == 1
    assert order.source_version == 19
    assert Profile.objects.count() == 1
    assert events().count("orders.order-placed") == 1
    assert not list(checks.figures_that_do_not_add_up())


@pytest.mark.django_db(transaction=True)
def test_orders_of_one_customer_at_once_all_count():
    shop = ShopFactory()

    def work(index):
        put(shop, f"A-{index % 8}", version=index, status="cancelled" if index % 5 == 0 else "paid")

    in_threads(24, work)

    assert Profile.objects.count() == 1
    assert Order.objects.count() == 8
    assert not list(checks.figures_that_do_not_add_up())
