"""The tickets API as a shop's program sees it."""

from __future__ import annotations

import uuid

import pytest
from django.test import Client

from contacts import services
from contacts.models import Ticket
from messaging.models import OutgoingMessage
from profiles.models import Identifier
from tests.company.factories import ShopFactory, api_key
from tests.contacts.factories import make_ticket
from tests.orders.factories import make_order

TICKETS = "/api/v1/tickets"


class Caller:
    """A program with a key."""

    def __init__(self, shop, *scopes):
        self._client = Client()
        _key, self._plain = api_key(shop, *(scopes or ("tickets:read", "tickets:write")))

    def _headers(self, headers):
        return {"Authorization": f"Bearer {self._plain}", **(headers or {})}

    def get(self, path, query=None):
        return self._client.get(path, query or {}, headers=self._headers(None))

    def post(self, path, body, headers=None):
        return self._client.post(
            path, body, content_type="application/json", headers=self._headers(headers)
        )


@pytest.fixture
def caller(shop):
    return Caller(shop)


def request_body(**changes):
    return {
        "customer": {"email": "claire@example.org", "first_name": "Claire", "locale": "fr-CH"},
        "subject": "Où est ma commande ?",
        "text": "Bonjour, je n'ai rien reçu.",
        "tags": ["Livraison"],
        "priority": "high",
        **changes,
    }


def test_a_request_opens_a_ticket_for_the_customer_and_can_be_read(caller, shop):
    opened = caller.post(TICKETS, request_body())

    body = opened.json()
    assert opened.status_code == 201
    assert body["state"] == "new"
    assert body["channel"] == "api"
    assert body["priority"] == "high"
    assert body["tags"] == ["livraison"]
    assert [(m["seq"], m["kind"], m["text"]) for m in body["messages"]] == [
        (1, "customer", "Bonjour, je n'ai rien reçu.")
    ]
    assert caller.get(f"{TICKETS}/{body['id']}").json() == body
    ticket = Ticket.objects.get(pk=body["id"])
    assert ticket.reply_to == "claire@example.org"
    assert ticket.profile.first_name == "Claire"


def test_a_request_may_name_the_customers_own_order_only(caller, shop):
    order = make_order(shop, email="claire@example.org")
    foreign = make_order(shop, email="somebody@example.org")

    own = caller.post(TICKETS, request_body(order_id=order.external_id))
    other = caller.post(TICKETS, request_body(order_id=foreign.external_id))

    assert own.json()["order_id"] == order.external_id
    assert other.status_code == 422
    assert other.json()["code"] == "order_of_another_customer"
    assert other.json()["errors"][0]["pointer"] == "/order_id"
    assert Ticket.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"text": ""}, "/text"),
        ({"text": None}, "/text"),
        ({"customer": {"email": "nonsense"}}, "/customer/email"),
        ({"customer": "Claire"}, "/customer"),
        ({"channel": "telepathy"}, "/channel"),
        ({"priority": 4}, "/priority"),
        ({"tags": "retour"}, "/tags"),
        ({"subject": "x" * 301}, "/subject"),
    ],
)
def test_a_faulty_request_is_told_where(caller, changes, pointer):
    response = caller.post(TICKETS, request_body(**changes))

    assert response.status_code == 422
    assert response["Content-Type"] == "application/problem+json"
    assert any(error["pointer"].startswith(pointer) for error in response.json()["errors"])
    assert not Ticket.objects.exists()


def test_a_request_of_nobody_is_refused(caller):
    response = caller.post(TICKETS, request_body(customer={"first_name": "Claire"}))

    assert response.status_code == 422
    assert response.json()["code"] == "nobody_identified"


def test_a_request_sent_again_with_its_key_opens_one_ticket(caller):
    headers = {"Idempotency-Key": "request-0001"}

    first, second = (caller.post(TICKETS, request_body(), headers) for _ in "ab")

    assert second.json() == first.json()
    assert second["Idempotency-Replayed"] == "true"
    assert Ticket.objects.count() == 1


def test_the_customer_writes_again(caller, shop):
    ticket = make_ticket(shop, state="solved")

    response = caller.post(f"{TICKETS}/{ticket.pk}/messages", {"text": "Encore moi"})

    ticket.refresh_from_db()
    assert response.status_code == 201
    assert response.json()["kind"] == "customer"
    assert ticket.state == "open"


