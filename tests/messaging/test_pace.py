"""Each receiving domain gets mass mail at the pace it bears; nobody else waits for it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils.timezone import now
from hypothesis import given
from hypothesis import strategies as st

from messaging.models import DomainPace, OutgoingMessage
from messaging.rules import pace as rules
from messaging.services import mailings, mass_claims, pace
from messaging.services.mass import MassSender
from messaging.transports.smtp import Reply, Result
from tests.company.factories import AgentFactory
from tests.messaging.factories import EagerShopFactory, OutgoingMessageFactory

pytestmark = pytest.mark.django_db

LATER = Result(outcome="deferred", reply=Reply(code=450, text="4.7.1 too many, try later"))
FULL = Result(outcome="deferred", reply=Reply(code=452, text="4.2.2 mailbox full"))
TAKEN = Result(outcome="accepted", reply=Reply(code=250, text="ok"))


def mass(domain: str, count: int, **values: Any) -> list[OutgoingMessage]:
    shop = EagerShopFactory()
    return [
        OutgoingMessageFactory(
            shop=shop, purpose="marketing", lane=2, recipient=f"client{number}@{domain}", **values
        )
        for number in range(count)
    ]


def claimed(at: Any, limit: int = 100) -> list[str]:
    batch = mass_claims.claim(OutgoingMessageFactory.build().uuid, limit=limit, at=at)
    return [mail[2].rpartition("@")[2] for mail in batch.mails] if batch else []


def state_of(message: OutgoingMessage) -> tuple[str, str]:
    return OutgoingMessage.objects.values_list("state", "reason").get(pk=message.pk)


# --- Limits -----------------------------------------------------------------------------------------


@given(
    st.integers(1, 600),
    st.lists(st.integers(0, 120), min_size=1, max_size=50),
)
def test_no_minute_ever_gives_more_slots_than_the_rate(rate, waits):
    moment = at = now()
    free_from = None
    slots = []
    for seconds in waits:
        moment += timedelta(seconds=seconds)
        mine, free_from = rules.slot(free_from, at=moment, rate=rate)
        assert mine >= moment
        slots.append(mine)

    assert slots == sorted(slots)
    assert slots[0] >= at
    for position, begin in enumerate(slots):
        within = [one for one in slots[position:] if one < begin + timedelta(minutes=1)]
        assert len(within) <= rate


def test_what_is_over_the_rate_gets_a_slot_of_its_own_and_is_moved_once(settings):
    settings.ECRM_DOMAIN_RATES = ["orange.example=60", "*=0"]
    at = now()
    messages = mass("orange.example", 5, queued_at=at) + mass("other.example", 3, queued_at=at)

    first = claimed(at)

    assert first.count("other.example") == 3
    assert first.count("orange.example") == 2  # this second's, and the next one's
    waiting = OutgoingMessage.objects.filter(reason="domain_pace").order_by("available_at")
    gaps = [(row.available_at - at).total_seconds() for row in waiting]
    assert gaps == [2, 3, 4]
    assert {state_of(message)[0] for message in messages} == {"claimed", "deferred"}
    assert claimed(at + timedelta(seconds=4)) == ["orange.example"] * 3


def test_a_backlog_after_an_outage_is_no_burst(settings):
    settings.ECRM_DOMAIN_RATES = ["orange.example=60"]
    at = now()
    mass("orange.example", 30, queued_at=at)
    claimed(at)

    after = claimed(at + timedelta(hours=1))

    assert len(after) == 2


def test_without_a_limit_nothing_is_written_down(settings):
    settings.ECRM_DOMAIN_RATES = ["orange.example=60", "*=0"]
    mass("other.example", 3)

    assert len(claimed(now())) == 3
    assert not DomainPace.objects.exists()


def test_a_rate_for_all_counts_each_domain_by_itself(settings):
    settings.ECRM_DOMAIN_RATES = ["*=60"]
    at = now()
    mass("one.example", 4, queued_at=at)
    mass("two.example", 4, queued_at=at)

    first = claimed(at)

    assert (first.count("one.example"), first.count("two.example")) == (2, 2)


@pytest.mark.parametrize("words", [["orange.fr"], ["=5"], ["orange.fr=many"]])
def test_rates_that_nobody_can_read_are_refused(words):
    with pytest.raises(rules.UnreadableRates):
        rules.rates(words)


# --- Deferrals --------------------------------------------------------------------------------------


def test_a_domain_that_says_later_again_and_again_is_left_alone_and_only_that_one():
    at = now()
    for _ in range(3):
        pace.learn([("claire@slow.example", LATER)], at=at)
    (slow,) = mass("slow.example", 1, queued_at=at)
    mass("quick.example", 1, queued_at=at)

    assert claimed(at) == ["quick.example"]
    assert state_of(slow) == ("deferred", "domain_paused")


def test_one_deferral_and_full_mailboxes_slow_nobody():
    at = now()
    pace.learn([("claire@a.example", LATER)], at=at)
    for _ in range(9):
        pace.learn([("claire@b.example", FULL)], at=at)
    mass("a.example", 1, queued_at=at)
    mass("b.example", 1, queued_at=at)

    assert sorted(claimed(at)) == ["a.example", "b.example"]


def test_after_the_pause_one_mail_asks_and_a_yes_frees_the_domain():
    at = now()
    pace.learn([(f"c{number}@slow.example", LATER) for number in range(5)], at=at)
    mass("slow.example", 4, queued_at=at)
    later = at + timedelta(minutes=2)

    assert claimed(at) == []
    assert claimed(later) == ["slow.example"]

    pace.learn([("c0@slow.example", TAKEN)], at=later)
    assert claimed(later + timedelta(minutes=2)) == ["slow.example"] * 3


def test_each_further_no_doubles_the_pause_up_to_an_hour():
    pauses = [rules.pause(deferrals).total_seconds() for deferrals in (1, 2, 3, 4, 5, 9, 40)]

    assert pauses == [0, 0, 60, 120, 240, 3600, 3600]


def test_a_domain_that_takes_most_is_not_slowed():
    fared = [(f"c{number}@a.example", TAKEN) for number in range(5)]
    pace.learn([*fared, *[(f"d{number}@a.example", LATER) for number in range(4)]], at=now())

    assert not DomainPace.objects.filter(paused_until__isnull=False).exists()


def test_sending_health_names_the_domain_that_asked_us_to_wait(client):
    client.force_login(AgentFactory(owner=True))
    sent = {"state": "sent", "sent_at": now(), "settled_at": now()}
    OutgoingMessageFactory(recipient="claire@slow.example", **sent)
    OutgoingMessageFactory(recipient="+33612345678", channel="sms", **sent)
    pace.learn([(f"c{number}@slow.example", LATER) for number in range(5)], at=now())

    page = client.get(reverse("messaging:sending-health")).content.decode()

    assert "Asked us to come later" in page
    assert "%40slow.example" in page
    assert page.count("%40") == 1  # an SMS has no domain


@pytest.mark.django_db(transaction=True)
def test_over_a_real_server_a_slow_domain_waits_while_the_others_flow(
    smtp, mass_sender: MassSender, clock
):
    smtp.sink.recipient_reply = "450 4.7.1 too many mails, try later"
    smtp.sink.reply_for_domain = "slow.example"
    shop = EagerShopFactory()
    wording = mailings.keep_wording(
        shop_id=shop.pk, language="fr", subject="Soldes", text="Bonjour", html_source=""
    )
    mailings.queue_many(
        wording,
        recipients=[
            mailings.MassRecipient(
                to=f"c{number}@{'slow' if number % 2 else 'quick'}.example",
                profile_id=None,
                data={},
                dedupe_key=f"pace:{number}",
            )
            for number in range(20)
        ],
        topic="news",
        about="campaign:1",
    )
    while mass_sender.send_due():
        pass

    assert {mail.recipient.rpartition("@")[2] for mail in smtp.sink.accepted} == {"quick.example"}
    assert len(smtp.sink.accepted) == 10
    assert DomainPace.objects.get(domain="slow.example").paused_until is not None

    smtp.sink.recipient_reply = None
    late = OutgoingMessageFactory(
        shop=shop, purpose="marketing", lane=2, recipient="late@slow.example"
    )
    receipt = OutgoingMessageFactory(shop=shop, recipient="receipt@slow.example")
    mass_sender.send_due()
    assert state_of(late) == ("deferred", "domain_paused")
    assert state_of(receipt)[0] == "pending"  # it goes by the other gear, which asks no pace

    for _ in range(60):
        clock.forward(minutes=5)
        while mass_sender.send_due():
            pass
    assert len(smtp.sink.accepted) == 21
