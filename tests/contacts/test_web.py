"""The inbox as a browser sees it, with and without htmx."""

from __future__ import annotations

import json
import uuid

import pytest
from django.test import Client
from django.urls import reverse

from contacts import services
from contacts.models import Draft, Ticket
from ecrm.kernel.filters import ROWS_PER_PAGE
from messaging.models import OutgoingMessage
from tests.backoffice.factories import SavedViewFactory
from tests.company.factories import AgentFactory, ShopFactory
from tests.contacts.factories import answer, make_mail, make_ticket
from tests.orders.factories import make_order

HTMX = {"HX-Request": "true"}


def signed_in(agent) -> Client:
    client = Client()
    client.force_login(agent)
    return client


@pytest.fixture
def window(agent) -> Client:
    return signed_in(agent)


def page_of(ticket, suffix="") -> str:
    return reverse("contacts:ticket", args=[ticket.number]) + suffix


def send(window, ticket, *, text="Elle arrive demain.", seen_seq=1, headers=None, **fields):
    values = {
        "kind": "reply",
        "text": text,
        "client_id": uuid.uuid4(),
        "seen_seq": seen_seq,
        "shown": seen_seq,
        **fields,
    }
    return window.post(
        reverse("contacts:message-add", args=[ticket.number]), values, headers=headers or {}
    )


def triggers(response) -> dict:
    return json.loads(response["HX-Trigger"])


def test_the_inbox_shows_who_waits_in_each_view(window, shop, agent):
    make_ticket(shop, subject="Frei")
    make_ticket(shop, subject="Mein", assignee=agent)
    make_ticket(shop, subject="Beantwortet", state="waiting")

    mine = window.get(reverse("contacts:inbox"), {"view": "mine"}).content.decode()
    unassigned = window.get(reverse("contacts:inbox"), {"view": "unassigned"}).content.decode()
    waiting = window.get(reverse("contacts:inbox"), {"view": "waiting"}).content.decode()

    assert ("Mein" in mine, "Frei" in mine) == (True, False)
    assert ("Frei" in unassigned, "Mein" in unassigned) == (True, False)
    assert ("Beantwortet" in waiting, "Frei" in waiting) == (True, False)


def test_who_has_nothing_to_do_is_shown_what_nobody_has_taken(window, shop, agent):
    nothing_at_all = window.get(reverse("contacts:inbox"))
    make_ticket(shop, subject="Frei")
    nothing_of_mine = window.get(reverse("contacts:inbox"))
    asked_for_mine = window.get(reverse("contacts:inbox"), {"view": "mine"})

    assert "You are done" in nothing_at_all.content.decode()
    assert "Frei" in nothing_of_mine.content.decode()
    assert "Frei" not in asked_for_mine.content.decode()


@pytest.mark.parametrize(
    "view", ["mine", "unassigned", "open", "waiting", "snoozed", "solved", "all"]
)
def test_an_empty_view_says_what_will_appear(window, view):
    response = window.get(reverse("contacts:inbox"), {"view": view})

    assert "ec-empty" in response.content.decode()


@pytest.mark.parametrize(
    "query",
    [
        {"view": "nonsense"},
        {"channel": "telepathy"},
        {"cursor": "garbage~x"},
        {"cursor": "2026-99-99T00:00:00~1"},
        {"priority": "9"},
        {"q": "\u0000"},
        {"open": "99999999999999999999"},
    ],
)
def test_a_made_up_address_still_shows_a_list(window, query):
    assert window.get(reverse("contacts:inbox"), query).status_code == 200


@pytest.mark.parametrize(
    "words", ["Blumen", "#{number}", "{number}", "durand", "{address}", "DÜRAND"]
)
def test_words_find_tickets_by_number_subject_customer_and_address(window, shop, words):
    ticket = make_ticket(shop, subject="Blumen für Zürich")
    asked = words.format(number=ticket.number, address=ticket.reply_to)

    response = window.get(reverse("contacts:inbox"), {"q": asked})

    assert "Blumen für Zürich" in response.content.decode()


def test_filters_narrow_and_show_as_chips(window, shop):
    make_ticket(shop, subject="Dringend", priority=4, tags=["retour"])
    make_ticket(shop, subject="Gewöhnlich")

    page = window.get(
        reverse("contacts:inbox"), {"view": "open", "priority": 4, "tag": "retour"}
    ).content.decode()

    assert ("Dringend" in page, "Gewöhnlich" in page) == (True, False)
    assert "Remove the filter retour" in page


