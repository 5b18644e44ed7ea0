from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from demo.rules.people import Crowd, plain
from demo.rules.seasons import Calendar
from demo.rules.shopping import purchases
from demo.rules.talking import talks
from demo.services.texts import the_brand
from orders import services as orders

TODAY = datetime(2026, 3, 3, 15, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def people():
    return Crowd(the_brand(), 1).slice(0, 120)


@pytest.fixture(scope="module")
def bought(people):
    return purchases(the_brand(), people, 400, chapter=0, calendar=Calendar(TODAY), seed=1)


def spoken(people, bought, *, seed=1):
    return talks(the_brand(), people, bought, 40, chapter=0, today=TODAY, seed=seed)


def test_the_same_seed_makes_the_same_people_orders_and_words(people, bought):
    again = Crowd(the_brand(), 1).slice(0, 120)

    assert again == people
    assert purchases(the_brand(), again, 400, chapter=0, calendar=Calendar(TODAY), seed=1) == bought
    assert spoken(again, bought) == spoken(people, bought)


def test_another_seed_makes_other_people(people):
    assert Crowd(the_brand(), 2).slice(0, 120) != people


def test_the_nth_person_does_not_depend_on_who_was_asked_for_before(people):
    assert Crowd(the_brand(), 1).slice(70, 10) == people[70:80]


def test_no_two_people_share_an_address():
    crowd = Crowd(the_brand(), 1).slice(0, 3000)

    assert len({person.email for person in crowd}) == 3000
    phones = [person.phone for person in crowd if person.phone]
    assert len(set(phones)) == len(phones)


def test_every_address_ends_where_no_mail_can_arrive(people):
    assert all(person.email.endswith(".example") for person in people)
    assert all(shop.support_email.endswith(".example") for shop in the_brand().shops)


def test_names_become_plain_addresses():
    assert plain("Élodie Da Silva") == "elodie-da-silva"
    assert plain("Groß") == "gross"
    assert plain("Yılmaz") == "yilmaz"


def test_every_order_is_a_document_the_product_takes_and_that_adds_up(bought):
    for purchase in bought:
        for step in purchase.steps:
            document = orders.read_document(step.document, external_id=purchase.external_id)
            assert document.mismatches == ()
            assert document.status == step.status


def test_nothing_happens_in_the_future(people, bought):
    assert all(step.at <= TODAY for purchase in bought for step in purchase.steps)
    assert all(word.at <= TODAY for talk in spoken(people, bought) for word in talk.words)


def test_orders_go_back_two_years_and_reach_into_today(bought):
    oldest, newest = bought[0].placed_at, bought[-1].placed_at

    assert oldest < TODAY - timedelta(days=500)
    assert newest > TODAY - timedelta(hours=9)


def test_december_sells_more_than_february(people):
    many = purchases(the_brand(), people, 4000, chapter=0, calendar=Calendar(TODAY), seed=1)
    by_month = dict.fromkeys(range(1, 13), 0)
    for purchase in many:
        if purchase.placed_at < datetime(2026, 1, 1, tzinfo=UTC):
            by_month[purchase.placed_at.month] += 1

    assert by_month[12] > 1.5 * by_month[2]


def test_some_orders_are_given_back_and_some_given_up(bought):
    states = {purchase.status for purchase in bought}

    assert {"cancelled", "refunded", "completed"} <= states
    assert all(isinstance(purchase.total, Decimal) for purchase in bought)


def test_whoever_spoke_last_decides_who_waits(people, bought):
    for talk in spoken(people, bought):
        states = [ending.state for ending in talk.endings]
        assert states in ([], ["snoozed"], ["solved"], ["solved", "closed"])
        assert all(ending.at >= talk.words[-1].at for ending in talk.endings)


def test_texts_are_filled_in_completely(people, bought):
    for talk in spoken(people, bought):
        for text in (talk.subject, *(word.text for word in talk.words)):
            assert "{" not in text
            assert "}" not in text


def test_german_customers_read_german_spelling_and_swiss_customers_swiss(people, bought):
    for talk in spoken(people, bought):
        text = " ".join(word.text for word in talk.words)
        if talk.person.country == "CH":
            assert "ß" not in text
        if talk.language == "de" and talk.person.country == "DE":
            assert "Grüsse" not in text


def test_germans_read_german_colours_and_swiss_streets_have_their_number_behind(people, bought):
    for purchase in bought:
        names = " ".join(line["name"] for line in purchase.steps[-1].document["lines"])
        if purchase.person.language == "de":
            assert not any(word in names for word in ("écru", "noir", "vert ", "blanc"))
        if purchase.person.country == "CH":
            assert "weiß" not in names
    assert all(person.line1[-1].isdigit() for person in people if person.country != "FR")
    assert all(person.line1[0].isdigit() for person in people if person.country == "FR")


def test_some_customers_wait_for_our_first_word_and_some_talks_are_long(people, bought):
    said = talks(the_brand(), people, bought, 300, chapter=0, today=TODAY, seed=1)
    unanswered = [talk for talk in said if all(word.who != "agent" for word in talk.words)]

    assert any(TODAY - talk.words[0].at > timedelta(hours=24) for talk in unanswered)
    assert any(len(talk.words) >= 10 for talk in said)
    assert any(word.who == "note" for talk in said for word in talk.words)
