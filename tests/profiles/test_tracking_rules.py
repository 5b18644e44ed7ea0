from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from profiles.rules import event_names, mentions, mood, tracking

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def read(item, kind=None, sent_at=None):
    return tracking.read({"anonymousId": "a-1", **item}, kind=kind, sent_at=sent_at, at=AT)


def tracked(event, **properties):
    return read({"event": event, "properties": properties}, kind="track")


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ("Product Viewed", "product-viewed"),
        ("Viewed Product", "product-viewed"),
        ("PRODUCT  VIEWED", "product-viewed"),
        ("productViewed", "product-viewed"),
        ("product_viewed", "product-viewed"),
        ("view_item", "product-viewed"),
        ("Viewed Product Category", "product-list-viewed"),
        ("Products Searched", "product-searched"),
        ("Completed Order", "order-completed"),
        ("Order Completed", "order-completed"),
        ("Order Canceled", "order-cancelled"),
        ("Added Product", "product-added"),
        ("Cart Updated", "cart-updated"),
        ("order_completed", "order-completed"),
        ("ordercompleted", "order-completed"),
        ("COMPLETEDORDER", "order-completed"),
        ("Order Started", "checkout-started"),
        ("InitiateCheckout", "checkout-started"),
        ("Removed Product From Wishlist", "product-removed-from-wishlist"),
        ("  Début de Quiz! ", "début-de-quiz"),
        ("Viewed Balance", "viewed-balance"),
    ],
)
def test_one_name_stands_for_every_spelling(raw, name):
    assert event_names.canonical(raw) == name


def test_a_name_without_letters_is_none():
    assert event_names.canonical("!!! ☂") is None


def test_a_very_long_name_fits_its_column():
    assert len(event_names.canonical("word " * 200)) <= 80


def test_the_difference_of_the_clocks_is_taken_out():
    """The sender's clock is an hour fast: what it calls 12:59 was a minute before the receipt."""
    sent_at = AT + timedelta(hours=1)
    message = read({"type": "page", "timestamp": "2026-03-01T12:59:00Z"}, sent_at=sent_at)

    assert message.occurred_at == AT - timedelta(minutes=1)


def test_a_call_that_another_collector_passed_on_keeps_the_time_it_was_given():
    """It came an hour late: what the first collector put right is not put right again."""
    item = {
        "type": "page",
        "originalTimestamp": "2026-03-01T10:30:05Z",
        "sentAt": "2026-03-01T10:30:10Z",
        "receivedAt": "2026-03-01T11:00:05Z",
        "timestamp": "2026-03-01T11:00:00Z",
    }

    assert read(item).occurred_at == AT - timedelta(hours=1)


def test_what_a_batch_says_of_all_calls_holds_for_each():
    calls = tracking.calls_in(
        {
            "context": {"locale": "fr-FR", "timezone": "Europe/Paris"},
            "batch": [{"type": "page"}, {"type": "page", "context": {"locale": "de-CH"}}, 7],
        }
    )

    assert [read(item).locale for item in calls[:2]] == ["fr-FR", "de-CH"]
    assert read(calls[1]).timezone == "Europe/Paris"
    assert calls[2] == 7


def test_nothing_happens_after_it_was_received():
    assert read({"type": "page", "timestamp": "2026-03-01T15:00:00Z"}).occurred_at == AT


@pytest.mark.parametrize("stamp", ["yesterday", "", None, {}, True, "0001-01-01", 1e300, "9" * 50])
def test_an_unreadable_time_is_the_time_of_receipt(stamp):
    assert read({"type": "page", "timestamp": stamp}).occurred_at == AT


def test_milliseconds_are_read_too():
    assert read({"type": "page", "timestamp": 1772362800000}).occurred_at == AT - timedelta(hours=1)


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        ("text", "shape"),
        (None, "shape"),
        ([], "shape"),
        ({}, "kind"),
        ({"type": "dance", "anonymousId": "a"}, "kind"),
        ({"type": 7, "anonymousId": "a"}, "kind"),
        ({"type": "track", "anonymousId": "a"}, "name"),
        ({"type": "track", "anonymousId": "a", "event": 12}, "name"),
        ({"type": "track", "anonymousId": "a", "event": {"name": "x"}}, "name"),
        ({"type": "track", "anonymousId": "a", "event": " … "}, "name"),
        ({"type": "page"}, "nobody"),
        ({"type": "page", "anonymousId": "null"}, "nobody"),
        ({"type": "page", "anonymousId": {"id": 1}}, "id"),
        ({"type": "page", "anonymousId": True}, "id"),
        ({"type": "page", "anonymousId": "a", "timestamp": "1999-01-01T00:00:00Z"}, "time"),
    ],
)
def test_what_can_not_be_understood_says_why(item, reason):
    with pytest.raises(tracking.Unusable) as refusal:
        tracking.read(item, kind=None, sent_at=None, at=AT)

    assert refusal.value.reason == reason


