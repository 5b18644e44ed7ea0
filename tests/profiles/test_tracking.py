from __future__ import annotations

import base64
import gzip
import itertools
import json
from datetime import timedelta

import pytest
from django.db import connection
from django.urls import reverse
from django.utils.timezone import now

from ecrm.kernel import outbox
from ecrm.kernel.models import EventRecord
from ecrm.kernel.verify import all_invariants
from profiles import queries, services
from profiles.models import Activity, Identifier, ParkedCall, Profile, ProfileShop
from profiles.queries import attributes as attribute_queries
from profiles.services import attributes, months, parking, tracking
from profiles.types import Identity
from tests.company.factories import AgentFactory, ShopFactory, api_key
from tests.profiles.factories import ProfileFactory

JSON = "application/json"


@pytest.fixture
def shop(db):
    return ShopFactory()


@pytest.fixture
def write_key(shop):
    return api_key(shop, "track:write")[1]


@pytest.fixture
def secret_key(shop):
    return api_key(shop, "track:write", "profiles:write")[1]


@pytest.fixture
def send(client, write_key):
    """Sends a body to /v1/… as a browser's library does, with the public key."""

    def post(path, body, *, key=write_key, **options):
        token = base64.b64encode(f"{key}:".encode()).decode()
        headers = {"Authorization": f"Basic {token}"} | options.pop("headers", {})
        content = body if isinstance(body, bytes) else json.dumps(body)
        options.setdefault("content_type", JSON)
        return client.post(path, content, headers=headers, **options)

    return post


def call(kind="page", who="a-1", **more):
    return {"type": kind, "anonymousId": who, **more}


def track(event, who="a-1", **more):
    return call("track", who, event=event, **more)


def proven(shop, *items, **options):
    return tracking.take(items, shop_id=shop.pk, is_proven=True, **options)


def claimed(shop, *items, **options):
    return tracking.take(items, shop_id=shop.pk, is_proven=False, **options)


def stored():
    """Whose rows there are, and what they say; the ids of profiles as first met."""
    rows = Activity.objects.order_by("occurred_at", "id")
    return list(rows.values_list("profile_id", "name"))


# --- At the door ----------------------------------------------------------------------------------


def test_a_batch_becomes_activities_of_one_visitor(send):
    response = send(
        "/v1/batch",
        {
            "batch": [
                call(properties={"title": "Home"}),
                track("Viewed Product", properties={"sku": "P-1", "price": "29.90"}),
                call("screen", name="Cart"),
            ]
        },
    )

    assert (response.status_code, response.json()) == (200, {"success": True})
    visitor = Profile.objects.get()
    assert {row.profile_id for row in Activity.objects.all()} == {visitor.pk}
    assert sorted(name for _who, name in stored()) == [
        "page-viewed",
        "product-viewed",
        "screen-viewed",
    ]
    product = Activity.objects.get(name="product-viewed")
    assert (product.sku, str(product.value)) == ("P-1", "29.9000")


@pytest.mark.parametrize("kind", ["identify", "track", "page", "screen", "alias", "group"])
def test_every_kind_of_call_has_its_address(send, kind):
    body = {"anonymousId": "a-1", "userId": "7", "event": "X", "previousId": "a-1", "groupId": "g"}

    for path in (f"/v1/{kind}", f"/v1/{kind[0]}"):
        assert send(path, body).json() == {"success": True}
    assert not ParkedCall.objects.exists()


def test_libraries_that_call_a_batch_an_import_are_understood(send):
    assert send("/v1/import", {"batch": [call(), call("screen")]}).json() == {"success": True}
    assert Activity.objects.count() == 2


def test_the_key_may_stand_in_the_body_or_be_a_bearer(client, write_key):
    in_body = client.post("/v1/page", {"writeKey": write_key, **call()}, JSON)
    bearer = client.post(
        "/v1/page", call(who="a-2"), JSON, headers={"Authorization": f"Bearer {write_key}"}
    )

    assert (in_body.status_code, bearer.status_code) == (200, 200)
    assert Activity.objects.count() == 2


def test_nobody_without_a_key_of_the_scope_tells_anything(client, shop):
    other = api_key(shop, "orders:read")[1]

    assert client.post("/v1/page", call(), JSON).status_code == 401
    assert client.post("/v1/page", {"writeKey": "x", **call()}, JSON).status_code == 401
    assert client.post("/v1/page", {"writeKey": other, **call()}, JSON).status_code == 403
    assert not Activity.objects.exists()


