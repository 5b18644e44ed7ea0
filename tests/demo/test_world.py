from __future__ import annotations

from datetime import UTC, datetime
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.test import override_settings

from company import queries
from contacts.models import Rating, Ticket, TicketMessage
from demo.models import Chapter, DemoMail
from demo.services import scribe, world
from ecrm.kernel.models import Delivery
from ecrm.kernel.verify import all_invariants
from messaging.models import (
    MailboxSignIn,
    OutgoingMessage,
    ProviderCall,
    SendingDomain,
    Suppression,
)
from orders.models import Order
from profiles.models import (
    AttributeValue,
    Consent,
    ConsentWording,
    DuplicatePair,
    Import,
    Merge,
    Note,
    PrivacyRequest,
    Profile,
    ProfileShop,
    ProfileTag,
    RetentionRule,
    WallComment,
)

TODAY = datetime(2026, 3, 3, 15, 0, tzinfo=UTC)


def grow(customers: int = 12, orders: int = 40, *, seed: int = 1) -> world.Size:
    return world.grow(customers=customers, orders=orders, seed=seed, today=TODAY)


def counts() -> tuple[int, ...]:
    """Customers (passers-by of the shop's pages and second records are none), and what they did."""
    models = (Order, Ticket, TicketMessage, OutgoingMessage, DemoMail)
    customers = Profile.objects.exclude(source__in=["visit", "form"]).count()
    return (customers, *(model.objects.count() for model in models))


@pytest.fixture
def small_chapters(monkeypatch):
    monkeypatch.setattr(world, "CHAPTER", 4)


@pytest.mark.django_db(transaction=True)
def test_the_world_has_the_wished_size_and_keeps_every_promise(small_chapters):
    grow()

    assert counts()[:3] == (12, 40, 2)
    breaches = [line for invariant in all_invariants() for line in invariant.check()]
    assert breaches == []


@pytest.mark.django_db(transaction=True)
def test_nothing_follows_from_history_and_no_mail_waits(small_chapters):
    grow()

    assert not Delivery.objects.exists()
    assert set(OutgoingMessage.objects.values_list("state", flat=True)) <= {"sent", "delivered"}


@pytest.mark.django_db(transaction=True)
def test_a_second_run_adds_nothing_and_a_larger_one_only_what_is_missing(small_chapters):
    grow()
    before = counts()

    assert grow() == world.Size(customers=0, orders=0, tickets=0)
    assert counts() == before

    grow(20, 60)
    assert counts()[:2] == (20, 60)

    grow(20, 75)
    assert counts()[:2] == (20, 75)


