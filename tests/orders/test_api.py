from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from functools import cache
from urllib.parse import urlencode

import pytest
import time_machine
from django.core.cache import cache as django_cache
from django.urls import reverse
from drf_spectacular.generators import SchemaGenerator
from jsonschema import Draft202012Validator

from company.services import keys
from ecrm.kernel.models import EventRecord
from orders.models import Order
from tests.company.factories import ShopFactory, api_key
from tests.orders.factories import make_order, order_document, put

JSON = "application/json"


def send(api, external_id="A-1", *, headers=None, **changes):
    return api.put(
        f"/api/v1/orders/{external_id}", order_document(**changes), JSON, headers=headers or {}
    )


def pointers(response):
    return {error["pointer"]: error["code"] for error in response.json()["errors"]}


@cache
def schema():
    return SchemaGenerator(api_version="1.0.0").get_schema(public=True)


def assert_described(response, path, method):
    """The answer is what the OpenAPI document says of this operation and status."""
    operation = schema()["paths"][path][method]
    described = operation["responses"][str(response.status_code)]
    kind = response.headers["Content-Type"].partition(";")[0]
    rules = described["content"][kind]["schema"] | {"components": schema()["components"]}
    Draft202012Validator(rules).validate(response.json())


# --- PUT ------------------------------------------------------------------------------------------


def test_a_new_order_is_created_and_comes_back_as_it_was_sent(api, shop):
    response = send(api)

    order = Order.objects.get()
    assert response.status_code == 201
    assert response.headers["ETag"] == '"1"'
    body = response.json()
    assert order_document().items() <= body.items()
    assert body["id"] == str(order.pk)
    assert body["external_id"] == "A-1"
    assert body["profile_id"] == str(order.profile_id)
    assert order.shop_id == shop.pk
    assert_described(response, "/api/v1/orders/{external_id}", "put")


def test_it_can_be_read_back_exactly(api):
    sent = send(api, channel="web").json()

    response = api.get("/api/v1/orders/A-1")

    assert response.status_code == 200
    assert response.json() == sent
    assert response.json()["extra"] == {"channel": "web"}
    assert_described(response, "/api/v1/orders/{external_id}", "get")


def test_a_newer_state_answers_200_with_a_new_revision(api):
    send(api, version=1)

    response = send(api, version=2, status="shipped")

    assert (response.status_code, response.headers["ETag"]) == (200, '"2"')
    assert response.json()["status"] == "shipped"


def test_an_older_state_answers_200_with_the_order_as_it_stands(api):
    send(api, version=2, status="shipped")

    response = send(api, version=1)

    assert (response.status_code, response.headers["ETag"]) == (200, '"1"')
    assert response.json()["status"] == "shipped"


@pytest.mark.parametrize(
    "external_id", ["2024/001", "é ü", "gid://shopify/Order/5", "a+b", "x" * 255]
)
def test_ids_are_any_text(api, external_id):
    url = reverse("api-order-detail", args=[external_id])

    assert api.put(url, order_document(), JSON).status_code == 201
    assert api.get(url).json()["external_id"] == external_id


def test_all_faults_come_back_as_one_problem(api):
    response = send(api, status="lost", lines=[{"sku": "A", "quantity": 0, "unit_price": "1.00"}])

    assert response.status_code == 422
    assert response.headers["Content-Type"] == "application/problem+json"
    assert pointers(response) == {
        "/status": "unknown_status",
        "/lines/0/quantity": "not_a_quantity",
    }
    assert response.json()["code"] == "invalid_document"
    assert not Order.objects.exists()
    assert_described(response, "/api/v1/orders/{external_id}", "put")


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b'{"status": "paid", "status": "paid"}',
        b'{"version": NaN}',
        b'{"version": 1e999}',
        b'{"number": "\\u0000"}',
        b'{"number": "\\ud800"}',
        b"\xff",
        b"[" * 100_000,
        b'{"version": ' + b"9" * 5000 + b"}",
    ],
)
def test_a_body_that_is_no_json_is_refused(api, body):
    response = api.put("/api/v1/orders/A-1", body, JSON)

    assert response.status_code == 400
    assert response.json()["code"] in {"malformed_json", "parse_error"}
    assert not Order.objects.exists()


def test_another_content_type_is_refused(api):
    assert api.put("/api/v1/orders/A-1", "<xml/>", "text/xml").status_code == 415


@pytest.mark.parametrize("external_id", ["a%00b", "a%07b", "x" * 256])
def test_an_id_we_cannot_keep_is_refused(api, external_id):
    response = api.put(f"/api/v1/orders/{external_id}", order_document(), JSON)

    assert response.status_code == 422
    assert pointers(response) == {"/external_id": "not_an_id"}
    assert api.get(f"/api/v1/orders/{external_id}").status_code == 404