def test_a_long_list_is_read_in_pages_without_loss(window, shop, settings):
    numbers = {make_ticket(shop).number for _ in range(ROWS_PER_PAGE + 5)}
    for sort in ("latest", "longest"):
        seen, query = set(), f"?view=open&sort={sort}"
        while query:
            response = window.get(reverse("contacts:inbox") + query)
            rows = response.context["inbox"]["rows"]
            page = {int(row.number) for row in rows}
            assert not page & seen
            seen |= page
            query = response.context["inbox"]["next_query"]
        assert seen == numbers


def test_filters_of_the_inbox_are_saved_under_a_name(window, agent):
    plain = window.get(reverse("contacts:inbox"), {"view": "open"}).content.decode()
    narrowed = window.get(reverse("contacts:inbox"), {"view": "open", "priority": "3"})

    assert "Save view" not in plain
    assert 'name="query" value="view=open&amp;priority=3"' in narrowed.content.decode()

    SavedViewFactory(agent=agent, name="Urgent", list_path="/inbox/", query="view=open&priority=3")
    named = window.get(reverse("contacts:inbox"), {"priority": "3", "view": "open"})
    assert "Urgent" in named.content.decode()
    assert "Save view" not in named.content.decode()


def test_an_open_ticket_keeps_the_saved_views_of_the_list(window, shop, agent):
    ticket = make_ticket(shop)
    SavedViewFactory(agent=agent, name="Urgent", list_path="/inbox/", query="view=open&priority=3")

    assert "Urgent" in window.get(page_of(ticket)).content.decode()


def test_longest_waiting_first_is_an_order_of_its_own(window, shop):
    early = make_ticket(shop, subject="Früh")
    late = make_ticket(shop, subject="Spät", at=early.opened_at.replace(hour=12))
    services.add_customer_message(early.pk, text="Hallo?", at=late.opened_at.replace(hour=15))

    def numbers(sort):
        response = window.get(reverse("contacts:inbox"), {"view": "open", "sort": sort})
        return [int(row.number) for row in response.context["inbox"]["rows"]]

    assert numbers("latest") == [early.number, late.number]
    assert numbers("longest") == [early.number, late.number]
    services.add_customer_message(late.pk, text="Hallo?", at=late.opened_at.replace(hour=18))
    assert numbers("latest") == [late.number, early.number]
    assert numbers("longest") == [early.number, late.number]


def test_htmx_gets_the_list_alone_or_the_ticket_alone(window, shop):
    ticket = make_ticket(shop)

    rows = window.get(
        reverse("contacts:inbox"), {"view": "open"}, headers={**HTMX, "HX-Target": "ticket-list"}
    )
    pane = window.get(page_of(ticket), headers={**HTMX, "HX-Target": "ticket"})

    assert "<html" not in rows.content.decode()
    assert "inbox-row" in rows.content.decode()
    assert "<html" not in pane.content.decode()
    assert "inbox-row" not in pane.content.decode()
    assert "HX-Target" in pane["Vary"]


def test_a_ticket_shows_the_thread_the_customer_and_his_orders(window, shop, agent):
    order = make_order(shop, email="claire@example.org")
    mail = make_mail(
        shop,
        from_address="claire@example.org",
        text="Bonjour <b>gras</b> https://example.org/x",
        html_clean="<p>Bonjour</p>",
        files={"photo.png": 2048},
    )
    ticket = services.receive_mail(mail.pk).ticket
    answer(ticket, by=agent, text="Voilà.")
    services.add_note(ticket.pk, text="Cliente fidèle", by=agent)
    other = make_ticket(shop, profile=ticket.profile, subject="Une autre")

    page = window.get(page_of(ticket)).content.decode()

    assert "&lt;b&gt;gras&lt;/b&gt;" in page
    assert 'href="https://example.org/x"' in page
    assert "sandbox=" in page
    assert "photo.png" in page
    assert "Voilà." in page
    assert "Sending…" in page
    assert "Cliente fidèle" in page
    assert "Alice Roux took this" in page
    assert order.number in page
    assert f"#{other.number}" in page
    assert "<p>Bonjour</p>" not in page


def test_opening_a_ticket_changes_nothing(window, shop):
    ticket = make_ticket(shop)

    window.get(page_of(ticket))

    before = ticket.version
    ticket.refresh_from_db()
    assert ticket.version == before


def test_an_answer_without_javascript_goes_back_to_the_ticket(window, shop):
    ticket = make_ticket(shop)

    response = send(window, ticket)

    assert response.status_code == 302
    assert response["Location"].startswith(page_of(ticket))
    assert OutgoingMessage.objects.get().text.startswith("Elle arrive demain.")