def test_browsers_send_text_without_asking(send):
    response = send("/v1/t", track("Cart Updated"), content_type="text/plain;charset=UTF-8")

    assert response.status_code == 200
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in response.headers
    assert Activity.objects.get().name == "cart-updated"


def test_a_browser_may_ask_before_it_sends(client):
    response = client.options(
        "/v1/batch",
        headers={
            "Origin": "https://shop.example",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,content-type",
        },
    )

    assert response.status_code == 204
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert response.headers["Access-Control-Allow-Methods"] == "POST"
    allowed = response.headers["Access-Control-Allow-Headers"].split(", ")
    assert {"Authorization", "Content-Type", "AnonymousId"} <= set(allowed)
    assert "Access-Control-Allow-Credentials" not in response.headers


def test_a_packed_body_is_unpacked_and_a_bomb_is_not(send):
    packed = gzip.compress(json.dumps({"batch": [call()]}).encode())
    bomb = gzip.compress(b" " * 50_000_000)
    headers = {"Content-Encoding": "gzip"}

    assert send("/v1/batch", packed, headers=headers).status_code == 200
    assert send("/v1/batch", bomb, headers=headers).status_code == 413
    assert send("/v1/batch", b"no gzip", headers=headers).status_code == 400
    assert Activity.objects.count() == 1