def test_a_writer_may_insist_on_the_revision_he_read(api):
    etag = send(api, version=1).headers["ETag"]

    good = send(api, version=2, status="shipped", headers={"If-Match": etag})
    late = send(api, version=3, status="delivered", headers={"If-Match": etag})

    assert good.status_code == 200
    assert late.status_code == 412
    assert late.json()["code"] == "precondition_failed"
    assert Order.objects.get().status == "shipped"


@pytest.mark.parametrize(
    ("header", "value", "is_there", "status"),
    [
        ("If-None-Match", "*", False, 201),
        ("If-None-Match", "*", True, 412),
        ("If-Match", "*", False, 412),
        ("If-Match", "*", True, 200),
        ("If-Match", '"7", "1"', True, 200),
        ("If-Match", '"nonsense"', True, 412),
        ("If-Match", '"1"', False, 412),
    ],
)
def test_preconditions(api, header, value, is_there, status):
    if is_there:
        send(api)

    assert send(api, status="shipped", headers={header: value}).status_code == status


def test_an_unchanged_order_need_not_be_sent_again(api):
    etag = send(api).headers["ETag"]

    response = api.get("/api/v1/orders/A-1", headers={"If-None-Match": etag})

    assert (response.status_code, response.content) == (304, b"")


# --- Who may --------------------------------------------------------------------------------------

REQUESTS = [
    ("put", "/api/v1/orders/A-1", "orders:read"),
    ("get", "/api/v1/orders/A-1", "orders:write"),
    ("get", "/api/v1/orders", "orders:write"),
    ("post", "/api/v1/orders/batch", "orders:read"),
]


@pytest.mark.parametrize(("method", "path", "scope"), REQUESTS)
def test_without_a_key_there_is_nothing(client, db, method, path, scope):
    response = getattr(client, method)(path, content_type=JSON)

    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"].startswith("Bearer")
    assert response.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(("method", "path", "scope"), REQUESTS)
def test_a_key_without_the_scope_is_refused(client, shop, method, path, scope):
    _, plain = api_key(shop, scope)

    response = getattr(client, method)(
        path, content_type=JSON, headers={"Authorization": f"Bearer {plain}"}
    )

    assert response.status_code == 403
    assert response.json()["code"] == "missing_scope"


def test_a_key_never_reaches_another_shop(api):
    other_shop = ShopFactory()
    theirs = make_order(other_shop)

    assert api.get(f"/api/v1/orders/{theirs.external_id}").status_code == 404
    assert api.get("/api/v1/orders").json()["results"] == []
    assert send(api, theirs.external_id).status_code == 201
    theirs.refresh_from_db()
    assert theirs.revision == 1


@time_machine.travel("2026-03-02T09:00:15Z", tick=False)
def test_too_many_requests_are_told_when_to_come_back(api, settings):
    settings.ECRM_API_RATE = 2
    for _ in range(2):
        assert api.get("/api/v1/orders").status_code == 200

    response = api.get("/api/v1/orders")

    assert response.status_code == 429
    assert 1 <= int(response.headers["Retry-After"]) <= 60
    django_cache.clear()


def test_orders_are_taken_in_while_redis_is_away(api, settings):
    settings.CACHES = {
        "default": settings.CACHES["default"] | {"LOCATION": "redis://127.0.0.1:1/0"}
    }

    assert send(api).status_code == 201


def test_taking_an_order_in_costs_four_trips(api, count_queries, monkeypatch):
    monkeypatch.setattr(keys, "monotonic", lambda: 1000.0)
    send(api, "A-1")

    # The API key is still known.
    # 1 the lock of the order's id, and the order's id (none)  2 the holders of the customer's identifiers
    # 3 the order with its lines  4 his figures, the event and its deliveries
    assert count_queries(lambda: send(api, "A-2")) == 4


# --- Lists ----------------------------------------------------------------------------------------


def test_the_list_is_paged_without_gap_or_repetition(api, shop):
    ids = [make_order(shop).external_id for _ in range(5)]
    seen, cursor = [], ""

    while cursor is not None:
        page = api.get("/api/v1/orders", {"limit": 2, **({"cursor": cursor} if cursor else {})})
        assert_described(page, "/api/v1/orders", "get")
        seen += [order["external_id"] for order in page.json()["results"]]
        cursor = page.json()["next"]

    assert seen == ids[::-1]


def test_the_list_can_be_narrowed(api, shop):
    paid, shipped = make_order(shop), make_order(shop, status="shipped", email="ben@example.org")

    def found(**query):
        return {o["external_id"] for o in api.get("/api/v1/orders", query).json()["results"]}

    assert found(status="paid") == {paid.external_id}
    assert found(status=["paid", "shipped"]) == {paid.external_id, shipped.external_id}
    assert found(email="Ben@example.org") == {shipped.external_id}
    assert found(email="nobody@example.org") == set()
    assert found(number=paid.number) == {paid.external_id}
    assert found(placed_since="2026-03-02T00:00:00Z") == set()
    assert found(placed_before="2026-03-02T00:00:00Z") == {paid.external_id, shipped.external_id}


