"""What customers choose behind the link of a mail."""

from __future__ import annotations

import pytest
from django.conf import settings as django_settings
from django.test import Client
from django.urls import reverse

from messaging.models import MailPace, OutgoingMessage, Suppression, Topic
from messaging.rules import tokens
from messaging.services import preferences, topics
from messaging.services.keys import signing_key
from profiles.models import Consent
from tests.company.factories import AgentFactory, ShopFactory
from tests.messaging.factories import OutgoingMessageFactory
from tests.orders.factories import make_order

pytestmark = pytest.mark.django_db

MARKETING = "email-marketing"


@pytest.fixture
def message():
    shop = ShopFactory(default_language="fr", languages=["fr", "en", "de"])
    order = make_order(shop, customer={"email": "zoe@example.org", "accepts_marketing": True})
    return OutgoingMessageFactory(
        shop=shop, profile_id=order.profile_id, recipient="zoe@example.org", purpose="marketing"
    )


@pytest.fixture
def client() -> Client:
    return Client(enforce_csrf_checks=True)


def _url(message, name="preferences"):
    token = tokens.token(message.uuid, use="unsubscribe", key=signing_key())
    return reverse(f"messaging-public:{name}", args=[token])


def _stands(message):
    token = tokens.token(message.uuid, use="unsubscribe", key=signing_key())
    return {c.matter.key: c.is_granted for c in preferences.choices(preferences.recipient(token))}


@pytest.mark.parametrize("name", ["preferences", "unsubscribe"])
def test_opening_a_link_changes_nothing(client, message, name):
    entries = Consent.objects.count()

    page = client.get(_url(message, name))
    client.head(_url(message, name))

    assert page.status_code == 200
    assert Consent.objects.count() == entries
    assert not Suppression.objects.exists()
    assert _stands(message)[MARKETING] is True


def test_one_click_needs_no_cookie_no_token_and_no_redirect(client, message):
    answer = client.post(_url(message, "unsubscribe"), {"List-Unsubscribe": "One-Click"})

    entry = Consent.objects.latest("pk")
    spared = Suppression.objects.get()
    assert (answer.status_code, answer.cookies) == (200, {})
    assert (entry.answer, entry.source, entry.address) == (
        "withdrawn",
        "one-click",
        "zoe@example.org",
    )
    assert (entry.wording.version, entry.ip) == (preferences.VERSION, "127.0.0.1")
    assert (spared.address, spared.scope, spared.shop, spared.message) == (
        "zoe@example.org",
        "marketing",
        message.shop,
        message,
    )


def test_the_same_click_again_leaves_one_entry(client, message):
    client.post(_url(message, "unsubscribe"))
    entries = Consent.objects.count()

    client.post(_url(message, "unsubscribe"))

    assert Consent.objects.count() == entries
    assert Suppression.objects.count() == 1


def test_a_link_of_a_former_key_stays_good(client, message, settings):
    url = _url(message, "unsubscribe")
    settings.SECRET_KEY_FALLBACKS = [django_settings.SECRET_KEY]
    settings.SECRET_KEY = "another-key-another-key-another-key-another-key-another"

    assert client.post(url).status_code == 200
    assert Suppression.objects.exists()


@pytest.mark.parametrize("token", ["gone", "u" + "a" * 42])
def test_a_false_link_changes_nothing_and_tells_nothing(client, token):
    for name in ("preferences", "unsubscribe"):
        answer = client.post(reverse(f"messaging-public:{name}", args=[token]))
        assert answer.status_code == 404

    assert not Suppression.objects.exists()