def test_an_answer_is_mailed_and_a_note_is_not(caller, shop):
    ticket = make_ticket(shop)

    noted = caller.post(f"{TICKETS}/{ticket.pk}/messages", {"kind": "note", "text": "VIP"})
    answered = caller.post(f"{TICKETS}/{ticket.pk}/messages", {"kind": "agent", "text": "Voilà"})

    assert (noted.status_code, answered.status_code) == (201, 201)
    assert OutgoingMessage.objects.get().text.startswith("Voilà")


def test_a_message_with_its_client_id_counts_once(caller, shop):
    ticket = make_ticket(shop)
    body = {"text": "Bonjour ?", "client_id": str(uuid.uuid4())}

    first, second = (caller.post(f"{TICKETS}/{ticket.pk}/messages", body) for _ in "ab")

    assert first.json() == second.json()
    assert ticket.messages.count() == 2
    other = caller.post(f"{TICKETS}/{ticket.pk}/messages", body | {"text": "Autre"})
    assert (other.status_code, other.json()["code"]) == (422, "client_id_reused")


def test_a_closed_ticket_refuses_an_answer_and_hands_words_to_a_new_one(caller, shop):
    ticket = make_ticket(shop, state="closed")
    client_id = str(uuid.uuid4())

    answered = caller.post(f"{TICKETS}/{ticket.pk}/messages", {"kind": "agent", "text": "x"})
    for _ in range(2):
        said = caller.post(
            f"{TICKETS}/{ticket.pk}/messages", {"text": "Et maintenant ?", "client_id": client_id}
        )

    assert (answered.status_code, answered.json()["code"]) == (409, "ticket_closed")
    assert said.status_code == 201
    assert Ticket.objects.get(continues=ticket).messages.get().text == "Et maintenant ?"


def test_a_list_is_narrowed_and_paged(caller, shop):
    tickets = [make_ticket(shop, tags=["a"] if n else []) for n in range(3)]
    services.change_state(tickets[2].pk, to="solved", by=None)

    first = caller.get(TICKETS, {"limit": 2}).json()
    rest = caller.get(TICKETS, {"limit": 2, "cursor": first["next"]}).json()
    solved = caller.get(TICKETS, {"state": "solved"}).json()
    tagged = caller.get(TICKETS, {"tag": "a"}).json()
    of_profile = caller.get(TICKETS, {"profile": tickets[0].profile_id}).json()
    changed = caller.get(
        TICKETS, {"updated_since": Ticket.objects.get(pk=tickets[2].pk).updated_at.isoformat()}
    ).json()

    ids = [t["id"] for t in first["results"] + rest["results"]]
    assert ids == [str(t.pk) for t in reversed(tickets)]
    assert rest["next"] is None
    assert [t["id"] for t in solved["results"]] == [str(tickets[2].pk)]
    assert len(tagged["results"]) == 2
    assert [t["id"] for t in of_profile["results"]] == [str(tickets[0].pk)]
    assert [t["id"] for t in changed["results"]] == [str(tickets[2].pk)]


@pytest.mark.parametrize(
    "query", [{"state": "asleep"}, {"updated_since": "yesterday"}, {"profile": "x"}]
)
def test_a_faulty_filter_is_told(caller, query):
    assert caller.get(TICKETS, query).status_code == 422


def test_another_shops_ticket_does_not_exist(caller):
    ticket = make_ticket(ShopFactory())

    assert caller.get(f"{TICKETS}/{ticket.pk}").status_code == 404
    assert caller.post(f"{TICKETS}/{ticket.pk}/messages", {"text": "x"}).status_code == 404
    assert caller.get(TICKETS).json()["results"] == []
    assert ticket.messages.count() == 1


def test_a_key_does_only_what_its_scopes_say(shop):
    ticket = make_ticket(shop)
    reader, writer = Caller(shop, "tickets:read"), Caller(shop, "tickets:write")

    assert reader.post(TICKETS, request_body()).status_code == 403
    assert reader.post(f"{TICKETS}/{ticket.pk}/messages", {"text": "x"}).status_code == 403
    assert writer.get(TICKETS).status_code == 403
    assert writer.get(f"{TICKETS}/{ticket.pk}").status_code == 403
    assert Client().get(TICKETS).status_code == 401


def test_a_list_costs_the_same_for_one_ticket_and_for_many(caller, shop, assert_flat_queries):
    assert_flat_queries(lambda: caller.get(TICKETS), add_rows=lambda: make_ticket(shop), budget=5)


def test_a_known_customer_is_found_by_what_identifies_him(caller, shop):
    ticket = make_ticket(shop)
    address = Identifier.objects.get(profile=ticket.profile, kind="email").value

    opened = caller.post(TICKETS, request_body(customer={"email": address}))

    assert opened.json()["profile_id"] == str(ticket.profile_id)