def test_a_product_and_its_worth_are_found_however_they_are_called():
    assert tracked("Product Viewed", product_id="P-1", price=29.9).sku == "P-1"
    assert tracked("product viewed", SKU="P-1").sku == "P-1"
    assert tracked("view_item", items=[{"item_id": 7}]).sku == "7"
    assert tracked("Product Viewed", product={"sku": "P-2"}).sku == "P-2"
    assert tracked("Order Completed", products=[{"sku": "A"}, {"sku": "B"}]).sku is None
    assert tracked("Order Completed", revenue="12,50").value == Decimal("12.50")
    assert tracked("Product Added", price=10, quantity=3).value == Decimal(30)
    assert tracked("Order Completed", total="1,234.50").value == Decimal("1234.5")
    assert tracked("Order Completed", total="1.234,50 €").value == Decimal("1234.5")
    assert tracked("Order Completed", total="CHF 1'234.50").value == Decimal("1234.5")
    assert tracked("Product Added", price="a lot").value is None
    assert tracked("Product Added", price="1e999").value is None


def test_secrets_in_addresses_are_not_kept():
    message = read(
        {
            "properties": {"search": "?token=1"},
            "context": {"page": {"url": "https://shop.example/a?token=1#x", "title": "A"}},
        },
        kind="page",
    )

    assert message.properties == {"url": "https://shop.example/a", "title": "A"}


def test_the_words_of_a_search_are_found():
    assert tracked("search", search_term="laine").properties["query"] == "laine"


def test_the_same_message_id_is_the_same_call_in_one_shop_only():
    def digest(item, shop_id=1):
        return tracking.digest(item, shop_id=shop_id, sent_at="", position=0)

    assert digest({"messageId": "m", "event": "a"}) == digest({"messageId": "m", "event": "b"})
    assert digest({"messageId": "m"}) != digest({"messageId": "m"}, shop_id=2)
    assert digest({"timestamp": "2026-03-01", "a": 1}) == digest(
        {"a": 1, "timestamp": "2026-03-01"}
    )
    assert digest({"a": 1}) != digest({"a": 1})


@pytest.mark.parametrize(
    ("body", "document"),
    [
        (b'{"a": NaN, "b": Infinity}', {"a": None, "b": None}),
        (b'{"a": 1e999}', {"a": "1e999"}),
        (b'{"a": "x\\u0000y"}', {"a": "x\N{REPLACEMENT CHARACTER}y"}),
        (b'{"a": "\\ud800"}', {"a": "\N{REPLACEMENT CHARACTER}"}),
        (b'{"a": "\\ud83d\\ude00"}', {"a": "😀"}),
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        (b'{"a": ' + b"9" * 5000 + b"}", {"a": "9" * 5000}),
    ],
)
def test_a_strangers_document_is_made_storable(body, document):
    assert tracking.document(body) == document


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"a=1&b=2"])
def test_what_is_no_json_is_refused(body):
    with pytest.raises((ValueError, RecursionError)):
        tracking.document(body)


def test_colleagues_are_called_by_name():
    people = {1: "Claire Dubois", 2: "Marc Étienne", 3: "Marc Leroy"}

    assert mentions.mentioned("@Claire Dubois look", people) == [1]
    assert mentions.mentioned("@claire, and @MARC ETIENNE.", people) == [1, 2]
    assert mentions.mentioned("@Marc look", people) == []
    assert mentions.mentioned("@Claireville, ana@claire.fr", people) == []


@pytest.mark.parametrize(
    ("signals", "expected"),
    [
        ([], mood.UNKNOWN),
        ([("good", False)], mood.HAPPY),
        ([("good", True), ("warn", False)], mood.WAITING),
        ([("good", True), ("bad", False)], mood.UNHAPPY),
        ([("bad", True), ("good", False)], mood.UNHAPPY_WITH_ORDER),
    ],
)
def test_one_bad_signal_outweighs_what_is_good(signals, expected):
    assert mood.mood_of(signals) == expected