def test_an_answer_by_htmx_brings_what_is_new_and_a_fresh_composer(window, shop):
    ticket = make_ticket(shop)

    response = send(window, ticket, headers=HTMX)

    page = response.content.decode()
    assert response.status_code == 200
    assert 'id="m-2"' in page
    assert 'id="m-1"' not in page
    assert 'name="seen_seq" value="3"' in page
    assert "ecrm:inbox-changed" in response["HX-Trigger"]


def test_send_and_solve(window, shop):
    ticket = make_ticket(shop)

    send(window, ticket, then="solved")

    ticket.refresh_from_db()
    assert ticket.state == "solved"


def test_a_note_is_a_note(window, shop):
    ticket = make_ticket(shop)

    send(window, ticket, kind="note", text="Stammkunde")

    assert ticket.messages.last().kind == "note"
    assert not OutgoingMessage.objects.exists()


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_a_collision_keeps_the_text_and_shows_what_the_colleague_wrote(
    window, shop, colleague, headers
):
    ticket = make_ticket(shop)
    answer(ticket, by=colleague, text="C'est déjà parti.")

    response = send(window, ticket, text="Mon texte à moi", headers=headers)

    page = response.content.decode()
    assert response.status_code == 422
    assert "Mon texte à moi</textarea>" in page
    assert "C&#x27;est déjà parti." in page
    assert "Nothing was sent" in page
    assert 'name="seen_seq" value="3"' in page
    assert OutgoingMessage.objects.count() == 1


def test_after_a_collision_the_answer_can_be_sent_anyway(window, shop, colleague):
    ticket = make_ticket(shop)
    answer(ticket, by=colleague)
    send(window, ticket, seen_seq=1)

    send(window, ticket, seen_seq=3)

    assert OutgoingMessage.objects.count() == 2


@pytest.mark.parametrize("headers", [{}, HTMX])
@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"text": "   "}, "Write something first."),
        ({"client_id": "no-uuid"}, "Enter a valid UUID."),
        ({"text": "x" * 100_001}, "at most 100000 characters"),
        ({"kind": "shout"}, "shout is not one of the available choices"),
    ],
)
def test_a_faulty_form_is_told_and_keeps_the_text(window, shop, headers, fields, told):
    ticket = make_ticket(shop)

    response = send(window, ticket, headers=headers, **fields)

    assert response.status_code == 422
    assert told in response.content.decode()
    assert ticket.messages.count() == 1


def test_the_browsers_second_try_sends_nothing_twice(window, shop):
    ticket = make_ticket(shop)
    client_id = uuid.uuid4()

    for _ in range(2):
        assert send(window, ticket, client_id=client_id, headers=HTMX).status_code == 200

    assert OutgoingMessage.objects.count() == 1


def test_a_draft_is_kept_and_found_again(window, shop, agent):
    ticket = make_ticket(shop)
    window.post(
        reverse("contacts:draft-save", args=[ticket.number]),
        {"kind": "note", "text": "Je commen", "seen_seq": 1, "client_id": uuid.uuid4()},
    )

    page = window.get(page_of(ticket)).content.decode()

    assert Draft.objects.get().agent == agent
    assert "Je commen</textarea>" in page
    assert "Draft restored" in page


def test_a_restored_draft_says_that_a_colleague_answered_meanwhile(window, shop, agent, colleague):
    ticket = make_ticket(shop)
    window.post(
        reverse("contacts:draft-save", args=[ticket.number]),
        {"kind": "reply", "text": "Je commen", "seen_seq": 1},
    )
    answer(ticket, by=colleague)

    assert "Bob Keller answered" in window.get(page_of(ticket)).content.decode()


def test_a_faulty_draft_is_refused(window, shop):
    ticket = make_ticket(shop)

    response = window.post(reverse("contacts:draft-save", args=[ticket.number]), {"kind": "x"})

    assert response.status_code == 422


def test_news_are_what_the_page_has_not_shown_yet(window, shop, agent):
    ticket = make_ticket(shop)
    answer(ticket, by=agent)

    news = window.get(
        reverse("contacts:ticket-news", args=[ticket.number]), {"shown": 2}, headers=HTMX
    ).content.decode()

    assert 'id="m-3"' in news
    assert 'id="m-2"' not in news
    assert 'id="delivery-2" hx-swap-oob="true"' in news
    assert 'id="ticket-head" hx-swap-oob="true"' in news