def test_a_body_has_at_most_500_kb(send):
    big = {"batch": [call(properties={"x": "y" * 20_000}) for _ in range(24)]}
    assert send("/v1/batch", big).status_code == 200

    big["batch"] += [call(properties={"x": "y" * 20_000}) for _ in range(3)]
    assert send("/v1/batch", big).status_code == 413


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe\x00", b"[" * 200_000, b"a=1&b=2", b"\x00"])
def test_a_hostile_body_is_refused_and_nothing_breaks(send, body):
    assert send("/v1/batch", body).status_code in {200, 400}
    assert not Activity.objects.exists()


@pytest.mark.parametrize(
    "body",
    ["null", "7", '"text"', "[]", "{}", '{"batch": 7}', '{"batch": [null, [], 1, "x", {}]}'],
)
def test_a_strange_document_is_parked_not_refused(send, body):
    assert send("/v1/batch", body.encode()).json() == {"success": True}
    assert not Activity.objects.exists()


# --- Good and bad ---------------------------------------------------------------------------------


def test_a_bad_call_never_blocks_a_good_one(shop):
    taken = claimed(
        shop,
        track("Product Viewed"),
        track(12),
        "nonsense",
        call(who=None),
        call("dance"),
        track("X", properties={"x": "y" * 40_000}),
        track("Cart Viewed"),
    )

    assert (taken.taken, taken.parked) == (2, 5)
    assert sorted(name for _who, name in stored()) == ["cart-viewed", "product-viewed"]
    assert sorted(ParkedCall.objects.values_list("reason", flat=True)) == [
        "kind",
        "name",
        "nobody",
        "shape",
        "size",
    ]


def test_strange_characters_are_kept_as_far_as_they_can_be(send):
    properties = {"title": 'a\tb\nc\\d\r"e"', "note": "é \\N 😀"}
    body = json.dumps(call(properties=properties))[:-1] + ', "x": "\\u0000\\ud800"}'

    assert send("/v1/page", body.encode()).status_code == 200

    kept = Activity.objects.get().properties
    assert kept == properties


def test_a_parked_call_can_be_tried_again_once_it_is_understood(shop, monkeypatch):
    owner = AgentFactory(owner=True)
    claimed(shop, track("☂"), track(3))
    ids = list(ParkedCall.objects.order_by("id").values_list("pk", flat=True))
    assert tracking.retry_parked(ids, by=owner) == 0

    ParkedCall.objects.filter(pk=ids[0]).update(body=track("Umbrella Opened"))

    assert tracking.retry_parked(ids, by=owner) == 1
    assert [name for _who, name in stored()] == ["umbrella-opened"]
    assert ParkedCall.objects.waiting().count() == 1
    assert tracking.drop_parked(ids, by=owner) == 1
    assert not ParkedCall.objects.waiting().exists()


def test_parked_calls_are_for_operators_of_the_shop(shop):
    claimed(shop, track(1))
    stranger = AgentFactory(role="manager", shop=ShopFactory())

    with pytest.raises(tracking.NotYourCalls):
        tracking.retry_parked([ParkedCall.objects.get().pk], by=stranger)


def test_parked_calls_are_forgotten_in_time(shop):
    claimed(shop, track(1))

    assert parking.purge_parked(at=now() + timedelta(days=89)) == 0
    assert parking.purge_parked(at=now() + timedelta(days=91)) == 1


def test_the_page_of_parked_calls_says_why_and_tries_again(client, shop):
    client.force_login(AgentFactory(owner=True))
    claimed(shop, track(3))
    page = client.get(reverse("profiles:parked-calls"))
    assert "The event has no usable name" in page.content.decode()

    ParkedCall.objects.update(body=track("Now A Name"))
    client.post(reverse("profiles:parked-settle"), {"ids": [ParkedCall.objects.get().pk]})

    assert Activity.objects.get().name == "now-a-name"
    assert "Nothing is parked" in client.get(reverse("profiles:parked-calls")).content.decode()


# --- Exactly once, in any order -------------------------------------------------------------------


def test_the_same_batch_again_changes_nothing(shop, django_assert_num_queries):
    batch = [
        call(messageId="m1"),
        track("Product Viewed", messageId="m2"),
        call("identify", userId="7", traits={"email": "ana@maison.example"}, messageId="m3"),
        track(5, messageId="m4"),
        call(timestamp=now().isoformat()),
    ]
    proven(shop, *batch)
    before = (stored(), list(Identifier.objects.values_list("profile_id", "value")))

    again = proven(shop, *batch)

    assert (again.taken, again.parked, again.known) == (0, 0, 5)
    assert (stored(), list(Identifier.objects.values_list("profile_id", "value"))) == before
    assert ParkedCall.objects.count() == 1


def test_a_message_told_twice_in_one_batch_counts_once(shop):
    claimed(shop, call(messageId="m"), call(messageId="m"))

    assert Activity.objects.count() == 1


STORY = [
    track("Product Viewed", who="a-1", messageId="1", timestamp="2026-03-01T10:00:00Z"),
    call(
        "identify",
        who="a-1",
        userId="7",
        traits={"email": "ana@maison.example"},
        messageId="2",
        timestamp="2026-03-01T10:05:00Z",
    ),
    {
        "type": "track",
        "userId": "7",
        "event": "Order Completed",
        "messageId": "3",
        "timestamp": "2026-03-01T10:10:00Z",
    },
]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=str)
@pytest.mark.parametrize("together", [True, False], ids=["one batch", "one by one"])
def test_the_order_of_arrival_does_not_matter(shop, order, together):
    story = [STORY[place] for place in order]
    for batch in [story] if together else [[item] for item in story]:
        proven(shop, *batch)
    while outbox.deliver_local():
        pass

    living = Profile.objects.living().get()
    assert stored() == [(living.pk, "product-viewed"), (living.pk, "order-completed")]
    assert set(living.identifiers.values_list("kind", "value")) == {
        ("email", "ana@maison.example"),
        ("customer_id", "7"),
        ("anonymous_id", "a-1"),
    }


def test_a_visitor_is_met_once_however_many_batches_come(shop):
    for number in range(3):
        claimed(shop, *(call(who=f"a-{who}") for who in range(5)), at=now())
        claimed(shop, call(who=f"only-{number}"))

    assert Profile.objects.count() == 8
    assert ProfileShop.objects.count() == 8
    assert EventRecord.objects.filter(name="profiles.profile-created").count() == 8
    breaches = [
        line
        for invariant in all_invariants()
        if invariant.key.startswith(("R21", "R3.profiles"))
        for line in invariant.check()
    ]
    assert breaches == []


def test_a_visitor_of_another_shop_becomes_known_to_this_one(shop):
    elsewhere = ShopFactory()
    claimed(elsewhere, call())

    claimed(shop, call())

    assert set(ProfileShop.objects.values_list("shop_id", flat=True)) == {shop.pk, elsewhere.pk}
    assert Profile.objects.count() == 1


# --- Who may say what -----------------------------------------------------------------------------


@pytest.fixture
def ana(shop):
    """A customer with an account, and her order's address."""
    resolution = services.resolve(
        Identity(
            email="ana@maison.example",
            customer_id="7",
            first_name="Ana",
            last_name="Durand",
            is_proven=True,
        ),
        shop_id=shop.pk,
        source="order",
    )
    return Profile.objects.get(pk=resolution.profile_id)


