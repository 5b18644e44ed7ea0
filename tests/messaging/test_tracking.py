"""Openings and clicks: noted with consent only, told apart from programs, never an open door."""

from __future__ import annotations

from datetime import timedelta
from email import message_from_bytes, policy

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.timezone import now

from messaging.mime import following
from messaging.models import Hit, Link, OutgoingMessage
from messaging.rules import hits as rules
from messaging.rules import tokens
from messaging.rules.mail_rules import ShopRules
from messaging.services import hits, mail_rules, mailings
from messaging.services.keys import signing_key
from messaging.services.mailings import MassRecipient
from profiles import services as profiles
from profiles.models import Activity, Profile
from profiles.services import consents, erasing
from tests.company.factories import AgentFactory, ShopFactory
from tests.messaging.factories import LinkFactory, OutgoingMessageFactory
from tests.orders.factories import make_order

pytestmark = pytest.mark.django_db

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
PERSON = {
    "user-agent": FIREFOX,
    "accept-language": "fr",
    "sec-fetch-mode": "navigate",
}
HTML = (
    '<html><body><p>Bonjour {{ first_name }}</p><a href="https://shop.example/robe?a=1&amp;b=2">robe</a>'
    '<a href="{{ link }}">pour vous</a> <a href="mailto:a@b.example">écrire</a></body></html>'
)


@pytest.fixture
def shop():
    return ShopFactory(market="DE", languages=["de"], default_language="de")


def customer(shop, email="zoe@example.org", *, allows_opens=True):
    order = make_order(shop, customer={"email": email, "accepts_marketing": True})
    if allows_opens:
        answer(order.profile_id, shop, "granted")
    return order.profile_id


def answer(profile_id, shop, given):
    consents.record(
        profile_id,
        shop_id=shop.pk,
        channel="email",
        purpose="open_tracking",
        answer=given,
        evidence=consents.Evidence(source="preferences"),
    )


def queue(shop, profile_id, **options):
    wording = mailings.keep_wording(
        shop_id=shop.pk, language="de", subject="Neu", html_source=options.pop("html", HTML)
    )
    mailings.queue_many(
        wording,
        recipients=[
            MassRecipient(
                to="zoe@example.org",
                profile_id=profile_id,
                data={"first_name": "Zoé", "link": "https://shop.example/zoe?x=1&y=2", **options},
                dedupe_key=f"campaign:1:{profile_id}",
            )
        ],
    )
    return OutgoingMessage.objects.get(dedupe_key=f"campaign:1:{profile_id}")


def sent_html(smtp):
    mail = message_from_bytes(smtp.sink.accepted[-1].raw, policy=policy.default)
    return mail.get_body(("html",)).get_content()


def send(sender):
    while sender.send_due():
        pass


def token_of(message):
    return tokens.token(message.uuid, use="track", key=signing_key())


def follow(message, number=1, *, at=None, headers=PERSON, method="GET"):
    return hits.follow(
        token_of(message), number=number, method=method, headers=headers, at=at or now()
    )


def opened(message, *, at=None, headers=PERSON):
    hits.note_opening(token_of(message), method="GET", headers=headers, at=at or now())


def kinds(message):
    return sorted(Hit.objects.filter(message=message).values_list("number", "source"))


# --- What leaves ----------------------------------------------------------------------------------


def test_links_of_a_mass_mail_lead_through_us_and_on_to_where_they_led(shop, mass_sender, smtp):
    message = queue(shop, customer(shop))

    send(mass_sender)

    html, way = sent_html(smtp), f"/t/{token_of(message)}/"
    assert f'{way}1/"' in html
    assert f'{way}2/"' in html
    assert 'href="mailto:a@b.example"' in html
    assert "https://shop.example" not in html
    assert follow(message, 1) == "https://shop.example/robe?a=1&b=2"
    assert follow(message, 2) == "https://shop.example/zoe?x=1&y=2"
    assert follow(message, 3) is None
    assert Link.objects.count() == 2, "one row for a thousand personal links"