def test_earlier_messages_of_a_long_thread_are_fetched_in_steps(window, shop):
    ticket = make_ticket(shop)
    for n in range(80):
        services.add_note(ticket.pk, text=f"note {n}", by=None)

    page = window.get(page_of(ticket))
    thread = page.context["thread"]
    earlier = window.get(
        reverse("contacts:ticket-earlier", args=[ticket.number]), {"before": thread.earlier_seq}
    )

    shown = [e.message.seq for e in earlier.context["thread"].entries]
    shown += [e.message.seq for e in thread.entries]
    assert shown == list(range(1, 82))
    assert earlier.context["thread"].earlier_seq == 0


@pytest.mark.parametrize(
    ("name", "fields", "column", "value"),
    [
        ("ticket-state", {"state": "solved"}, "state", "solved"),
        ("ticket-snooze", {"choice": "tomorrow"}, "state", "snoozed"),
        ("ticket-snooze", {"until": "2031-01-01T09:00"}, "state", "snoozed"),
        ("ticket-priority", {"priority": "3"}, "priority", 3),
        ("ticket-tags", {"add": "Retour, colis"}, "tags", ["retour", "colis"]),
    ],
)
def test_a_press_changes_the_ticket(window, shop, name, fields, column, value):
    ticket = make_ticket(shop)

    plain = window.post(reverse(f"contacts:{name}", args=[ticket.number]), fields)

    ticket.refresh_from_db()
    assert plain.status_code == 302
    assert getattr(ticket, column) == value


def test_taking_and_assigning(window, shop, agent, colleague):
    ticket = make_ticket(shop)

    taken = window.post(reverse("contacts:ticket-take", args=[ticket.number]), headers=HTMX)
    assert "Alice Roux took this" in taken.content.decode()
    window.post(reverse("contacts:ticket-assign", args=[ticket.number]), {"to": colleague.pk})
    ticket.refresh_from_db()
    assert ticket.assignee == colleague
    window.post(reverse("contacts:ticket-assign", args=[ticket.number]), {"to": ""})
    ticket.refresh_from_db()
    assert ticket.assignee is None


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("ticket-state", {"state": "new"}),
        ("ticket-state", {}),
        ("ticket-snooze", {}),
        ("ticket-snooze", {"until": "1999-01-01T09:00"}),
        ("ticket-priority", {"priority": "9"}),
        ("ticket-assign", {"to": "999999"}),
    ],
)
def test_a_refused_press_says_why_and_changes_nothing(window, shop, name, fields):
    ticket = make_ticket(shop)
    url = reverse(f"contacts:{name}", args=[ticket.number])

    by_htmx = window.post(url, fields, headers=HTMX)
    plain = window.post(url, fields, follow=True)

    assert triggers(by_htmx)["ecrm:toast"]["level"] == "error"
    assert "ec-toast-error" in plain.content.decode()
    ticket.refresh_from_db()
    assert ticket.state == "new"


def test_many_are_solved_with_a_way_back(window, shop):
    tickets = [make_ticket(shop) for _ in range(3)]

    response = window.post(
        reverse("contacts:bulk-change"),
        {"action": "solve", "selected": [t.number for t in tickets]},
        headers=HTMX,
    )
    toast = triggers(response)["ecrm:toast"]
    solved = Ticket.objects.filter(state="solved").count()
    undone = window.post(toast["undo"]["url"], headers=HTMX)

    assert (response.status_code, solved) == (204, 3)
    assert toast["text"] == "3 requests changed."
    assert "3 requests are as before." in triggers(undone)["ecrm:toast"]["text"]
    assert not Ticket.objects.filter(state="solved").exists()
    again = window.post(toast["undo"]["url"], headers=HTMX)
    assert triggers(again)["ecrm:toast"]["level"] == "error"


def test_a_bulk_action_without_javascript_returns_to_its_list_and_nowhere_else(window, shop):
    ticket = make_ticket(shop)
    fields = {"action": "take", "selected": ticket.number}

    home = window.post(reverse("contacts:bulk-change"), fields | {"back": "/inbox/?view=open"})
    away = window.post(reverse("contacts:bulk-change"), fields | {"back": "https://evil.example"})

    assert home["Location"] == "/inbox/?view=open"
    assert away["Location"] == reverse("contacts:inbox")


@pytest.mark.parametrize(
    "fields", [{"action": "solve"}, {"action": "explode", "selected": "1"}, {}]
)
def test_a_bulk_action_on_nothing_is_told(window, fields):
    response = window.post(reverse("contacts:bulk-change"), fields, headers=HTMX)

    assert triggers(response)["ecrm:toast"]["level"] == "error"


# --- Who may ---------------------------------------------------------------------------------------