def test_a_public_key_neither_renames_nor_merges_a_customer(shop, ana):
    claimed(shop, call())
    claimed(
        shop,
        call("identify", userId="7", traits={"email": "ana@maison.example", "name": "Mallory X"}),
        call("alias", userId="7", previousId="a-1"),
        {"type": "identify", "userId": "7", "traits": {"firstName": "Mallory"}},
    )
    while outbox.deliver_local():
        pass

    ana.refresh_from_db()
    assert (ana.first_name, ana.last_name) == ("Ana", "Durand")
    assert set(ana.identifiers.values_list("kind", flat=True)) == {"email", "customer_id"}
    assert Profile.objects.filter(merged_into__isnull=False).count() == 0


def test_a_visitor_who_types_a_new_address_gets_it_unverified(shop):
    claimed(shop, call())
    claimed(shop, call("identify", traits={"email": "New@maison.example", "firstName": "Eve"}))

    visitor = Profile.objects.get()
    key = visitor.identifiers.get(kind="email")
    assert (key.value, key.is_verified) == ("new@maison.example", False)
    assert visitor.first_name == "Eve"


def test_a_visitor_who_has_an_address_takes_no_second_one(shop):
    claimed(shop, call("identify", traits={"email": "one@maison.example"}))
    claimed(shop, call("identify", traits={"email": "two@maison.example"}))

    assert list(Identifier.objects.filter(kind="email").values_list("value", flat=True)) == [
        "one@maison.example"
    ]


def test_what_a_customer_id_did_stands_with_the_customer_whoever_says_it(shop, ana):
    claimed(shop, {"type": "track", "userId": "7", "event": "Cart Updated"})

    assert stored() == [(ana.pk, "cart-updated")]


def test_an_unknown_customer_id_of_a_public_key_opens_no_account(shop):
    claimed(shop, {"type": "page", "userId": "99"}, {"type": "page", "userId": "99"})

    assert Profile.objects.count() == 1
    assert not Identifier.objects.filter(kind="customer_id").exists()


def test_a_secret_key_joins_the_visitor_to_the_customer(shop, ana):
    claimed(shop, call())
    proven(shop, call("identify", userId="7"))
    while outbox.deliver_local():
        pass

    assert stored() == [(ana.pk, "page-viewed")]


def test_a_secret_key_in_a_browser_proves_nothing(send, shop, secret_key, ana):
    headers = {"Origin": "https://shop.example"}
    send(
        "/v1/identify",
        call(userId="7", traits={"firstName": "Mallory"}),
        key=secret_key,
        headers=headers,
    )

    ana.refresh_from_db()
    assert ana.first_name == "Ana"

    send("/v1/identify", {"userId": "7", "traits": {"firstName": "Anna"}}, key=secret_key)
    ana.refresh_from_db()
    assert ana.first_name == "Anna"


def test_traits_of_a_proven_person_are_taken_over(shop):
    proven(
        shop,
        {
            "type": "identify",
            "userId": 42,
            "traits": {
                "email": "Léa@maison.example",
                "name": "Léa Martin",
                "birthday": "1990-05-06",
                "address": {"city": "Lyon", "country": "fr"},
                "phone": "06 39 98 12 34",
            },
            "context": {"locale": "fr-FR", "timezone": "Europe/Paris"},
        },
    )

    lea = Profile.objects.get()
    assert (lea.first_name, lea.last_name, lea.city, lea.country) == ("Léa", "Martin", "Lyon", "FR")
    assert (lea.locale, lea.timezone, str(lea.birthday)) == ("fr-FR", "Europe/Paris", "1990-05-06")


@pytest.mark.parametrize(
    ("told", "day"),
    [
        ("1984-02-29", "1984-02-29"),
        ("1984-02-29T00:00:00+02:00", "1984-02-29"),
        ("29 February", "None"),
    ],
)
def test_a_birthday_is_the_day_that_was_written_however_long_ago(shop, told, day):
    proven(shop, {"type": "identify", "userId": "42", "traits": {"birthday": told}})

    assert str(Profile.objects.get().birthday) == day


