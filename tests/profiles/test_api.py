from __future__ import annotations

import pytest

from profiles.models import Profile
from tests.company.factories import ShopFactory, api_key
from tests.orders.factories import make_order
from tests.profiles.factories import ProfileFactory

JSON = "application/json"


@pytest.fixture
def shop(db):
    return ShopFactory()


@pytest.fixture
def api(client, shop):
    _, plain = api_key(shop, "profiles:read", "profiles:write")
    client.defaults["HTTP_AUTHORIZATION"] = f"Bearer {plain}"
    return client


def identify(api, **identity):
    return api.post("/api/v1/profiles/identify", identity, JSON)


def test_a_person_is_created_once_and_found_again(api):
    first = identify(api, email="Ana@example.org", first_name="Ana", customer_id="7")
    again = identify(api, email="ana@example.org")

    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()
    assert first.json()["name"] == "Ana"
    assert {row["kind"] for row in first.json()["identifiers"]} == {"email", "customer_id"}


def test_nobody_is_refused(api):
    response = identify(api, email="null", phone="0000000000")

    assert response.status_code == 422
    assert response.json()["code"] == "nobody_identified"
    assert not Profile.objects.exists()


def test_a_customer_is_found_by_what_leads_to_him(api, shop):
    ana = ProfileFactory(shop=shop, email="ana@example.org", phone="+33639981234", customer_id="7")
    ProfileFactory(shop=shop)

    def found(**query):
        return [p["id"] for p in api.get("/api/v1/profiles", query).json()["results"]]

    for query in ({"email": "Ana@example.org"}, {"phone": "06 39 98 12 34"}, {"customer_id": "7"}):
        assert found(**query) == [str(ana.pk)]
    assert found(email="nobody@example.org") == []
    assert len(found()) == 2


def test_a_key_sees_the_customers_of_its_shop_only(api):
    theirs = ProfileFactory(shop=ShopFactory(), email="ana@example.org")

    for path in (f"/api/v1/profiles/{theirs.pk}", f"/api/v1/profiles/{theirs.pk}/timeline"):
        assert api.get(path).status_code == 404
    assert api.get("/api/v1/profiles", {"email": "ana@example.org"}).json()["results"] == []


@pytest.mark.parametrize("profile_id", ["0", "x", "9" * 30, "-1", "٣"])
def test_an_id_that_is_none_is_not_found(api, profile_id):
    assert api.get(f"/api/v1/profiles/{profile_id}").status_code == 404


def test_the_timeline_is_paged_and_shows_this_shop_only(api, shop):
    orders = [make_order(shop, email="ana@example.org") for _ in range(3)]
    make_order(ShopFactory(), email="ana@example.org")
    url = f"/api/v1/profiles/{orders[0].profile_id}/timeline"
    seen, cursor = [], ""

    while cursor is not None:
        query = {"limit": 2, "kind": "orders"} | ({"cursor": cursor} if cursor else {})
        page = api.get(url, query).json()
        seen += [entry["title"] for entry in page["results"]]
        cursor = page["next"]

    assert seen == [f"Order {order.number} placed" for order in reversed(orders)]


@pytest.mark.parametrize(
    ("method", "path"), [("get", "/api/v1/profiles"), ("post", "/api/v1/profiles/identify")]
)
def test_scopes_are_asked(client, shop, method, path):
    _, plain = api_key(shop, "orders:read")
    headers = {"Authorization": f"Bearer {plain}"}

    assert getattr(client, method)(path, content_type=JSON, headers=headers).status_code == 403
    assert getattr(client, method)(path, content_type=JSON).status_code == 401


def test_the_list_costs_the_same_for_one_customer_and_for_many(api, shop, assert_flat_queries):
    # 1 the API key  2 the page  3 addresses  4 figures, twice  6 who was merged  7 identifiers
    # 8 marks  9 predictions  10 requests  11 stages  12 tags  13 attributes
    assert_flat_queries(
        lambda: api.get("/api/v1/profiles"), add_rows=lambda: ProfileFactory(shop=shop), budget=13
    )
