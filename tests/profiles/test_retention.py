from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils.timezone import now

from company.models import AuditEntry
from contacts.models import TicketMessage
from ecrm.kernel import loops
from messaging.models import RawMail
from messaging.services import intake
from profiles.extensions.privacy import ageing
from profiles.models import Activity, Consent, ParkedCall, Profile, RetentionRule, RetentionRun
from profiles.queries import consents as consent_queries
from profiles.services import consents, months, retention
from tests.company.factories import AgentFactory, ShopFactory
from tests.messaging.factories import MailboxFactory
from tests.profiles.factories import ProfileFactory
from tests.profiles.world import World, breaches

SUBJECT = "profiles.parkedcall"


@pytest.fixture
def shops(db):
    return [ShopFactory(), ShopFactory()]


def park(shop, *, days, count=1):
    for _number in range(count):
        ParkedCall.objects.create(
            shop=shop, reason="shape", body={}, is_proven=True,
            received_at=now() - timedelta(days=days),
        )  # fmt: skip


def rule(subject=SUBJECT, *, days=10, shop=None, is_active=True):
    """A rule whose report was made and, when it is active, read."""
    row = retention.set_rule(subject, shop_id=shop and shop.pk, days=days, by=None)
    assert retention.foresee_next()
    row.refresh_from_db()
    if is_active:
        retention.switch(row.pk, is_active=True, seen_count=row.foreseen_count, by=None)
    return row


def run_all():
    retention.begin_runs()
    loops.run_until_idle("privacy")


def test_a_report_says_how_much_the_oldest_and_examples_and_changes_nothing(shops):
    park(shops[0], days=30)
    park(shops[0], days=5)

    row = rule(is_active=False)

    assert (row.foreseen_count, row.foreseen_days, row.is_active) == (1, 10, False)
    assert row.oldest_at < now() - timedelta(days=29)
    assert row.examples == list(ParkedCall.objects.order_by("id").values_list("id", flat=True)[:1])
    run_all()
    assert ParkedCall.objects.count() == 2


def test_nothing_is_switched_on_that_nobody_looked_at(shops):
    park(shops[0], days=30)
    row = retention.set_rule(SUBJECT, shop_id=None, days=10, by=None)

    with pytest.raises(retention.LookFirst):
        retention.switch(row.pk, is_active=True, seen_count=0, by=None)
    retention.foresee_next()
    with pytest.raises(retention.LookFirst):
        retention.switch(row.pk, is_active=True, seen_count=0, by=None)
    retention.switch(row.pk, is_active=True, seen_count=1, by=None)

    changed = retention.set_rule(SUBJECT, shop_id=None, days=11, by=None)
    assert not changed.is_active


def test_a_run_forgets_what_the_report_said_and_reports_it(shops):
    park(shops[0], days=30, count=3)
    park(shops[0], days=5)
    row = rule()

    run_all()

    assert ParkedCall.objects.count() == 1
    run = RetentionRun.objects.get(rule=row)
    assert (run.expected, run.done, run.percent_done) == (3, 3, 100)
    assert run.finished_at is not None


def test_a_shops_own_rule_counts_there_and_the_companys_elsewhere(shops):
    for shop in shops:
        park(shop, days=30)
    rule(days=10)
    rule(days=60, shop=shops[1])

    run_all()

    assert ParkedCall.objects.get().shop_id == shops[1].pk


def test_a_run_goes_on_batch_by_batch_where_it_stopped(shops, monkeypatch):
    small = ageing.get(SUBJECT)
    from dataclasses import replace

    monkeypatch.setitem(ageing._items, SUBJECT, replace(small, batch=2))
    park(shops[0], days=30, count=5)
    row = rule()
    retention.begin_runs()

    retention.run_next()
    run = RetentionRun.objects.get(rule=row)
    assert (run.done, run.finished_at) == (2, None)

    loops.run_until_idle("privacy")
    run.refresh_from_db()
    assert run.done == 5


def test_a_rule_switched_off_stops_its_run(shops, monkeypatch):
    park(shops[0], days=30)
    row = rule()
    retention.begin_runs()

    retention.switch(row.pk, is_active=False, seen_count=None, by=None)
    loops.run_until_idle("privacy")

    assert ParkedCall.objects.count() == 1
    assert RetentionRun.objects.get().finished_at is not None


def test_prospects_are_erased_and_customers_stay(db):
    world = World()
    prospect = world.customer(email="prospect@example.org")
    buyer = world.order(email="buyer@example.org").profile_id
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    Profile.objects.update(first_seen_at=long_ago, last_seen_at=long_ago)

    rule("profiles.prospect", days=1096)
    run_all()

    assert Profile.objects.get(pk=prospect).erased_at is not None
    assert Profile.objects.get(pk=buyer).erased_at is None
    assert breaches() == []