@pytest.mark.parametrize("name", ["preferences", "unsubscribe"])
def test_the_link_of_somebody_who_was_forgotten_says_that_he_gets_nothing(client, message, name):
    url = _url(message, name)
    OutgoingMessage.objects.filter(pk=message.pk).update(recipient="")

    answers = [client.post(url), client.get(url)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert all(b"no more mails" in answer.content for answer in answers)


def test_a_customer_chooses_and_changes_his_mind(client, message):
    client.post(_url(message), {"email-open_tracking": "1"})
    first = _stands(message)
    client.post(_url(message), {MARKETING: "1"})

    assert (first[MARKETING], first["email-open_tracking"]) == (False, True)
    assert _stands(message)[MARKETING] is True
    assert not Suppression.objects.filter(lifted_at=None).exists()


def test_what_stays_as_it_was_leaves_no_entry(client, message):
    entries = Consent.objects.count()

    client.post(_url(message), {MARKETING: "1"})

    assert Consent.objects.count() == entries


def test_stopping_everything_stops_everything(client, message):
    client.post(_url(message), {"sms-marketing": "1", MARKETING: "1"})

    client.post(_url(message), {"sms-marketing": "1", MARKETING: "1", "nothing": "1"})

    assert not any(_stands(message).values())


def test_an_address_without_a_customer_can_still_be_spared(client):
    message = OutgoingMessageFactory(purpose="marketing", recipient="nobody@example.org")

    client.post(_url(message, "unsubscribe"))

    assert Suppression.objects.get().address == "nobody@example.org"
    assert not Consent.objects.exists()


@pytest.mark.parametrize(
    ("language", "words"),
    [("fr", "Ce que vous recevez"), ("de", "Was Sie erhalten"), ("en", "What you receive")],
)
def test_the_page_speaks_the_customer_s_language(client, message, language, words):
    message.language = language
    message.save(update_fields=["language"])

    assert words in client.get(_url(message)).content.decode()


def test_mails_carry_both_links(message):
    links = preferences.links(message)

    assert links.preferences.endswith(_url(message))
    assert links.unsubscribe.endswith(_url(message, "unsubscribe"))


# --- Topics and how often ---------------------------------------------------------------------------


@pytest.fixture
def topic(message):
    return Topic.objects.get(
        pk=topics.add_topic(
            message.shop_id, names={"fr": "Nouveautés", "de": "Neuheiten", "en": "News"}, by=None
        )
    )


def test_a_topic_is_left_and_wanted_again(client, message, topic):
    client.post(_url(message), {MARKETING: "1", "shown": topic.code})
    spared = Suppression.objects.get()
    assert (spared.scope, spared.topic, spared.shop, spared.message) == (
        "topic",
        "nouveautes",
        message.shop,
        message,
    )

    client.post(_url(message), {MARKETING: "1", "shown": topic.code, "topics": topic.code})

    assert not Suppression.objects.filter(lifted_at=None).exists()


def test_a_topic_that_came_up_meanwhile_is_left_alone(client, message, topic):
    client.post(_url(message), {MARKETING: "1"})
    client.post(_url(message), {MARKETING: "1", "shown": "not-a-topic"})

    assert not Suppression.objects.exists()


def test_how_often_is_kept_and_shown(client, message):
    client.post(_url(message), {MARKETING: "1", "days": "30"})
    client.post(_url(message), {MARKETING: "1", "days": "5"})

    page = client.get(_url(message)).content.decode()
    assert MailPace.objects.get().days == 30
    assert 'id="pace-30" name="days" value="30" checked' in page


def test_opening_the_page_chooses_no_topic_and_no_pace(client, message, topic):
    client.get(_url(message))
    client.head(_url(message))

    assert not MailPace.objects.exists()
    assert not Suppression.objects.exists()


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("fr", ["Nouveautés", "Au plus une fois par semaine"]),
        ("de", ["Neuheiten", "Höchstens einmal pro Woche"]),
    ],
)
def test_topics_and_paces_speak_the_customer_s_language(client, message, topic, language, words):
    message.language = language
    message.save(update_fields=["language"])

    page = client.get(_url(message)).content.decode()
    assert all(word in page for word in words)


def test_an_address_without_a_customer_chooses_topics_and_no_pace(client):
    message = OutgoingMessageFactory(purpose="marketing", recipient="nobody@example.org")
    code = Topic.objects.get(
        pk=topics.add_topic(message.shop_id, names={"fr": "Soldes"}, by=None)
    ).code

    client.post(_url(message), {"shown": code, "days": "7"})

    assert Suppression.objects.filter(topic=code).exists()
    assert not MailPace.objects.exists()


# --- Topics of a shop -------------------------------------------------------------------------------


@pytest.fixture
def marketer():
    browser = Client()
    browser.force_login(AgentFactory(role="owner", language="en"))
    return browser


def test_a_marketer_adds_renames_and_puts_topics_away(marketer):
    shop = ShopFactory(default_language="fr", languages=["fr", "en"])

    marketer.post(reverse("messaging:topic-create", args=[shop.pk]), {"name_fr": "Ventes privées"})
    topic = Topic.objects.get()
    marketer.post(
        reverse("messaging:topic-edit", args=[topic.pk]),
        {"name_fr": "Ventes", "name_en": "Sales"},
    )
    marketer.post(reverse("messaging:topic-archive", args=[topic.pk]))

    topic.refresh_from_db()
    assert (topic.code, topic.names) == ("ventes-privees", {"fr": "Ventes", "en": "Sales"})
    assert topic.archived_at is not None
    assert b"Sales" in marketer.get(reverse("messaging:topic-list")).content


def test_a_topic_without_a_name_is_refused(marketer):
    shop = ShopFactory(default_language="fr")

    answer = marketer.post(reverse("messaging:topic-create", args=[shop.pk]), {"name_en": "News"})

    assert answer.status_code == 422
    with pytest.raises(topics.UnusableTopic):
        topics.add_topic(shop.pk, names={"en": "News"}, by=None)


def test_two_topics_of_one_name_have_two_codes(message, topic):
    other = topics.add_topic(message.shop_id, names={"fr": "Nouveautés"}, by=None)

    assert Topic.objects.get(pk=other).code == "nouveautes-2"
