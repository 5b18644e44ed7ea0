"""Who gets marketing: asked when it is claimed, once for a whole batch."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from messaging.models import MailPace, OutgoingMessage
from messaging.rules.mail_rules import ShopRules
from messaging.services import claims, mail_rules, mass_claims
from profiles import services as profiles
from profiles.services import consents
from tests.company.factories import ShopFactory
from tests.messaging.factories import OutgoingMessageFactory
from tests.orders.factories import make_order

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop():
    return ShopFactory()


def customer(shop, email="zoe@example.org", *, agrees=True):
    order = {"email": email} | ({"accepts_marketing": True} if agrees else {})
    return make_order(shop, customer=order).profile_id


def says(profile_id, shop, answer, *, channel="email"):
    consents.record(
        profile_id,
        shop_id=shop.pk,
        channel=channel,
        purpose="marketing",
        answer=answer,
        evidence=consents.Evidence(source="preferences"),
    )


def marketing(shop, profile_id, **values):
    return OutgoingMessageFactory(
        shop=shop, profile_id=profile_id, purpose="marketing", lane=2, **values
    )


def claim(*, at=None):
    return mass_claims.claim(uuid4(), limit=100, at=at or now() + timedelta(seconds=1))


def stands(message):
    message.refresh_from_db()
    return message.state, message.reason


def test_who_agreed_gets_marketing(shop):
    message = marketing(shop, customer(shop))

    claim()

    assert stands(message) == ("claimed", "")


def test_who_withdrew_gets_none_even_when_it_is_waiting_already(shop):
    profile_id = customer(shop)
    message = marketing(shop, profile_id)
    says(profile_id, shop, "withdrawn")

    claim()

    assert stands(message) == ("skipped", "consent_withdrawn")
    assert message.settled_at is not None


def test_who_never_agreed_gets_none_unless_the_shop_asks_for_no_yes(shop):
    profile_id = customer(shop, agrees=False)
    first = marketing(shop, profile_id)
    claim()
    mail_rules.save_rules(
        shop.pk, rules=ShopRules(tracks_opens=False, demands_opt_in=False), by=None
    )
    second = marketing(shop, profile_id)
    claim()

    assert stands(first) == ("skipped", "no_consent")
    assert stands(second) == ("claimed", "")


def test_a_no_counts_where_no_yes_is_asked_for(shop):
    mail_rules.save_rules(
        shop.pk, rules=ShopRules(tracks_opens=False, demands_opt_in=False), by=None
    )
    profile_id = customer(shop)
    says(profile_id, shop, "withdrawn")
    message = marketing(shop, profile_id)

    claim()

    assert stands(message) == ("skipped", "consent_withdrawn")


def test_who_was_asked_and_did_not_answer_gets_none(shop):
    mail_rules.save_rules(
        shop.pk, rules=ShopRules(tracks_opens=False, demands_opt_in=False), by=None
    )
    profile_id = customer(shop, agrees=False)
    says(profile_id, shop, "pending")
    message = marketing(shop, profile_id)

    claim()

    assert stands(message) == ("skipped", "no_consent")


def test_nobody_behind_an_address_never_agreed(shop):
    message = marketing(shop, None)

    claim()

    assert stands(message) == ("skipped", "no_consent")


def test_a_yes_holds_in_its_own_shop(shop):
    message = marketing(ShopFactory(), customer(shop))

    claim()

    assert stands(message) == ("skipped", "no_consent")


def test_a_yes_to_mail_is_none_to_sms(shop):
    profile_id = customer(shop)
    message = OutgoingMessageFactory(
        shop=shop, profile_id=profile_id, purpose="marketing", lane=0, channel="sms"
    )

    assert claims.sift([message], at=now()) == []
    assert stands(message) == ("skipped", "no_consent")


def test_a_receipt_needs_no_consent(shop):
    profile_id = customer(shop)
    says(profile_id, shop, "withdrawn")
    message = OutgoingMessageFactory(shop=shop, profile_id=profile_id)

    claims.claim_due(uuid4())

    assert stands(message) == ("claimed", "")


def test_a_batch_costs_as_many_queries_as_one_mail(shop):
    def cost(number):
        for one in range(number):
            profile_id = customer(shop, f"c{number}-{one}@example.org")
            message = marketing(shop, profile_id, html="<p>x</p>")
            MailPace.objects.create(profile_id=profile_id, shop=shop, days=7, changed_at=now())
            assert message.pk
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert len(claim().mails) == number
        return len(queries)

    cost(1)
    assert cost(12) == cost(2)


# --- How often ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("days", "ago", "reason"), [(7, 6, "too_often"), (7, 8, ""), (30, 29, "too_often"), (0, 1, "")]
)
def test_marketing_comes_as_often_as_wanted(shop, days, ago, reason):
    profile_id = customer(shop)
    MailPace.objects.create(profile_id=profile_id, shop=shop, days=days, changed_at=now())
    before = now() - timedelta(days=ago)
    marketing(shop, profile_id, state="sent", sent_at=before, settled_at=before)
    message = marketing(shop, profile_id)

    claim()

    assert stands(message)[1] == reason


@pytest.mark.parametrize(
    "values", [{"purpose": "transactional"}, {"state": "failed", "reason": "x"}]
)
def test_receipts_and_what_never_arrived_do_not_count(shop, values):
    profile_id = customer(shop)
    MailPace.objects.create(profile_id=profile_id, shop=shop, days=7, changed_at=now())
    before = now() - timedelta(hours=1)
    sent = {"purpose": "marketing", "state": "sent", "sent_at": before, "settled_at": before}
    OutgoingMessageFactory(shop=shop, profile_id=profile_id, **sent | values)
    message = marketing(shop, profile_id)

    claim()

    assert stands(message) == ("claimed", "")


def test_two_of_one_batch_are_one_too_many(shop):
    profile_id = customer(shop)
    MailPace.objects.create(profile_id=profile_id, shop=shop, days=7, changed_at=now())
    first, second = marketing(shop, profile_id), marketing(shop, profile_id)

    claim()

    assert (stands(first)[0], stands(second)) == ("claimed", ("skipped", "too_often"))


def test_what_another_sender_holds_counts(shop):
    profile_id = customer(shop)
    MailPace.objects.create(profile_id=profile_id, shop=shop, days=7, changed_at=now())
    marketing(shop, profile_id)
    claim()
    message = marketing(shop, profile_id)

    claim()

    assert stands(message) == ("skipped", "too_often")


def test_of_two_customers_who_become_one_the_slower_pace_stays(shop):
    one, other = customer(shop), customer(shop, "z@example.org")
    MailPace.objects.create(profile_id=one, shop=shop, days=30, changed_at=now())
    MailPace.objects.create(profile_id=other, shop=shop, days=7, changed_at=now())

    profiles.merge(one, into=other, by=None)

    assert MailPace.objects.get().days == 30
    assert OutgoingMessage.objects.filter(profile_id=one).count() == 0
