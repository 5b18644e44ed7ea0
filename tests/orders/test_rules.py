from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders.rules import document, ledger, precedence
from tests.orders.factories import order_document

AT = datetime(2026, 3, 1, tzinfo=UTC)


def faults(**changes):
    _, found = document.read(order_document(**changes), external_id="7")
    return {fault.pointer: fault.code for fault in found}


def line(**changes):
    return {"sku": "A", "name": "Shirt", "quantity": 1, "unit_price": "10.00"} | changes


def test_the_example_has_no_faults_and_comes_back_as_it_is():
    raw = order_document()

    body, found = document.read(raw, external_id="7")

    assert found == []
    assert body == raw


@pytest.mark.parametrize("name", ["placed_at", "status", "currency", "lines", "totals"])
@pytest.mark.parametrize("missing", [None, "absent"])
def test_what_an_order_needs_is_named_when_it_is_missing(name, missing):
    raw = order_document()
    if missing == "absent":
        del raw[name]
    else:
        raw[name] = None

    _, found = document.read(raw, external_id="7")

    assert ("/" + name, "required") in {(fault.pointer, fault.code) for fault in found}


@pytest.mark.parametrize(
    ("changes", "pointer", "code"),
    [
        ({"status": "lost"}, "/status", "unknown_status"),
        ({"status": 3}, "/status", "unknown_status"),
        ({"status": ["paid"]}, "/status", "unknown_status"),
        ({"currency": "EURO"}, "/currency", "unknown_currency"),
        ({"currency": ["EUR"]}, "/currency", "unknown_currency"),
        ({"placed_at": "2026-03-01"}, "/placed_at", "not_an_instant"),
        ({"placed_at": "2026-03-01T10:00:00"}, "/placed_at", "not_an_instant"),
        ({"placed_at": "0000-00-00 00:00:00"}, "/placed_at", "not_an_instant"),
        ({"placed_at": 1772370000}, "/placed_at", "not_an_instant"),
        ({"placed_at": "0001-01-01T00:00:00+14:00"}, "/placed_at", "out_of_range"),
        ({"updated_at": "soon"}, "/updated_at", "not_an_instant"),
        ({"version": -1}, "/version", "not_a_version"),
        ({"version": True}, "/version", "not_a_version"),
        ({"version": 2**63}, "/version", "not_a_version"),
        ({"version": "7"}, "/version", "not_a_version"),
        ({"number": ""}, "/number", "blank"),
        ({"number": "x" * 65}, "/number", "too_long"),
        ({"number": 10042}, "/number", "not_text"),
        ({"lines": {}}, "/lines", "not_a_list"),
        ({"lines": ["x"]}, "/lines/0", "not_an_object"),
        ({"lines": [line()] * 1001}, "/lines", "too_many"),
        ({"lines": [line(), line(quantity=0)]}, "/lines/1/quantity", "not_a_quantity"),
        ({"lines": [line(quantity=-1)]}, "/lines/0/quantity", "not_a_quantity"),
        ({"lines": [line(quantity=True)]}, "/lines/0/quantity", "not_a_quantity"),
        ({"lines": [line(quantity="1.2345")]}, "/lines/0/quantity", "not_a_quantity"),
        ({"lines": [line(quantity=None)]}, "/lines/0/quantity", "required"),
        ({"lines": [line(unit_price=10)]}, "/lines/0/unit_price", "not_an_amount"),
        ({"lines": [line(unit_price="1e3")]}, "/lines/0/unit_price", "not_an_amount"),
        ({"lines": [line(unit_price="NaN")]}, "/lines/0/unit_price", "not_an_amount"),
        ({"lines": [line(unit_price="٣.00")]}, "/lines/0/unit_price", "not_an_amount"),
        ({"lines": [line(unit_price="10.005")]}, "/lines/0/unit_price", "too_many_decimals"),
        ({"lines": [line(name="", sku="")]}, "/lines/0/name", "required"),
        ({"totals": {"grand": "-1.00"}}, "/totals/grand", "negative"),
        ({"totals": {"items": "1.00"}}, "/totals/grand", "required"),
        ({"totals": {"grand": "1" * 13}}, "/totals/grand", "not_an_amount"),
        ({"discounts": [{"code": "A"}]}, "/discounts/0/amount", "required"),
        ({"customer": []}, "/customer", "not_an_object"),
        ({"customer": {"email": "nobody"}}, "/customer/email", "not_an_address"),
        ({"customer": {"external_id": 7}}, "/customer/external_id", "not_text"),
        (
            {"customer": {"accepts_marketing": "yes"}},
            "/customer/accepts_marketing",
            "not_a_boolean",
        ),
        ({"billing_address": {"country": "France"}}, "/billing_address/country", "unknown_country"),
        ({"payments": [{"amount": None}]}, "/payments/0/amount", "required"),
        ({"refunds": [{"amount": "-5.00"}]}, "/refunds/0/amount", "negative"),
        ({"refunds": [{"amount": "5.00", "lines": [3]}]}, "/refunds/0/lines/0", "not_an_object"),
        ({"external_id": "8"}, "/external_id", "other_id"),
    ],
)
def test_each_fault_is_named_with_its_place(changes, pointer, code):
    assert faults(**changes) == {pointer: code}


def test_all_faults_are_named_at_once():
    found = faults(status="lost", lines=[line(quantity=0)], customer={"email": "x"})

    assert set(found) == {"/status", "/lines/0/quantity", "/customer/email"}