@pytest.mark.django_db(transaction=True)
def test_a_run_that_dies_is_completed_by_the_next(small_chapters):
    def die_after_the_first_chapter(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        world.grow(
            customers=12, orders=40, seed=1, today=TODAY, progress=die_after_the_first_chapter
        )
    assert 0 < Order.objects.count() < 40

    grow()

    assert counts()[:3] == (12, 40, 2)
    assert not Chapter.objects.filter(is_written=False).exists()


@pytest.mark.django_db(transaction=True)
def test_a_run_that_dies_among_the_requests_is_completed_by_the_next(small_chapters, monkeypatch):
    monkeypatch.setattr(scribe, "PAGE", 1)

    def die_with_the_first_request(done: int, total: int) -> None:
        if Ticket.objects.exists():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        world.grow(
            customers=20, orders=60, seed=1, today=TODAY, progress=die_with_the_first_request
        )
    assert Ticket.objects.count() == 1

    assert grow(20, 60) == world.Size(customers=20, orders=60, tickets=4)

    assert counts()[:3] == (20, 60, 4)
    assert grow(20, 60) == world.Size(customers=0, orders=0, tickets=0)


@pytest.mark.django_db(transaction=True)
def test_requests_are_numbered_as_they_came_in_across_all_chapters(small_chapters):
    grow(40, 120)

    opened = list(Ticket.objects.order_by("number").values_list("opened_at", flat=True))
    assert len(opened) == 8
    assert opened == sorted(opened)


@pytest.mark.django_db(transaction=True)
def test_another_seed_is_refused_and_changes_nothing(small_chapters):
    grow(4, 8)
    before = counts()

    with pytest.raises(world.AnotherWorld):
        grow(4, 8, seed=2)

    assert counts() == before


@pytest.mark.django_db(transaction=True)
def test_everyone_who_is_announced_can_sign_in(small_chapters):
    grow(4, 8)

    logins = world.logins()
    assert {login.role for login in logins} == {
        "owner", "manager", "support", "marketing", "viewer",
    }  # fmt: skip
    for login in logins:
        assert _matches(login)


def _matches(login: world.Login) -> bool:
    from company.models import Agent

    return Agent.objects.get(email=login.email).check_password(login.password)


@override_settings(ECRM_DEMO=True)
def test_the_same_seed_and_day_write_the_same_world(db, small_chapters):
    def written():
        queries.forget_shops()
        before = transaction.savepoint()
        call_command("demo", "--customers", "12", "--today", "2026-03-03", stdout=StringIO())
        orders = Order.objects.order_by("external_id")
        tickets = Ticket.objects.order_by("number")
        seen = (
            list(orders.values_list("placed_at", "status", "document")),
            list(tickets.values_list("subject", "state", "opened_at", "snippet")),
            list(Rating.objects.order_by("ticket__number").values_list("score", "comment")),
            *_known(),
        )
        transaction.savepoint_rollback(before)
        return seen

    first = written()

    assert [len(rows) for rows in first[:2]] == [30, 2]
    assert first[3]
    assert written() == first


def _known() -> list[list[object]]:
    """What the company knows of its customers besides their orders, in an order without ids."""
    by_person = ("profile__first_seen_at", "profile__last_name", "profile__first_name")
    answers = Consent.objects.filter(is_incidental=False).order_by("answered_at", "purpose")
    notes = Note.objects.order_by("created_at", "text")
    return [
        sorted(
            map(
                repr,
                AttributeValue.objects.values_list("attribute__key", "text", "number", "items"),
            )
        ),
        list(
            ProfileTag.objects.order_by("tag__key", *by_person).values_list("tag__key", *by_person)
        ),
        list(answers.values_list("channel", "purpose", "answer", "answered_at", "address")),
        list(notes.values_list("text", "created_at")),
        list(WallComment.objects.order_by("created_at").values_list("text", "created_at")),
        sorted(map(repr, DuplicatePair.objects.values_list("score", "reasons", "state"))),
        list(Merge.objects.order_by("merged_at").values_list("merged_at", "undone_at")),
    ]


@override_settings(ECRM_DEMO=True)
def test_the_company_knows_its_customers(db):
    grow(150, 300)

    assert DuplicatePair.objects.waiting(TODAY).count() == 12
    assert Merge.objects.count() == 2
    assert Merge.objects.active().count() == 1
    states = set(Consent.objects.filter(is_incidental=False).values_list("answer", flat=True))
    assert states == {"granted", "pending", "withdrawn"}
    assert ConsentWording.objects.exclude(text="").exists()
    assert Note.objects.exclude(mentions=[]).exists()
    assert ProfileShop.objects.filter(is_stage_fixed=True).exists()
    assert ProfileShop.objects.filter(owner__isnull=False).exists()
    assert Rating.objects.exclude(comment="").exists()
    asked = PrivacyRequest.objects.order_by("kind", "state").values_list("kind", "state")
    assert list(asked) == [
        ("access", "done"),
        ("access", "waiting"),
        ("access", "waiting"),
        ("erasure", "done"),
        ("erasure", "refused"),
        ("erasure", "waiting"),
    ]
    assert Order.objects.filter(is_erased=True).exists()
    assert set(RetentionRule.objects.values_list("is_active", flat=True)) == {True, False}
    imported, waiting = Import.objects.order_by("pk")
    assert imported.is_over
    assert (waiting.is_ready, waiting.new_count, waiting.faulty_count) == (True, 4, 2)
    assert not Delivery.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_the_post_office_has_something_to_show():
    grow()
    grow()

    assert Suppression.objects.active(TODAY).exclude(channel="sms").count() == 5
    assert MailboxSignIn.objects.get().mailbox.address == "service@maison-alba.example"
    assert set(SendingDomain.objects.values_list("verdict", flat=True)) == {"bad"}
    assert list(ProviderCall.objects.values_list("state", flat=True)) == ["parked"] * 3


@override_settings(ECRM_DEMO=False)
def test_the_command_refuses_outside_demo_mode(db):
    with pytest.raises(CommandError, match="not in demo mode"):
        call_command("demo", stdout=StringIO())


@override_settings(ECRM_DEMO=True)
def test_logins_are_one_line_each(db):
    out = StringIO()

    call_command("demo", "--logins", stdout=out)

    lines = out.getvalue().splitlines()
    assert lines[0].startswith("alba@maison-alba.example / ")
    assert all(line.count(" / ") == 2 for line in lines)
    assert not Order.objects.exists()


@pytest.mark.parametrize("text", ["yesterday", "2026-02-30", "2026-02-30T10:00"])
def test_what_is_no_day_is_no_today(text):
    with pytest.raises(CommandError):
        call_command("demo", "--today", text)


def test_a_number_below_zero_is_no_size():
    with pytest.raises(CommandError):
        call_command("demo", "--customers", "-1")
