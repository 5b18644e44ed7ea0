from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse
from django.utils.timezone import now

from orders import permissions
from orders.models import Order
from orders.queries import screens
from orders.web import contributions
from profiles import queries as profiles
from tests.company.factories import AgentFactory, ShopFactory
from tests.orders.factories import make_order, order_document, put
from tests.profiles.factories import ProfileFactory

LIST = "/orders/"


@pytest.fixture
def agent(shop):
    return AgentFactory(role="support", shop=shop, language="en")


@pytest.fixture
def desk(client, agent):
    client.force_login(agent, backend="company.adapters.backends.AgentBackend")
    return client


def rows_of(desk, url=LIST, **query):
    return desk.get(url, query, headers={"HX-Request": "true", "HX-Target": "list"})


def numbers(desk, **query):
    return [row.order.number for row in desk.get(LIST, query).context["rows"]]


def ago(**delta):
    return (now() - timedelta(**delta)).isoformat()


# --- List -----------------------------------------------------------------------------------------


def test_the_list_shows_orders_newest_first_with_their_customers(desk, shop):
    old = make_order(shop, placed_at=ago(days=3))
    new = make_order(shop, placed_at=ago(minutes=1), status="shipped")

    response = desk.get(LIST)

    assert [row.order.number for row in response.context["rows"]] == [new.number, old.number]
    text = response.content.decode()
    assert new.number in text
    assert "Ana Durand" in text
    assert "Shipped" in text
    assert "€123.00" in text
    assert "2 orders" in text


def test_an_empty_list_says_what_will_appear(desk):
    text = desk.get(LIST).content.decode()

    assert "No orders yet" in text
    assert reverse("api-docs") in text


def test_a_search_without_result_says_so(desk, shop):
    make_order(shop)

    assert "No order found" in desk.get(LIST, {"q": "nothing like it"}).content.decode()


def test_htmx_gets_the_rows_and_the_filters_only(desk, shop):
    make_order(shop)

    text = rows_of(desk).content.decode()

    assert "<html" not in text
    assert "ec-table" in text
    assert 'hx-swap-oob="innerHTML:#list-filters"' in text
    assert "HX-Target" in rows_of(desk).headers["Vary"]


def test_a_live_refresh_leaves_the_filters_alone(desk, shop):
    headers = {"HX-Request": "true", "HX-Target": "list", "Ecrm-Background": "true"}

    assert "hx-swap-oob" not in desk.get(LIST, headers=headers).content.decode()


def test_the_list_can_be_narrowed(desk, shop):
    shipments = [{"carrier": "Colissimo", "tracking_number": "6A12345"}]
    paid = make_order(shop, placed_at=ago(minutes=1))
    shipped = make_order(shop, placed_at=ago(days=5), status="shipped", shipments=shipments)

    assert numbers(desk, status="shipped") == [shipped.number]
    assert numbers(desk, placed="today") == [paid.number]
    assert numbers(desk, placed="week") == [paid.number, shipped.number]
    assert numbers(desk, placed="yesterday") == []
    assert numbers(desk, q=paid.number[-4:]) == [paid.number]
    assert numbers(desk, q="6A12345") == [shipped.number]
    assert numbers(desk, status="nonsense", placed="never", shop="x", page="-3") == [
        paid.number,
        shipped.number,
    ]


def test_nobody_sees_orders_of_shops_that_are_not_his(desk, shop):
    other_shop = ShopFactory()
    theirs = make_order(other_shop)

    assert numbers(desk) == []
    assert numbers(desk, shop=other_shop.pk) == []
    assert desk.get(f"/orders/{theirs.pk}/").status_code == 404
    assert contributions._search(desk_agent(desk), theirs.number) == []


def desk_agent(desk):
    return desk.get(LIST).wsgi_request.user


def test_who_sees_several_shops_can_choose_one(client, shop):
    other_shop = ShopFactory()
    client.force_login(AgentFactory(owner=True), backend="company.adapters.backends.AgentBackend")
    here, there = make_order(shop), make_order(other_shop)

    assert set(numbers(client)) == {here.number, there.number}
    assert numbers(client, shop=other_shop.pk) == [there.number]
    topics = client.get(LIST).context["topics"].split()
    assert set(topics) == {f"orders:shop:{shop.pk}", f"orders:shop:{other_shop.pk}"}