def test_the_picture_is_there_for_those_only_who_allow_it(shop, mass_sender, smtp):
    message = queue(shop, customer(shop))
    send(mass_sender)
    with_picture = sent_html(smtp)
    other = queue(shop, customer(shop, "paul@example.org", allows_opens=False))
    send(mass_sender)

    message.refresh_from_db()
    other.refresh_from_db()
    assert f'/t/{token_of(message)}/" width="1"' in with_picture
    assert with_picture.index('width="1"') < with_picture.index("</body>")
    assert 'width="1"' not in sent_html(smtp)
    assert (message.noted, other.noted) == (rules.CLICKS | rules.OPENS, rules.CLICKS)


def test_what_was_withdrawn_before_the_mail_leaves_counts(shop, mass_sender, smtp):
    profile_id = customer(shop)
    queue(shop, profile_id)
    answer(profile_id, shop, "withdrawn")

    send(mass_sender)

    assert 'width="1"' not in sent_html(smtp)


def test_shops_in_france_note_openings_only_when_they_say_so(mass_sender, smtp):
    shop = ShopFactory(market="FR")
    profile_id = customer(shop)
    queue(shop, profile_id)
    send(mass_sender)
    assert 'width="1"' not in sent_html(smtp)

    mail_rules.save_rules(shop.pk, rules=ShopRules(tracks_opens=True), by=None)
    OutgoingMessage.objects.all().delete()
    queue(shop, profile_id)
    send(mass_sender)

    assert 'width="1"' in sent_html(smtp)


def test_a_link_to_the_preferences_does_not_lead_through_us(shop, mass_sender, smtp, settings):
    ours = f"{settings.ECRM_BASE_URL}/preferences/abc/"
    queue(shop, customer(shop), link=ours)

    send(mass_sender)

    assert f'href="{ours}"' in sent_html(smtp)


def test_a_marketing_mail_with_words_of_its_own_is_tracked_too(shop, mass_sender, smtp):
    message = OutgoingMessageFactory(
        shop=shop,
        profile_id=customer(shop),
        purpose="marketing",
        lane=2,
        recipient="zoe@example.org",
        html='<a href="https://shop.example/a?b=1&amp;c=2">a</a>',
    )

    send(mass_sender)

    assert f"/t/{token_of(message)}/1/" in sent_html(smtp)
    assert follow(message) == "https://shop.example/a?b=1&c=2"


def _transactional(shop, **values):
    return OutgoingMessageFactory(
        shop=shop,
        recipient="zoe@example.org",
        html='<a href="https://shop.example/parcel">parcel</a>',
        **{"profile_id": customer(shop)} | values,
    )


def test_transactional_mail_is_left_alone(shop, sender, smtp):
    message = _transactional(shop)

    sender.send_due()

    assert 'href="https://shop.example/parcel"' in sent_html(smtp)
    message.refresh_from_db()
    assert message.noted == 0


def test_transactional_mail_is_tracked_where_the_shop_wants_it(shop, sender, smtp):
    wanted = ShopRules(tracks_opens=True, tracks_transactional=True)
    mail_rules.save_rules(shop.pk, rules=wanted, by=None)
    message = _transactional(shop)

    sender.send_due()

    html = sent_html(smtp)
    assert f"/t/{token_of(message)}/1/" in html
    assert 'width="1"' in html
    assert follow(message) == "https://shop.example/parcel"


@pytest.mark.parametrize("kind", [{"is_confidential": True}, {"is_automatic": False}])
def test_personal_links_and_what_a_colleague_wrote_are_never_tracked(shop, sender, smtp, kind):
    wanted = ShopRules(tracks_opens=True, tracks_transactional=True)
    mail_rules.save_rules(shop.pk, rules=wanted, by=None)
    _transactional(shop, **kind)

    sender.send_due()

    assert 'href="https://shop.example/parcel"' in sent_html(smtp)


# --- What comes back ------------------------------------------------------------------------------


@pytest.fixture
def client():
    return Client(enforce_csrf_checks=True)