def actions(ticket):
    """Every address that changes this ticket, with a valid form."""
    number = [ticket.number]
    return [
        (reverse("contacts:message-add", args=number), {"kind": "note", "text": "x", "seen_seq": 1,
                                                        "client_id": uuid.uuid4()}),
        (reverse("contacts:draft-save", args=number), {"kind": "note", "text": "x", "seen_seq": 1}),
        (reverse("contacts:ticket-state", args=number), {"state": "solved"}),
        (reverse("contacts:ticket-snooze", args=number), {"choice": "tomorrow"}),
        (reverse("contacts:ticket-assign", args=number), {"to": ""}),
        (reverse("contacts:ticket-take", args=number), {}),
        (reverse("contacts:ticket-priority", args=number), {"priority": 4}),
        (reverse("contacts:ticket-tags", args=number), {"add": "x"}),
    ]  # fmt: skip


def test_a_stranger_finds_no_ticket_of_another_shop(shop, stranger):
    ticket = make_ticket(shop, subject="Geheim")
    window = signed_in(stranger)

    assert window.get(page_of(ticket)).status_code == 404
    for name in ("ticket-news", "ticket-earlier"):
        assert window.get(reverse(f"contacts:{name}", args=[ticket.number])).status_code == 404
    for url, fields in actions(ticket):
        assert window.post(url, fields).status_code == 404
    for query in ({"view": "all"}, {"q": "gehei"}, {"q": str(ticket.number)}):
        assert "Geheim" not in window.get(reverse("contacts:inbox"), query).content.decode()
    ticket.refresh_from_db()
    assert (ticket.state, ticket.last_seq) == ("new", 1)


def test_a_stranger_changes_nothing_in_bulk(shop, stranger):
    ticket = make_ticket(shop)

    signed_in(stranger).post(
        reverse("contacts:bulk-change"), {"action": "solve", "selected": ticket.number}
    )

    ticket.refresh_from_db()
    assert ticket.state == "new"


def test_a_viewer_reads_and_answers_nobody(shop, viewer):
    ticket = make_ticket(shop)
    window = signed_in(viewer)

    page = window.get(page_of(ticket))

    assert page.status_code == 200
    assert "data-ecrm-composer" not in page.content.decode()
    for url, fields in actions(ticket):
        assert window.post(url, fields).status_code == 403


def test_an_agent_who_answers_in_one_shop_only_reads_in_the_other(shop):
    other = ShopFactory()
    agent = AgentFactory(role="support", shop=shop)
    from company import services as company

    company.grant_role(agent.pk, role_key="viewer", shop_id=other.pk, by=None)
    ticket = make_ticket(other)
    window = signed_in(agent)

    assert window.get(page_of(ticket)).status_code == 200
    for url, fields in actions(ticket):
        assert window.post(url, fields).status_code == 403
    window.post(reverse("contacts:bulk-change"), {"action": "solve", "selected": ticket.number})
    ticket.refresh_from_db()
    assert ticket.state == "new"


def test_other_tickets_of_the_customer_stay_within_the_agents_shops(window, shop):
    ticket = make_ticket(shop)
    elsewhere = make_ticket(ShopFactory(), profile=ticket.profile, subject="Geheim")

    page = window.get(page_of(ticket)).content.decode()

    assert "Geheim" not in page
    assert f"#{elsewhere.number}" not in page


def test_nothing_changes_by_get(window, shop):
    ticket = make_ticket(shop)

    for url, _fields in actions(ticket):
        assert window.get(url).status_code == 405


def test_without_a_csrf_token_nothing_is_sent(shop, agent):
    ticket = make_ticket(shop)
    window = Client(enforce_csrf_checks=True)
    window.force_login(agent)

    assert send(window, ticket).status_code == 403
    assert ticket.messages.count() == 1


# --- What it costs ---------------------------------------------------------------------------------


def test_a_list_costs_the_same_for_one_ticket_and_for_many(
    window, shop, agent, assert_flat_queries
):
    url = reverse("contacts:inbox") + "?view=all"

    assert_flat_queries(
        lambda: window.get(url, headers={**HTMX, "HX-Target": "ticket-list"}),
        add_rows=lambda: make_ticket(shop, assignee=AgentFactory(role="support", shop=shop)),
        budget=7,
    )


def test_a_thread_costs_the_same_for_one_answer_and_for_many(
    window, shop, agent, assert_flat_queries
):
    ticket = make_ticket(shop)
    url = page_of(ticket)

    assert_flat_queries(
        lambda: window.get(url, headers={**HTMX, "HX-Target": "ticket"}),
        add_rows=lambda: answer(ticket, by=agent),
        budget=17,
    )
