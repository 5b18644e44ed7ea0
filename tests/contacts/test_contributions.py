"""What the contact centre adds elsewhere: rail, home, palette, customers' pages, live topics."""

from __future__ import annotations

import pytest

from backoffice import extensions as frame
from contacts import permissions, services
from contacts.web import contributions
from profiles import queries as profiles
from tests.company.factories import AgentFactory, ShopFactory
from tests.contacts.factories import answer, make_ticket


def test_the_rail_counts_what_waits_for_me_or_for_anybody(shop, agent, colleague):
    make_ticket(shop)
    make_ticket(shop, assignee=agent)
    make_ticket(shop, assignee=colleague)
    make_ticket(shop, state="waiting")
    make_ticket(ShopFactory())

    assert frame.navigation.get("inbox").counter(agent) == 2


def test_home_shows_what_waits_and_nothing_when_nobody_does(shop, agent):
    mine, team = frame.home.get("contacts.mine"), frame.home.get("contacts.team")
    assert (mine.load(agent), team.load(agent)) == ({}, {})
    own = make_ticket(shop, assignee=agent)
    free = make_ticket(shop)

    assert mine.load(agent)["tickets"] == [own]
    assert team.load(agent)["tickets"] == [free]
    assert team.load(agent)["count"] == 1


def test_the_palette_finds_requests_of_the_agents_shops_only(shop, agent, stranger):
    ticket = make_ticket(shop, subject="Bougie cassée")
    search = frame.search.get("requests").search

    assert [hit.title for hit in search(agent, "bougie")] == ["Bougie cassée"]
    assert [hit.title for hit in search(agent, str(ticket.number))] == ["Bougie cassée"]
    assert search(stranger, "bougie") == []


def test_the_customers_page_shows_his_requests_of_the_agents_shops(shop, agent, stranger):
    ticket = make_ticket(shop)

    assert contributions._requests_of(ticket.profile_id, agent)["tickets"] == [ticket]
    assert contributions._requests_of(ticket.profile_id, stranger) == {}


def test_the_timeline_tells_a_request_in_words(shop, agent):
    ticket = make_ticket(shop, subject="Bougie cassée")
    answer(ticket, by=agent, text="Nous la remplaçons.")
    services.add_customer_message(ticket.pk, text="Merci beaucoup !")
    services.add_note(ticket.pk, text="hidden from the timeline", by=agent)
    services.change_state(ticket.pk, to="solved", by=agent)

    entries = [e for e in profiles.timeline(ticket.profile_id) if e.kind == "requests"]

    assert [entry.title for entry in entries] == [
        "Request solved: Bougie cassée",
        "Customer wrote: Bougie cassée",
        "Alice Roux answered: Bougie cassée",
        "New request: Bougie cassée",
    ]
    assert [entry.detail for entry in entries] == [
        "",
        "Merci beaucoup !",
        "Nous la remplaçons.",
        "Bonjour, je n'ai rien reçu.",
    ]


def test_the_timeline_costs_the_same_for_one_request_and_for_many(shop, agent, assert_flat_queries):
    profile = make_ticket(shop).profile

    def add():
        answer(make_ticket(shop, profile=profile), by=agent, then="solved")

    assert_flat_queries(lambda: profiles.timeline(profile.pk), add_rows=add, budget=7)


@pytest.mark.parametrize("topic", ["ticket:x", "ticket:", "ticket:999999", "ticket:²"])
def test_nobody_follows_a_ticket_that_is_none(agent, topic):
    assert not permissions.may_follow_ticket(agent, topic)


def test_only_those_who_may_read_follow(shop, agent, stranger):
    ticket = make_ticket(shop)

    assert permissions.may_follow_ticket(agent, f"ticket:{ticket.pk}")
    assert not permissions.may_follow_ticket(stranger, f"ticket:{ticket.pk}")
    assert permissions.may_follow_shop(agent, f"tickets:shop:{shop.pk}")
    assert not permissions.may_follow_shop(stranger, f"tickets:shop:{shop.pk}")
    assert not permissions.may_follow_shop(agent, "tickets:shop:x")


def test_an_agent_without_role_sees_nothing(shop):
    nobody = AgentFactory()
    make_ticket(shop)

    assert frame.navigation.get("inbox").counter(nobody) == 0