def test_a_link_leads_on_without_a_cookie_and_is_kept_by_nobody(client):
    message = LinkFactory().message

    answered = client.get(
        reverse("messaging-tracking:link", args=[token_of(message), 1]), headers=PERSON
    )

    assert (answered.status_code, answered["Location"]) == (
        302,
        "https://shop.example/robe?size=38",
    )
    assert not answered.cookies
    assert "no-store" in answered["Cache-Control"]
    assert kinds(message) == [(1, "person")]


@pytest.mark.parametrize("number", [0, 2, 99999999999])
def test_a_link_which_we_did_not_write_leads_nowhere(client, number):
    message = LinkFactory().message

    answered = client.get(reverse("messaging-tracking:link", args=[token_of(message), number]))

    assert answered.status_code == 404
    assert not Hit.objects.exists()


def test_a_false_token_leads_nowhere_and_tells_nothing(client):
    message = LinkFactory().message
    false = token_of(message)[:-1] + "a"
    other_use = tokens.token(message.uuid, use="unsubscribe", key=signing_key())

    for token in (false if false != token_of(message) else false[:-1] + "b", other_use, "gone"):
        assert client.get(reverse("messaging-tracking:link", args=[token, 1])).status_code == 404
        picture = client.get(reverse("messaging-tracking:picture", args=[token]))
        assert (picture.status_code, picture["Content-Type"]) == (200, "image/gif")
    assert not Hit.objects.exists()


@pytest.mark.parametrize(
    "target",
    ["javascript:alert(1)", "data:text/html,x", "//evil.example", "https:///x", "https://a\r\nb/"],
)
def test_a_link_leads_to_the_web_only(client, target):
    link = LinkFactory(target=target)

    answered = client.get(reverse("messaging-tracking:link", args=[token_of(link.message), 1]))

    assert answered.status_code == 404


def test_posting_is_refused(client):
    url = reverse("messaging-tracking:link", args=[token_of(LinkFactory().message), 1])

    assert client.post(url).status_code in {403, 405}


def _pictured(shop, profile_id):
    sent_at = now() - timedelta(hours=1)
    return OutgoingMessageFactory(
        shop=shop,
        profile_id=profile_id,
        purpose="marketing",
        noted=rules.OPENS | rules.CLICKS,
        state="sent",
        sent_at=sent_at,
        settled_at=sent_at,
    )


def test_consent_is_asked_again_when_the_picture_is_fetched(shop):
    profile_id = customer(shop)
    message = _pictured(shop, profile_id)
    opened(message)
    answer(profile_id, shop, "withdrawn")

    opened(message, at=now() + timedelta(minutes=5))

    assert Hit.objects.get().hits == 1


def test_a_mail_that_left_without_the_picture_notes_no_opening(shop):
    message = _pictured(shop, customer(shop))
    OutgoingMessage.objects.update(noted=rules.CLICKS)

    opened(message)

    assert not Hit.objects.exists()


def test_the_same_again_counts_up_in_one_row_and_within_a_second_not_at_all():
    message = LinkFactory().message
    begun = now()

    for seconds in (0, 0, 0.5, 60, 61.5):
        follow(message, at=begun + timedelta(seconds=seconds))

    hit = Hit.objects.get()
    assert (hit.hits, hit.first_at, hit.last_at) == (3, begun, begun + timedelta(seconds=61.5))


def test_a_link_of_an_erased_customer_leads_on_and_notes_nothing(shop):
    profile_id = customer(shop)
    message = _pictured(shop, profile_id)
    LinkFactory(message=message, target="https://shop.example/c/zoe@example.org?mail=zoe")
    follow(message)
    opened(message)
    hits.settle_hits(at=now() + timedelta(minutes=1))

    erasing.erase(profile_id, by=None, source="test")

    assert follow(message) == "https://shop.example/"
    opened(message)
    assert not Hit.objects.exists()
    assert not Activity.objects.filter(name__startswith="mail-").exists()


def test_a_personal_link_whose_words_are_forgotten_leads_to_the_shop(shop, mass_sender):
    message = queue(shop, customer(shop))
    send(mass_sender)
    OutgoingMessage.objects.update(data=None, recipient="")
    shop.domains = ["zoes-shop.example"]
    shop.save(update_fields=["domains"])
    from company import queries as company

    company.forget_shops()

    assert follow(message, 2) == "https://zoes-shop.example/"