def test_news_comes_oldest_first(api, shop):
    at = datetime(2026, 3, 1, 15, tzinfo=UTC)
    first = put(shop, "A-1", at=at, version=1).order
    put(shop, "A-2", at=at + timedelta(minutes=1))
    put(shop, "A-1", at=at + timedelta(minutes=2), version=2, status="shipped")

    news = api.get("/api/v1/orders", {"updated_since": first.received_at.isoformat()}).json()
    later = api.get("/api/v1/orders", {"updated_since": "2026-03-01T15:02:00Z"}).json()

    assert [order["external_id"] for order in news["results"]] == ["A-2", "A-1"]
    assert [order["external_id"] for order in later["results"]] == ["A-1"]


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"status": "lost"}, "/status"),
        ({"updated_since": "yesterday"}, "/updated_since"),
        ({"number": "x\0"}, "/number"),
        ({"email": "x" * 300}, "/email"),
    ],
)
def test_a_filter_that_makes_no_sense_is_refused(api, query, pointer):
    response = api.get("/api/v1/orders", query)

    assert response.status_code == 422
    assert list(pointers(response)) == [pointer]


@pytest.mark.parametrize("position", ["abc", "2026-13-99", "9" * 40, "\0"])
@pytest.mark.parametrize("query", [{}, {"updated_since": "2026-03-01T00:00:00Z"}])
def test_a_forged_cursor_is_refused(api, shop, position, query):
    make_order(shop)
    cursor = base64.b64encode(urlencode({"p": position}).encode()).decode()

    assert api.get("/api/v1/orders", query | {"cursor": cursor}).status_code in {200, 404, 422}


def test_the_list_costs_the_same_for_one_order_and_for_many(api, shop, assert_flat_queries):
    # 1 the API key  2 the page
    assert_flat_queries(
        lambda: api.get("/api/v1/orders"), add_rows=lambda: make_order(shop), budget=2
    )


# --- Batch ----------------------------------------------------------------------------------------


def batch(api, orders, *, headers=None):
    return api.post("/api/v1/orders/batch", {"orders": orders}, JSON, headers=headers or {})


def test_a_bad_order_never_blocks_a_good_one(api):
    good, bad = order_document(external_id="A-1"), order_document(external_id="A-2", status="lost")

    response = batch(api, [good, bad, "nonsense", order_document(external_id="A-3")])

    assert response.status_code == 200
    results = response.json()["results"]
    assert [result["status"] for result in results] == [201, 422, 422, 201]
    assert results[1]["errors"][0]["pointer"] == "/status"
    assert set(Order.objects.values_list("external_id", flat=True)) == {"A-1", "A-3"}
    assert_described(response, "/api/v1/orders/batch", "post")


def test_states_of_one_order_in_a_batch_end_with_the_newest(api):
    states = [(2, "shipped"), (1, "paid"), (3, "delivered"), (2, "shipped")]

    results = batch(
        api,
        [order_document(external_id="A-1", version=v, status=status) for v, status in states],
    ).json()["results"]

    assert [result["changed"] for result in results] == [True, False, True, False]
    assert Order.objects.get().status == "delivered"


@pytest.mark.parametrize("body", [{}, {"orders": {}}, 3, {"orders": [{}] * 501}])
def test_a_batch_without_a_list_or_with_too_many_is_refused(api, body):
    response = api.post("/api/v1/orders/batch", body, JSON)

    assert response.status_code == 422
    assert pointers(response) == {"/orders": "invalid"}


def test_a_batch_sent_again_with_its_key_has_one_effect(api):
    headers = {"Idempotency-Key": "import-2026-03-01"}
    orders = [order_document(external_id="A-1", updated_at=None)]

    first = batch(api, orders, headers=headers)
    again = batch(api, orders, headers=headers)

    assert again.json() == first.json()
    assert again.headers["Idempotency-Replayed"] == "true"
    assert EventRecord.objects.filter(name="orders.order-placed").count() == 1


# --- The schema -----------------------------------------------------------------------------------


def test_the_schema_describes_what_the_parser_accepts():
    rules = {
        "$ref": "#/components/schemas/OrderDocumentRequest",
        "components": schema()["components"],
    }

    Draft202012Validator(rules).validate(json.loads(json.dumps(order_document())))


def test_the_schema_names_every_field_of_the_parser():
    from orders.rules import document

    described = schema()["components"]["schemas"]["OrderDocumentRequest"]["properties"]
    full = dict.fromkeys(described)
    read, _ = document.read(full, external_id="7")

    assert set(read) - {"extra"} == set(described) - {"extra"}