def test_pages_without_permission_are_closed(client, shop):
    order = make_order(shop)
    for url in (LIST, f"/orders/{order.pk}/"):
        assert client.get(url).status_code == 302

    client.force_login(AgentFactory(), backend="company.adapters.backends.AgentBackend")
    for url in (LIST, f"/orders/{order.pk}/"):
        assert client.get(url).status_code == 403


def test_the_list_costs_the_same_for_one_order_and_for_many(desk, shop, assert_flat_queries):
    # 1 the session  2 the agent  3 his permissions  4 the number of orders  5 the orders
    # 6 their customers  7 the customers' addresses  8 the customers' figures  9 today
    # and what the agent likes: 10 his columns  11 his saved views
    assert_flat_queries(lambda: rows_of(desk), add_rows=lambda: make_order(shop), budget=8)


# --- Today ----------------------------------------------------------------------------------------


def test_today_is_compared_with_yesterday_until_the_same_hour(shop):
    at = datetime(2026, 3, 10, 15, 0, tzinfo=UTC)
    for placed_at in ("2026-03-10T09:00:00Z", "2026-03-09T08:00:00Z", "2026-03-09T20:00:00Z"):
        make_order(shop, placed_at=placed_at)
    make_order(shop, placed_at="2026-03-10T09:00:00Z", status="cancelled")
    make_order(shop, placed_at="2026-03-10T10:00:00Z", currency="CHF")

    found = screens.today([shop.pk], at=at)

    assert (found.today.orders_count, found.yesterday.orders_count, found.change) == (2, 1, 1)
    assert {money.currency for money in found.today.revenue} == {"EUR", "CHF"}


def test_the_home_card_shows_the_day_and_the_latest_orders(desk, shop):
    make_order(shop, placed_at=ago(minutes=1), number="FR-77")

    text = desk.get("/").content.decode()

    assert "Orders today" in text
    assert "FR-77" in text


def test_a_home_without_orders_has_no_card(agent):
    assert contributions._today(agent) == {}


# --- Page and panel -------------------------------------------------------------------------------


def test_the_page_shows_everything_about_an_order(desk, shop):
    shipments = [
        {
            "carrier": "Colissimo",
            "tracking_number": "6A1",
            "tracking_url": "https://track.example/6A1",
            "lines": [{"sku": "BELT-90", "quantity": 1}],
        },
        {"carrier": "Evil", "tracking_number": "6A2", "tracking_url": "javascript:alert(1)"},
    ]
    totals = order_document()["totals"] | {"refunded": "23.00"}
    put(shop, "A-1", version=1)
    result = put(
        shop,
        "A-1",
        version=2,
        status="shipped",
        shipments=shipments,
        totals=totals,
        refunds=[{"id": "r1", "amount": "23.00", "reason": "Too small"}],
    )

    text = desk.get(f"/orders/{result.order_id}/").content.decode()

    for words in (
        "FR-10042",
        "Claire Dubois",
        "Chemise en lin, M",
        "12 rue des Lilas",
        "France",
        "https://track.example/6A1",
        "BELT-90",
        "Too small",
        "newsletter",
        "Placed",
        "Shipped",
        reverse("profiles:profile-page", args=[result.order.profile_id]),
    ):
        assert words in text, words
    assert "javascript:" not in text


def test_the_panel_is_a_part_of_the_page(desk, shop):
    order = make_order(shop)

    response = desk.get(
        f"/orders/{order.pk}/", headers={"HX-Request": "true", "HX-Target": "panel"}
    )

    text = response.content.decode()
    assert "<html" not in text
    assert f'href="/orders/{order.pk}/"' in text
    assert order.number in text


def test_amounts_that_do_not_add_up_are_pointed_out(desk, shop):
    totals = order_document()["totals"] | {"grand": "999.00"}
    order = make_order(shop, totals=totals)

    assert "do not add up" in desk.get(f"/orders/{order.pk}/").content.decode()
    assert "do not add up" in desk.get(LIST).content.decode()