# --- Persons and programs -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "source"),
    [
        ({}, "person"),
        ({"user-agent": "Mozilla/5.0"}, "apple_privacy"),
        ({"user-agent": "Mozilla/5.0 (via ggpht.com GoogleImageProxy)"}, "image_proxy"),
        ({"user-agent": "Mozilla/5.0 (compatible; Barracuda Sentinel)"}, "scanner"),
        ({"user-agent": "python-requests/2.32"}, "scanner"),
        ({"user-agent": ""}, "nameless"),
        ({"sec-purpose": "prefetch;prerender"}, "prefetch"),
        ({"purpose": "prefetch"}, "prefetch"),
        ({"sec-fetch-mode": "cors"}, "not_navigation"),
        ({"accept-language": ""}, "person"),
    ],
)
def test_programs_are_told_from_persons(changed, source):
    message = LinkFactory().message

    follow(message, headers=PERSON | changed)

    assert kinds(message) == [(1, source)]


def test_who_only_asks_for_the_head_is_a_program():
    message = LinkFactory().message

    follow(message, method="HEAD")

    assert kinds(message) == [(1, "head")]


@pytest.mark.parametrize(("seconds", "source"), [(2, "too_early"), (8, "person"), (60, "person")])
def test_nobody_reads_a_mail_the_moment_it_is_sent(seconds, source):
    message = LinkFactory().message

    follow(message, at=message.sent_at + timedelta(seconds=seconds))

    assert kinds(message) == [(1, source)]


def test_signs_add_up():
    message = LinkFactory().message

    soon_and_speechless = PERSON | {"accept-language": ""}
    follow(message, at=message.sent_at + timedelta(seconds=8), headers=soon_and_speechless)

    hit = Hit.objects.get()
    assert (hit.score, hit.reasons) == (60, ["early", "no_language"])
    assert hit.source != rules.PERSON


def test_many_links_at_once_are_a_program_s_and_the_person_who_comes_later_counts():
    message = LinkFactory().message
    for number in (2, 3):
        LinkFactory(message=message, number=number)
    begun = now()
    for number in (1, 2, 3):
        follow(message, number, at=begun + timedelta(seconds=number * 2))

    hits.settle_hits(at=begun + timedelta(seconds=60))
    follow(message, 2, at=begun + timedelta(hours=1))
    hits.settle_hits(at=begun + timedelta(hours=2))

    assert kinds(message) == [
        (1, "many_links"),
        (2, "many_links"),
        (2, "person"),
        (3, "many_links"),
    ]


def test_two_bursts_are_one_row_for_each_link():
    message = LinkFactory().message
    for number in (2, 3):
        LinkFactory(message=message, number=number)
    begun = now()
    for hours in (0, 1):
        for number in (1, 2, 3):
            follow(message, number, at=begun + timedelta(hours=hours, seconds=number))
        hits.settle_hits(at=begun + timedelta(hours=hours, minutes=1))

    assert list(Hit.objects.values_list("source", "hits")) == [("many_links", 2)] * 3


# --- What the profiles learn ----------------------------------------------------------------------


def test_a_person_s_click_is_an_activity_and_a_contact_an_opening_is_no_contact(shop):
    profile_id = customer(shop)
    message = _pictured(shop, profile_id)
    LinkFactory(message=message)
    long_ago = now() - timedelta(days=900)
    Profile.objects.filter(pk=profile_id).update(first_seen_at=long_ago, last_seen_at=long_ago)

    opened(message)
    hits.settle_hits(at=now() + timedelta(minutes=1))
    assert Profile.objects.get(pk=profile_id).last_seen_at == long_ago
    follow(message)
    for _again in range(2):
        hits.settle_hits(at=now() + timedelta(minutes=1))

    found = Activity.objects.filter(profile_id=profile_id, name__startswith="mail-")
    assert sorted(found.values_list("name", "properties__link")) == [
        ("mail-clicked", 1),
        ("mail-opened", 0),
    ]
    assert Profile.objects.get(pk=profile_id).last_seen_at > long_ago


