"""What customers think of our answers: asked once, kept, added up, and shown."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import time_machine
from django.urls import reverse
from django.utils.timezone import now

from contacts import services
from contacts.models import Rating, RatingPolicy, TicketMessage
from contacts.queries import figures, ratings
from contacts.services import rating as asking
from contacts.web import moods
from ecrm.kernel import loops
from ecrm.kernel.models import EventRecord
from messaging.models import OutgoingMessage
from profiles import queries as profiles
from profiles import services as profile_services
from profiles.models import RequestFigures
from profiles.queries import predictions
from profiles.rules import mood
from profiles.services import standings
from tests.company.factories import AgentFactory, ShopFactory, api_key
from tests.contacts.factories import answer, make_ticket
from tests.profiles.segment_world import full_set


@pytest.fixture
def asking_shop(shop):
    services.set_asking(shop.pk, is_asking=True, by=None)
    return shop


def answered(shop, agent, **values):
    """A ticket which an agent answered and solved; nobody was asked yet."""
    ticket = make_ticket(shop, **values)
    answer(ticket, by=agent, then="solved")
    ticket.refresh_from_db()
    return ticket


def rated(shop, agent, score, **values):
    """A ticket whose customer gave this score."""
    ticket = answered(shop, agent, **values)
    return services.rate(services.ask(ticket.pk).pk, score=score)


def page_of(rating):
    return reverse("contacts-public:rating", args=[ratings.token_of(rating.pk)])


# --- Asking ---------------------------------------------------------------------------------------


def test_who_got_an_answer_is_asked_by_mail_when_his_request_is_solved(asking_shop, agent):
    answered(asking_shop, agent, language="fr", subject="Bougie cassée")

    loops.run_until_idle("relay")

    question = Rating.objects.get()
    message = OutgoingMessage.objects.get(template="contacts/email/rating")
    assert (message.language, message.purpose, message.is_automatic) == ("fr", "service", True)
    for words in (message.text, message.html):
        links = re.findall(r"/rating/([^/]+)/\?score=(\d)", words)
        assert {int(score) for _token, score in links} == {1, 2, 3, 4, 5}
        assert {ratings.question(token).rating_id for token, _score in links} == {question.pk}
    assert question.score is None


def test_a_shop_asks_nobody_until_somebody_says_so(shop, agent):
    answered(shop, agent)

    loops.run_until_idle("relay")

    assert not Rating.objects.exists()
    assert not OutgoingMessage.objects.filter(template="contacts/email/rating").exists()


def test_a_ticket_asks_once_however_often_it_is_solved(asking_shop, agent):
    ticket = answered(asking_shop, agent)
    services.ask(ticket.pk)
    services.add_customer_message(ticket.pk, text="Encore une question.")
    services.change_state(ticket.pk, to="solved", by=agent)

    assert services.ask(ticket.pk) is None
    assert OutgoingMessage.objects.filter(template="contacts/email/rating").count() == 1


def test_nobody_is_asked_about_what_nobody_answered(asking_shop, agent):
    unanswered = make_ticket(asking_shop, state="solved")
    without_address = make_ticket(asking_shop, reply_to="")
    services.add_note(without_address.pk, text="Appelé.", by=agent)
    services.change_state(without_address.pk, to="solved", by=agent)
    reopened = answered(asking_shop, agent)
    services.add_customer_message(reopened.pk, text="Non, attendez.")

    asked = [services.ask(ticket.pk) for ticket in (unanswered, without_address, reopened)]

    assert asked == [None, None, None]
    assert not Rating.objects.exists()


def test_an_address_that_takes_no_mail_leaves_no_question(asking_shop, agent):
    ticket = answered(asking_shop, agent)
    type(ticket).objects.filter(pk=ticket.pk).update(reply_to="two@one.example, three@x")

    assert services.ask(ticket.pk) is None
    assert not Rating.objects.exists()


def test_a_written_answer_to_the_question_joins_the_ticket(asking_shop, agent):
    ticket = answered(asking_shop, agent)
    services.ask(ticket.pk)

    message = OutgoingMessage.objects.get(template="contacts/email/rating")

    assert message.about == ticket.topic


# --- Answering ------------------------------------------------------------------------------------


def test_the_page_keeps_the_score_and_the_words(client, asking_shop, agent):
    ticket = answered(asking_shop, agent, language="en")
    rating = services.ask(ticket.pk)

    sent = client.post(page_of(rating), {"score": "4", "comment": "Rapide."}, follow=True)

    rating.refresh_from_db()
    assert (rating.score, rating.comment) == (4, "Rapide.")
    assert rating.rated_at is not None
    assert "Thank you" in sent.content.decode()
    line = TicketMessage.objects.get(ticket=ticket, kind="system", change__what="rated")
    assert (line.change["score"], line.text) == (4, "Rapide.")


def test_opening_the_link_chooses_and_keeps_nothing(client, asking_shop, agent):
    rating = services.ask(answered(asking_shop, agent).pk)

    page = client.get(page_of(rating) + "?score=2").content.decode()

    rating.refresh_from_db()
    assert rating.score is None
    assert 'value="2" required checked' in page
    assert not EventRecord.objects.filter(name="contacts.ticket-rated").exists()


def test_the_page_speaks_the_customers_language(client, asking_shop, agent):
    rating = services.ask(answered(asking_shop, agent, language="fr").pk)

    assert '<html lang="fr"' in client.get(page_of(rating)).content.decode()


@pytest.mark.parametrize("token", ["gone", "Mg:1abc:xyz"])
def test_a_false_link_shows_nothing(client, db, token):
    page = client.get(reverse("contacts-public:rating", args=[token]))

    assert page.status_code == 404
    assert "no longer valid" in page.content.decode()


def test_a_link_lives_for_three_months(client, asking_shop, agent, time_machine):
    rating = services.ask(answered(asking_shop, agent).pk)
    address = page_of(rating)

    time_machine.move_to(now() + ratings.LINK_LIVES + timedelta(minutes=1))

    assert client.get(address).status_code == 404


@pytest.mark.parametrize("score", ["", "0", "6", "five", "²"])
def test_what_is_no_face_is_refused_and_the_words_are_kept(client, asking_shop, agent, score):
    rating = services.ask(answered(asking_shop, agent).pk)

    page = client.post(page_of(rating), {"score": score, "comment": "Un mot."})

    rating.refresh_from_db()
    assert page.status_code == 422
    assert "Un mot." in page.content.decode()
    assert rating.score is None


def test_a_comment_has_an_end(asking_shop, agent):
    rating = services.ask(answered(asking_shop, agent).pk)

    with pytest.raises(asking.UnusableRating):
        services.rate(rating.pk, score=3, comment="x" * 2001)


@time_machine.travel("2026-03-02T09:00:15Z", tick=False)
def test_who_asks_too_often_waits(client, asking_shop, agent):
    address = page_of(services.ask(answered(asking_shop, agent).pk))

    answers = {client.get(address).status_code for _try in range(61)}

    assert answers == {200, 429}


# --- What it adds up to ---------------------------------------------------------------------------


def test_a_later_answer_takes_the_place_of_the_earlier_one(asking_shop, agent):
    rating = rated(asking_shop, agent, 2)
    services.rate(rating.pk, score=5, comment="Finalement, tout est bien.")

    kept = RequestFigures.objects.get()
    assert (kept.ratings_count, kept.ratings_sum) == (1, 5)
    assert figures.differing() == set()


def test_the_same_answer_again_changes_nothing(asking_shop, agent):
    rating = rated(asking_shop, agent, 4)
    facts = EventRecord.objects.count()

    services.rate(rating.pk, score=4)

    assert EventRecord.objects.count() == facts
    assert RequestFigures.objects.get().ratings_sum == 4


def test_the_average_stands_in_the_api_and_on_the_page(client, asking_shop, agent):
    first = rated(asking_shop, agent, 2)
    profile = first.ticket.profile
    rated(asking_shop, agent, 5, profile=profile)
    _, plain = api_key(asking_shop, "profiles:read")

    found = client.get(
        f"/api/v1/profiles/{profile.pk}", headers={"Authorization": f"Bearer {plain}"}
    ).json()

    assert (found["ratings_count"], found["satisfaction"]) == (2, 3.5)
    assert moods.satisfaction(profile.pk, frozenset([asking_shop.pk])).figure == "3.5 / 5"
    assert moods.satisfaction(profile.pk, frozenset([ShopFactory().pk])) is None


def test_the_night_finds_a_wrong_sum_and_repairs_it(asking_shop, agent):
    rating = rated(asking_shop, agent, 3)
    RequestFigures.objects.update(ratings_sum=5)

    found = {check.source: check.examples for check in standings.check_figures()}

    assert found["requests"] == [rating.ticket.profile_id]
    assert RequestFigures.objects.get().ratings_sum == 3


def test_a_merge_adds_ratings_up_and_its_undo_parts_them(asking_shop, agent):
    one, other = rated(asking_shop, agent, 5), rated(asking_shop, agent, 2)
    survivor_id, merged_id = one.ticket.profile_id, other.ticket.profile_id

    merge = profile_services.merge(merged_id, into=survivor_id, by=None)
    together = predictions.requests(survivor_id, shop_ids=[asking_shop.pk])
    services.rate(other.pk, score=4)
    profile_services.undo_merge(merge.pk, by=None)

    assert (together.ratings_count, together.ratings_sum) == (2, 7)
    assert predictions.requests(survivor_id, shop_ids=[asking_shop.pk]).satisfaction == 5
    assert predictions.requests(merged_id, shop_ids=[asking_shop.pk]).satisfaction == 4
    assert figures.differing() == set()


# --- What others see ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("score", "feeling"),
    [(1, mood.UNHAPPY), (2, mood.UNHAPPY), (3, mood.UNKNOWN), (4, mood.HAPPY), (5, mood.HAPPY)],
)
def test_a_fresh_rating_is_a_signal_of_the_mood(asking_shop, agent, score, feeling):
    rating = rated(asking_shop, agent, score)

    signals = moods.about_rating(rating.ticket.profile_id, frozenset([asking_shop.pk]))

    assert mood.mood_of((s.mood.value, s.about_last_order) for s in signals) == feeling


def test_an_old_rating_says_nothing_of_today(asking_shop, agent):
    rating = rated(asking_shop, agent, 1)
    Rating.objects.update(rated_at=now() - timedelta(days=91))

    assert moods.about_rating(rating.ticket.profile_id, frozenset([asking_shop.pk])) == ()


def test_the_timeline_tells_ratings_and_the_comment_that_stands(asking_shop, agent):
    rating = rated(asking_shop, agent, 2, subject="Bougie cassée")
    services.rate(rating.pk, score=5, comment="Merci !")

    entries = [
        (entry.title, entry.detail)
        for entry in profiles.timeline(rating.ticket.profile_id)
        if entry.name == "contacts.ticket-rated"
    ]

    assert entries == [
        ("Rated 5 of 5: Bougie cassée", "Merci !"),
        ("Rated 2 of 5: Bougie cassée", ""),
    ]


def test_the_thread_says_it_in_words(client, asking_shop, agent):
    rating = rated(asking_shop, agent, 5)
    services.rate(rating.pk, score=4, comment="Un peu long.")
    client.force_login(agent, backend="company.adapters.backends.AgentBackend")

    page = client.get(reverse("contacts:ticket", args=[rating.ticket.number]) + "?view=all")

    assert "The customer rated this: 4 of 5" in page.content.decode()
    assert "Un peu long." in page.content.decode()


# --- The switch -----------------------------------------------------------------------------------


def test_who_looks_after_a_shop_switches_it_on_and_the_audit_log_keeps_it(client, shop):
    manager = AgentFactory(role="manager", shop=shop)
    client.force_login(manager, backend="company.adapters.backends.AgentBackend")

    page = client.post(
        reverse("contacts:rating-policy-set", args=[shop.pk]), {"is_asking": "1"}, follow=True
    )

    assert "Asks its customers" in page.content.decode()
    assert ratings.asking_shops([shop.pk]) == {shop.pk}


def test_an_agent_of_another_shop_switches_nothing(shop, stranger):
    with pytest.raises(asking.NotYourShop):
        services.set_asking(shop.pk, is_asking=True, by=stranger)

    assert not RatingPolicy.objects.exists()


def test_segments_ask_for_the_average(asking_shop, agent):
    content, angry = rated(asking_shop, agent, 5), rated(asking_shop, agent, 2)
    make_ticket(asking_shop)
    document = {"criterion": "contacts.satisfaction", "operator": "at_most", "value": 3}

    found = full_set(document, at=now(), shop_id=asking_shop.pk)

    assert found == {angry.ticket.profile_id}
    assert content.ticket.profile_id not in found