def test_a_proven_address_with_a_street_is_kept(shop):
    address = {
        "street": "1 rue des Lilas",
        "postalCode": "69001",
        "city": "Lyon",
        "country": "France",
    }
    proven(shop, {"type": "identify", "userId": "42", "traits": {"address": address}})

    lea = Profile.objects.get()
    kept = lea.addresses.get()
    assert (kept.line1, kept.postcode, kept.city, kept.country) == (
        "1 rue des Lilas",
        "69001",
        "Lyon",
        "FR",
    )
    assert lea.country == "FR"


TRAITS = {
    "shoeSize": 42.5,
    "club": "gold",
    "isMember": 1,
    "since": "2024-02-29T10:00:00Z",
    "likes": ["wool", "silk"],
    "unheard": "of",
}


@pytest.fixture
def attributes_of(shop):
    """Defines attributes and says what is known of a customer, as programs read it."""
    for key, kind in [("shoe_size", "number"), ("is_member", "boolean"), ("since", "date"),
                      ("likes", "list")]:  # fmt: skip
        attributes.define_attribute(key, kind=kind, by=None, key=key)
    attributes.define_attribute("club", kind="choice", by=None, key="club", choices=["gold"])
    return lambda profile: attribute_queries.values_of([profile.pk]).get(profile.pk, {})


def test_traits_that_are_attributes_become_their_values(shop, attributes_of):
    proven(shop, {"type": "identify", "userId": "42", "traits": TRAITS})

    assert attributes_of(Profile.objects.get()) == {
        "shoe_size": "42.5",
        "is_member": True,
        "since": "2024-02-29",
        "likes": ["wool", "silk"],
        "club": "gold",
    }


def test_a_trait_that_fits_no_value_of_its_attribute_is_left_out(shop, attributes_of):
    traits = {"shoe_size": "large", "club": "iron", "is_member": "perhaps", "likes": ["wool"]}
    proven(shop, {"type": "identify", "userId": "42", "traits": traits})

    assert attributes_of(Profile.objects.get()) == {"likes": ["wool"]}
    assert not ParkedCall.objects.exists()


def test_a_public_key_says_attributes_of_visitors_only(shop, ana, attributes_of):
    claimed(shop, call("identify", userId="7", traits={"email": "ana@maison.example", **TRAITS}))
    claimed(shop, call("identify", "a-2", traits={"club": "gold"}))

    assert attributes_of(ana) == {}
    visitor = Profile.objects.get(identifiers__value="a-2")
    assert attributes_of(visitor) == {"club": "gold"}


# --- Rows and months ------------------------------------------------------------------------------


def test_months_are_made_when_somebody_needs_them(shop):
    at = now()
    claimed(shop, call(timestamp=(at - timedelta(days=800)).isoformat()), at=at)

    assert Activity.objects.get().occurred_at == at - timedelta(days=800)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_inherits WHERE inhparent = 'profiles_activity'::regclass"
        )
        assert cursor.fetchone()[0] >= 1


def test_the_next_months_are_made_ahead(db):
    at = now()
    months.ensure_ahead(at=at)
    months.ensure_ahead(at=at)

    ahead = months.months_between(at, last=at + timedelta(days=85))
    with connection.cursor() as cursor:
        for month in ahead:
            cursor.execute("SELECT to_regclass(%s)", [f"profiles_activity_y{month:%Y}m{month:%m}"])
            assert cursor.fetchone()[0] is not None


def test_months_out_of_bounds_are_refused(db):
    with pytest.raises(ValueError, match="out of bounds"):
        months.ensure_months([months.EARLIEST.replace(year=1990)])


def test_a_batch_costs_few_statements_whatever_its_length(shop, count_queries):
    claimed(shop, call())

    def batch(size, prefix):
        return lambda: claimed(
            shop, *(track("Product Viewed", who=f"{prefix}-{n}") for n in range(size))
        )

    assert count_queries(batch(100, "x")) <= count_queries(batch(3, "y")) <= 12


def test_a_customer_was_seen_when_he_acted(shop):
    profile = ProfileFactory(shop=shop, customer_id="7")
    proven(shop, {"type": "page", "userId": "7"})

    profile.refresh_from_db()
    assert now() - profile.last_seen_at < timedelta(minutes=1)


def test_visitors_stay_out_of_the_list_of_customers_until_they_have_a_name(shop):
    claimed(shop, call(), call("identify", who="b", traits={"email": "eve@maison.example"}))

    shown = queries.customers([shop.pk])

    assert [card.email for card in queries.cards_of(shown).values()] == ["eve@maison.example"]