def test_a_program_s_hit_is_no_activity(shop):
    message = _pictured(shop, customer(shop))

    opened(message, headers=PERSON | {"user-agent": "Mozilla/5.0"})
    hits.settle_hits(at=now() + timedelta(minutes=1))

    assert not Activity.objects.filter(name__startswith="mail-").exists()


def test_a_hit_waits_until_all_of_a_burst_would_be_there():
    message = LinkFactory().message
    begun = now()
    follow(message, at=begun)

    assert hits.settle_hits(at=begun + timedelta(seconds=15)) == 0
    assert hits.settle_hits(at=begun + timedelta(seconds=25)) == 1


# --- Pages ----------------------------------------------------------------------------------------


def test_a_message_s_page_tells_persons_from_programs_and_why(shop):
    message = _pictured(shop, customer(shop))
    LinkFactory(message=message)
    opened(message, headers=PERSON | {"user-agent": "Mozilla/5.0"})
    follow(message)
    hits.settle_hits(at=now() + timedelta(minutes=1))
    client = Client()
    client.force_login(AgentFactory(role="owner", language="en"))

    page = client.get(reverse("messaging:outgoing-page", args=[message.pk])).content.decode()
    health = client.get(reverse("messaging:sending-health")).content.decode()

    assert "https://shop.example/robe?size=38" in page
    assert "Mail privacy of Apple" in page
    assert page.index("A person") < page.index("A program")
    assert "Followed by persons" in health


def test_a_mass_mail_is_shown_as_its_recipient_reads_it_with_plain_links(shop):
    message = queue(shop, customer(shop))
    client = Client()
    client.force_login(AgentFactory(role="owner", language="en"))
    url = reverse("messaging:outgoing-frame", args=[message.pk])

    shown = client.get(url).content.decode()
    OutgoingMessage.objects.update(data=None, recipient="")

    assert "Bonjour Zoé" in shown
    assert 'href="https://shop.example/zoe?x=1&amp;y=2"' in shown
    assert "/t/t" not in shown
    assert "Bonjour" not in client.get(url).content.decode()


def test_a_shop_s_rules_are_changed_on_their_page(shop):
    client = Client()
    client.force_login(AgentFactory(role="owner", language="en"))
    url = reverse("messaging:rules-edit", args=[shop.pk])

    client.post(url, {"tracks_opens": "1", "demands_opt_in": "1"})

    from messaging.queries.mail_rules import rules_of

    assert rules_of([shop.pk])[shop.pk] == ShopRules(tracks_opens=True, tracks_clicks=False)
    assert client.get(reverse("messaging:rules-list")).status_code == 200


# --- The words of a mail --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("html", "numbers"),
    [
        ('<a href="https://a.example">x</a>', [1]),
        ("<A class='b' HREF = 'HTTP://a.example'>x</A>", [1]),
        ('<a title="a > b" href="https://a.example">x</a>', [1]),
        ('<area href="https://a.example">', [1]),
        ('<a href="#top">x</a><a href="https://a.example">y</a>', [2]),
        ('<abbr href="https://a.example">x</abbr>', []),
        ('<a data-href="https://a.example">x</a>', []),
        ('<a href="https://ours.example/preferences/x/">x</a>', []),
        ('<a href="https://ours.example.evil.example/">x</a>', [1]),
    ],
)
def test_links_keep_their_number_whatever_is_left_alone(html, numbers):
    found = following.followable(html, base="https://ours.example")

    assert [anchor.number for anchor in found] == numbers


def test_a_profile_merged_meanwhile_gets_the_activity(shop):
    profile_id, other = customer(shop), customer(shop, "z@example.org", allows_opens=False)
    message = _pictured(shop, profile_id)
    opened(message)

    profiles.merge(profile_id, into=other, by=None)
    hits.settle_hits(at=now() + timedelta(minutes=1))

    assert Activity.objects.get(name="mail-opened").profile_id == other