@pytest.mark.parametrize("raw", [None, [], "order", 3, True])
def test_something_else_than_an_object_is_a_fault(raw):
    _, found = document.read(raw, external_id="7")

    assert [(fault.pointer, fault.code) for fault in found] == [("", "not_an_object")]


@pytest.mark.parametrize("external_id", ["", "x" * 256, "a\nb", "\ud800", None, 7])
def test_an_id_we_cannot_keep_is_a_fault(external_id):
    _, found = document.read(order_document(), external_id=external_id)

    assert [fault.pointer for fault in found] == ["/external_id"]


@pytest.mark.parametrize(
    ("currency", "given_amount", "kept"),
    [
        ("EUR", "12.9", "12.90"),
        ("EUR", "12.9000", "12.90"),
        ("JPY", "1200", "1200"),
        ("TND", "12.345", "12.345"),
        ("EUR", "-0", "0.00"),
    ],
)
def test_amounts_are_kept_in_the_currencys_smallest_unit(currency, given_amount, kept):
    raw = order_document(currency=currency, lines=[], totals={"grand": given_amount})
    raw |= {"shipping": None, "discounts": [], "payments": []}

    body, found = document.read(raw, external_id="7")

    assert found == []
    assert body["totals"]["grand"] == kept


@pytest.mark.parametrize(
    ("currency", "amount"), [("JPY", "12.5"), ("TND", "1.2345"), ("EUR", "0.001")]
)
def test_an_amount_finer_than_the_currency_is_refused(currency, amount):
    raw = order_document(currency=currency, lines=[], totals={"grand": amount})
    raw |= {"shipping": None, "discounts": [], "payments": []}

    _, found = document.read(raw, external_id="7")

    assert [(fault.pointer, fault.code) for fault in found] == [
        ("/totals/grand", "too_many_decimals")
    ]


def test_unknown_fields_are_kept_beside_the_known_ones():
    raw = order_document(channel="web", extra={"gift": True}, lines=[line(weight=Decimal("1.5"))])

    body, found = document.read(raw, external_id="7")

    assert found == []
    assert body["extra"] == {"channel": "web", "gift": True}
    assert body["lines"][0]["extra"] == {"weight": 1.5}


def test_our_own_answer_can_be_sent_back():
    raw = order_document(id="3", external_id="7", profile_id="9", warnings=[], channel="web")
    body, _ = document.read(raw, external_id="7")

    again, found = document.read(body | {"id": "3", "profile_id": "9"}, external_id="7")

    assert found == []
    assert again == body


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.decimals(allow_nan=False),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4)
    ),
    max_leaves=12,
)
FIELDS = st.sampled_from([*order_document(), "extra", "version", "id", "external_id", "cart_token"])


@given(st.dictionaries(FIELDS, JSON, max_size=6))
def test_no_document_breaks_the_reader(changes):
    body, found = document.read(order_document() | changes, external_id="7")

    assert found or body["status"]


# --- Ledger ---------------------------------------------------------------------------------------


def sums(**changes):
    amounts = {
        "lines": "100",
        "listed": "100",
        "items": "100",
        "discount": "0",
        "shipping": "5",
        "tax": "20",
        "grand": "105",
        "refunded": "0",
        "refunds": "0",
    } | changes
    return ledger.Sums(**{name: Decimal(value) for name, value in amounts.items()})


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({}, []),
        ({"grand": "125"}, []),
        ({"grand": "105.01"}, []),
        ({"grand": "105.02"}, ["grand"]),
        ({"discount": "10", "grand": "95"}, []),
        ({"discount": "10", "lines": "90", "grand": "95"}, []),
        ({"lines": "70", "listed": "70"}, ["lines"]),
        ({"refunded": "105", "refunds": "105"}, []),
        ({"refunded": "50", "refunds": "40"}, ["refunded"]),
        ({"refunded": "106"}, ["refunded"]),
    ],
)
def test_sums_that_do_not_add_up_are_named(changes, wrong):
    assert ledger.mismatches(sums(**changes), tolerance=Decimal("0.01")) == wrong


# --- Precedence -----------------------------------------------------------------------------------


def stamp(version=None, minutes=None, status="paid"):
    updated_at = AT + timedelta(minutes=minutes) if minutes is not None else None
    return precedence.Stamp(version=version, updated_at=updated_at, status=status)


@pytest.mark.parametrize(
    ("incoming", "stored", "is_newer"),
    [
        (stamp(2, 0), stamp(1, 9), True),
        (stamp(1, 9), stamp(2, 0), False),
        (stamp(2, 1), stamp(2, 0), True),
        (stamp(None, 1), stamp(None, 0), True),
        (stamp(None, 0), stamp(None, 1), False),
        (stamp(5, 0), stamp(None, 1), False),
        (stamp(None, None), stamp(5, 1), True),
        (stamp(None, 1, "shipped"), stamp(None, 1, "paid"), True),
        (stamp(None, 1, "paid"), stamp(None, 1, "shipped"), False),
        (stamp(3, None, "paid"), stamp(3, None, "shipped"), False),
        (stamp(None, 1), stamp(None, 1), True),
    ],
)
def test_the_newer_state_is_told_by_version_then_time_then_progress(incoming, stored, is_newer):
    assert precedence.is_newer(incoming, stored) is is_newer