def test_what_a_shop_writes_is_shown_as_text(desk, shop):
    evil = '<script>alert("x")</script>'
    order = make_order(
        shop,
        number=evil[:60],
        lines=[{"name": evil, "sku": evil, "quantity": 1, "unit_price": "123.00"}],
        customer={"email": "ana@example.org", "first_name": evil, "last_name": "{{ 7|add:7 }}"},
        payments=[{"method": evil, "amount": "1.00", "status": evil[:40]}],
    )

    for url in (LIST, f"/orders/{order.pk}/"):
        text = desk.get(url).content.decode()
        assert "<script>alert" not in text
        assert "&lt;script&gt;" in text


def test_an_agent_without_customers_sees_the_order_alone(client, shop):
    order = make_order(shop)
    agent = AgentFactory(role="support", shop=shop)
    role = agent.grants.get().role
    role.withheld = ["profiles.view_profile"]
    role.save()
    client.force_login(agent, backend="company.adapters.backends.AgentBackend")

    response = client.get(f"/orders/{order.pk}/")

    assert response.status_code == 200
    assert response.context["customer"] is None


def test_the_page_costs_the_same_for_short_and_long_histories(desk, shop, assert_flat_queries):
    order = make_order(shop, version=0)
    versions = iter(range(1, 100))

    def change():
        version = next(versions)
        status = "shipped" if version % 2 else "delivered"
        put(shop, order.external_id, version=version, status=status)

    def panel():
        url = f"/orders/{order.pk}/"
        return desk.get(url, headers={"HX-Request": "true", "HX-Target": "panel"})

    # 1 the session  2 the agent  3 his permissions  4 the order  5 its lines  6-8 the customer
    # 9 the history
    assert_flat_queries(panel, add_rows=change, budget=9)


# --- On other pages -------------------------------------------------------------------------------


def test_the_customers_page_shows_his_orders_of_the_agents_shops(desk, shop, agent):
    order = make_order(shop, email="ana@example.org")
    theirs = make_order(ShopFactory(), email="ana@example.org")
    assert order.profile_id == theirs.profile_id

    text = desk.get(reverse("profiles:profile-page", args=[order.profile_id])).content.decode()

    assert f'href="/orders/{order.pk}/"' in text
    assert theirs.number not in text


def test_a_customer_without_orders_has_no_orders_panel(agent, shop):
    assert contributions._orders_of(ProfileFactory(shop=shop).pk, agent) == {}


def test_the_palette_finds_orders_by_number_and_parcel(agent, shop):
    shipments = [{"tracking_number": "6A12345"}]
    order = make_order(shop, number="FR-4711", shipments=shipments)

    for words in ("4711", "fr-4711", "6A12345"):
        (hit,) = contributions._search(agent, words)
        assert (hit.title, hit.url) == ("FR-4711", f"/orders/{order.pk}/")
    assert contributions._search(agent, "ana") == []


def test_customers_are_found_by_the_number_of_an_order(shop):
    order = make_order(shop, number="FR-4711")

    assert screens.customers_of_orders("4711", [shop.pk]) == [order.profile_id]
    assert screens.customers_of_orders("4711", []) == []
    assert screens.customers_of_orders("Durand", [shop.pk]) == []


def test_the_timeline_tells_of_orders_at_constant_cost(shop, count_queries):
    first = make_order(shop, email="ana@example.org", version=1)
    changes = {"customer": {"email": "ana@example.org"}, "number": first.number}
    put(shop, first.external_id, version=2, status="shipped", **changes)

    titles = [entry.title for entry in profiles.timeline(first.profile_id)]
    few = count_queries(lambda: profiles.timeline(first.profile_id))
    for _ in range(5):
        make_order(shop, email="ana@example.org")
    many = count_queries(lambda: profiles.timeline(first.profile_id))

    assert f"Order {first.number} placed" in titles
    assert few == many


# --- Live -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("topic", "may"),
    [
        ("orders:shop:{own}", True),
        ("orders:shop:{other}", False),
        ("orders:shop:x", False),
        ("orders:shop:", False),
        ("orders:{own}", False),
        ("orders:shop:-1", False),
    ],
)
def test_agents_follow_the_orders_of_their_shops_only(agent, shop, topic, may):
    name = topic.format(own=shop.pk, other=ShopFactory().pk)

    assert permissions.may_follow(agent, name) is may


def test_every_status_has_a_colour_and_a_word():
    assert set(contributions.words.TONES) == set(Order.Status.values)