def test_a_request_is_a_contact_too(db):
    world = World()
    prospect = world.customer(email="prospect@example.org")
    Profile.objects.update(
        first_seen_at=now() - timedelta(days=2000), last_seen_at=now() - timedelta(days=2000)
    )
    world.ticket(prospect)

    row = rule("profiles.prospect", days=1096, is_active=False)

    assert row.foreseen_count == 0


def test_months_over_age_are_emptied_at_once(shops):
    person = ProfileFactory(shop=shops[0])
    old, new = datetime(2022, 1, 15, tzinfo=UTC), now() - timedelta(days=3)
    months.ensure_months({months.month_of(old), months.month_of(new)})
    for moment in (old, old, new):
        Activity.objects.create(
            profile=person, shop=shops[0], name="page-viewed", occurred_at=moment,
            received_at=moment,
        )  # fmt: skip

    rule("profiles.activity", days=761)
    run_all()

    assert [row.occurred_at for row in Activity.objects.all()] == [new]
    assert months.empty_month(months.month_of(old)) == 0


def test_words_of_closed_requests_go_and_the_request_stays(db):
    world = World()
    ticket = world.ticket(world.customer(email="ana@example.org"))
    open_one = world.ticket(world.customer(email="ben@example.org"))
    long_ago = now() - timedelta(days=1200)
    type(ticket).objects.update(last_message_at=long_ago)
    type(ticket).objects.filter(pk=ticket.pk).update(
        state="solved", solved_at=long_ago, waiting_since=None
    )

    rule("contacts.ticket", days=1096)
    run_all()

    texts = dict(TicketMessage.objects.values_list("ticket_id", "text"))
    assert texts[ticket.pk] == ""
    assert texts[open_one.pk] != ""
    ticket.refresh_from_db()
    assert (ticket.state, ticket.subject) == ("closed", "")


def test_raw_mails_lose_their_bytes(shops):
    box = MailboxFactory(shop=shops[0])
    for days, body in ((400, b"old"), (3, b"new")):
        RawMail.objects.create(
            mailbox=box, content_id=intake.store_content(body), source="command",
            received_at=now() - timedelta(days=days), available_at=now(), state="read",
            outcome="suppressed", settled_at=now(),
        )  # fmt: skip

    rule("messaging.rawmail", days=365)
    run_all()

    bodies = [bytes(row.content.body) for row in RawMail.objects.order_by("id")]
    assert bodies == [b"", b"new"]


def test_questions_nobody_answered_leave_the_ledger(db):
    world = World()
    person = world.customer(email="ana@example.org", accepts_marketing=False)
    consents.record(
        person,
        shop_id=world.shops[0].pk,
        channel="email",
        purpose="marketing",
        answer="pending",
        evidence=consents.Evidence(source="form", address="ana@example.org"),
        at=now() - timedelta(days=90),
    )

    rule("profiles.question", days=30)
    run_all()

    assert [entry.answer for entry in Consent.objects.filter(profile_id=person)] == ["withdrawn"]
    assert consent_queries.wishes(person, shop_ids=[world.shops[0].pk]) == {
        world.shops[0].pk: False
    }


def test_every_subject_can_be_foreseen_and_forgotten(db):
    """The SQL of each declaration runs, whatever it finds."""
    for subject in ageing.all():
        row = rule(subject.key, days=subject.days)
        assert row.foreseen_count == 0, subject.key
    run_all()


def test_only_sensible_days_and_only_by_who_may(shops):
    here = AgentFactory(role="manager", shop=shops[0])

    with pytest.raises(retention.UnusableRule):
        retention.set_rule("contacts.ticket", shop_id=None, days=1, by=None)
    with pytest.raises(retention.UnusableRule):
        retention.set_rule("nothing", shop_id=None, days=10, by=None)
    with pytest.raises(retention.UnusableRule):
        retention.set_rule("profiles.prospect", shop_id=shops[0].pk, days=1096, by=None)
    for shop_id in (None, shops[1].pk):
        with pytest.raises(retention.NotYourRule):
            retention.set_rule(SUBJECT, shop_id=shop_id, days=10, by=here)
    retention.set_rule(SUBJECT, shop_id=shops[0].pk, days=10, by=here)
    assert AuditEntry.objects.filter(action="profiles.retention-changed").count() == 1
    assert RetentionRule.objects.count() == 1
