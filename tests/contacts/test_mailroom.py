"""Received mail: into the right ticket, once, and never into a stranger's."""

from __future__ import annotations

import itertools

import pytest
from django.utils.timezone import now
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contacts import services
from contacts.events import MessageAdded, TicketOpened, TicketStateChanged
from contacts.models import Ticket, TicketMessage
from contacts.queries import promises
from ecrm.kernel.models import EventRecord
from messaging.models import Mail, OutgoingMessage
from profiles.models import Identifier, Profile
from tests.company.factories import ShopFactory
from tests.contacts.factories import answer, make_mail, make_ticket
from tests.messaging.factories import OutgoingMessageFactory
from tests.orders.factories import make_order


def published(event_type):
    return EventRecord.objects.filter(name=event_type.name).count()


def test_a_first_mail_opens_a_ticket_for_a_new_customer(shop):
    mail = make_mail(
        shop,
        from_name="Dubois, Claire",
        from_address="claire@example.org",
        subject="Où est ma commande ?",
        text="Bonjour,\n\n> cité",
        visible_text="Bonjour,",
        html_clean="<p>Bonjour,</p>",
        files={"photo.png": 1200},
    )

    message = services.receive_mail(mail.pk)

    ticket = message.ticket
    assert (ticket.state, ticket.channel, ticket.subject) == (
        "new",
        "email",
        "Où est ma commande ?",
    )
    assert ticket.profile.full_name == "Claire Dubois"
    assert ticket.reply_to == "claire@example.org"
    assert ticket.language == "fr"
    assert ticket.waiting_since == ticket.opened_at
    assert (message.seq, message.kind, message.text) == (1, "customer", "Bonjour,")
    assert message.quoted_text == "> cité"
    assert message.has_html
    assert [file["name"] for file in message.attachments] == ["photo.png"]
    mail.raw.refresh_from_db()
    assert mail.raw.outcome == "conversation-opened"
    assert (published(TicketOpened), published(MessageAdded)) == (1, 1)


def test_a_known_customer_keeps_his_profile(shop):
    earlier = make_ticket(shop)
    address = Identifier.objects.get(profile=earlier.profile, kind="email").value

    ticket = services.receive_mail(make_mail(shop, from_address=address.upper()).pk).ticket

    assert ticket.profile == earlier.profile
    assert ticket != earlier


def test_the_answer_to_our_answer_joins_its_ticket(shop, agent):
    ticket = services.receive_mail(make_mail(shop, from_address="claire@example.org").pk).ticket
    ours = answer(ticket, by=agent)
    mail = make_mail(shop, from_address="Claire@Example.org", answers=ours)

    message = services.receive_mail(mail.pk)

    ticket.refresh_from_db()
    assert message.ticket == ticket
    assert message.seq == ticket.last_seq == 4
    assert ticket.state == "open"
    assert ticket.waiting_since is not None
    mail.raw.refresh_from_db()
    assert mail.raw.outcome == "message-added"


def test_another_address_of_the_same_customer_joins_too_and_is_answered(shop, agent):
    ticket = make_ticket(shop)
    Identifier.objects.create(
        profile=ticket.profile,
        kind="email",
        value="claire.pro@example.net",
        source="test",
        first_seen_at=now(),
        last_seen_at=now(),
    )
    mail = make_mail(shop, from_address="claire.pro@example.net", answers=answer(ticket, by=agent))

    services.receive_mail(mail.pk)

    ticket.refresh_from_db()
    assert ticket.last_seq == 4
    assert ticket.reply_to == "claire.pro@example.net"


def test_the_answer_to_a_confirmation_opens_a_ticket_about_the_order(shop):
    order = make_order(shop, email="claire@example.org")
    confirmation = OutgoingMessageFactory(
        shop=shop, recipient="claire@example.org", about=f"order:{order.pk}"
    )
    mail = make_mail(shop, from_address="claire@example.org", answers=confirmation)

    ticket = services.receive_mail(mail.pk).ticket

    assert ticket.order == order
    assert ticket.profile_id == order.profile_id


def test_a_stranger_who_answers_a_confirmation_does_not_see_the_order_linked(shop):
    order = make_order(shop, email="claire@example.org")
    confirmation = OutgoingMessageFactory(shop=shop, about=f"order:{order.pk}")
    mail = make_mail(shop, from_address="mallory@example.org", answers=confirmation)

    ticket = services.receive_mail(mail.pk).ticket

    assert ticket.order is None
    assert ticket.profile_id != order.profile_id


@pytest.mark.parametrize("is_sound", [True, False], ids=["stranger", "forged"])
def test_somebody_else_with_our_reference_is_an_unverified_participant(shop, agent, is_sound):
    ticket = make_ticket(shop)
    customer, address = ticket.profile, ticket.reply_to
    sender = "mallory@example.org" if is_sound else address
    mail = make_mail(
        shop,
        from_address=sender,
        is_sender_sound=is_sound,
        answers=answer(ticket, by=agent),
        text="Envoyez tout à mallory@example.org",
    )

    message = services.receive_mail(mail.pk)

    ticket.refresh_from_db()
    assert message.ticket == ticket
    assert message.is_unverified
    assert (ticket.reply_to, ticket.profile) == (address, customer)
    ours = OutgoingMessage.objects.get(pk=answer(ticket, by=agent).outgoing_id)
    assert ours.recipient == address
    assert "mallory" not in ours.text
    assert mail.message_id not in (ours.in_reply_to, *ours.references)


def test_who_got_our_answer_is_a_participant_though_we_write_to_another_address_now(shop, agent):
    ticket = make_ticket(shop, reply_to="first@example.org")
    ours = answer(ticket, by=agent)
    Ticket.objects.filter(pk=ticket.pk).update(reply_to="second@example.org")

    message = services.receive_mail(
        make_mail(shop, from_address="first@example.org", answers=ours).pk
    )

    assert (message.ticket, message.is_unverified) == (ticket, False)


def test_a_stranger_behind_a_closed_ticket_opens_one_of_his_own(shop, agent):
    ticket = make_ticket(shop)
    ours = answer(ticket, by=agent)
    services.change_state(ticket.pk, to="closed", by=agent)

    message = services.receive_mail(
        make_mail(shop, from_address="mallory@example.org", answers=ours).pk
    )

    assert message.ticket.continues == ticket
    assert message.ticket.profile != ticket.profile
    assert message.ticket.order is None
    assert not message.is_unverified


def test_the_id_of_his_earlier_mail_joins_the_customer_s_own_ticket(shop):
    first = make_mail(shop, from_address="claire@example.org")
    ticket = services.receive_mail(first.pk).ticket

    mine = make_mail(shop, from_address="claire@example.org", continues=first)
    foreign = make_mail(shop, from_address="mallory@example.org", continues=first)

    assert services.receive_mail(mine.pk).ticket == ticket
    assert services.receive_mail(foreign.pk).ticket != ticket


@pytest.mark.parametrize("subject", ["[#{}] encore moi", "Re: Demande n° {}", "Request {}"])
def test_the_number_in_the_subject_counts_for_the_customer_only(shop, subject):
    ticket = services.receive_mail(make_mail(shop, from_address="claire@example.org").pk).ticket
    words = subject.format(ticket.number)

    mine = make_mail(shop, from_address="claire@example.org", subject=words)
    foreign = make_mail(shop, from_address="mallory@example.org", subject=words)
    forged = make_mail(
        shop, from_address="claire@example.org", subject=words, is_sender_sound=False
    )
    elsewhere = make_mail(ShopFactory(), from_address="claire@example.org", subject=words)

    assert services.receive_mail(mine.pk).ticket == ticket
    for mail in (foreign, forged, elsewhere):
        message = services.receive_mail(mail.pk)
        assert (message.ticket != ticket, message.ticket.continues) == (True, None)


def test_the_same_subject_is_no_evidence(shop):
    mails = [
        make_mail(shop, from_address="claire@example.org", subject="Re: Ma commande 1042")
        for _ in range(2)
    ]

    assert len({services.receive_mail(mail.pk).ticket for mail in mails}) == 2


def test_a_reference_of_another_shop_does_not_cross_over(shop, agent):
    ticket = make_ticket(shop)
    other = ShopFactory()
    mail = make_mail(other, from_address=ticket.reply_to, answers=answer(ticket, by=agent))

    message = services.receive_mail(mail.pk)

    assert message.ticket.shop == other
    assert message.ticket.continues is None


def test_a_solved_ticket_is_open_again_when_the_customer_answers(shop, agent):
    ticket = make_ticket(shop)
    ours = answer(ticket, by=agent, then="solved")
    before = published(TicketStateChanged)

    services.receive_mail(make_mail(shop, from_address=ticket.reply_to, answers=ours).pk)

    ticket.refresh_from_db()
    assert ticket.state == "open"
    assert ticket.solved_at is None
    assert published(TicketStateChanged) == before + 1


def test_a_snoozed_ticket_wakes_when_the_customer_answers(shop, agent):
    ticket = make_ticket(shop)
    ours = answer(ticket, by=agent)
    services.snooze(ticket.pk, until=now().replace(year=2030), by=agent)

    services.receive_mail(make_mail(shop, from_address=ticket.reply_to, answers=ours).pk)

    ticket.refresh_from_db()
    assert (ticket.state, ticket.snoozed_until) == ("open", None)


def test_a_closed_ticket_stays_closed_and_a_new_one_points_back(shop, agent):
    order = make_order(shop, email="claire@example.org")
    ticket = make_ticket(shop, profile=Profile.objects.get(pk=order.profile_id), order_id=order.pk)
    ours = answer(ticket, by=agent)
    services.change_state(ticket.pk, to="closed", by=agent)

    message = services.receive_mail(
        make_mail(shop, from_address="claire@example.org", answers=ours).pk
    )

    ticket.refresh_from_db()
    assert ticket.state == "closed"
    assert message.seq == 1
    assert message.ticket.continues == ticket
    assert message.ticket.order == order


@pytest.mark.parametrize("machine", ["auto_reply", "bounce", "list", "notification"])
def test_machine_mail_opens_no_ticket(shop, machine):
    mail = make_mail(shop, machine=machine)

    assert services.receive_mail(mail.pk) is None
    assert not Ticket.objects.exists()


@pytest.mark.parametrize("state", ["solved", "waiting"])
def test_an_automatic_answer_is_kept_but_wakes_nobody(shop, agent, state):
    ticket = make_ticket(shop)
    ours = answer(ticket, by=agent, then=state)
    mail = make_mail(
        shop, from_address=ticket.reply_to, answers=ours, machine="auto_reply", text="Absent."
    )

    message = services.receive_mail(mail.pk)

    ticket.refresh_from_db()
    assert message.ticket == ticket
    assert message.is_automatic
    assert ticket.state == state
    assert ticket.waiting_since is None
    assert ticket.snippet != "Absent."


def test_the_same_mail_received_again_is_the_same_message(shop):
    mail = make_mail(shop)

    first, second = (services.receive_mail(mail.pk) for _ in range(2))

    assert first == second
    assert Ticket.objects.count() == 1
    assert published(MessageAdded) == 1


def test_a_mail_of_mere_quotes_still_shows_its_text(shop):
    mail = make_mail(shop, text="> nothing of my own", visible_text="")

    assert services.receive_mail(mail.pk).text == "> nothing of my own"


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(order=st.permutations(range(6)), twice=st.sets(st.integers(0, 5)))
def test_mails_of_two_conversations_in_any_order_and_number_end_in_the_same_two_tickets(
    shop, agent, order, twice
):
    tickets = [make_ticket(shop) for _ in range(2)]
    ours = [answer(ticket, by=agent) for ticket in tickets]
    mails = [
        make_mail(shop, from_address=t.reply_to, answers=o, text=f"{t.pk}/{n}")
        for (t, o), n in itertools.product(zip(tickets, ours, strict=True), range(3))
    ]

    for index in order:
        for _ in range(2 if index in twice else 1):
            services.receive_mail(mails[index].pk)

    for ticket in tickets:
        words = ticket.messages.filter(kind="customer", mail__isnull=False)
        assert {m.text for m in words} == {f"{ticket.pk}/{n}" for n in range(3)}
        numbers = list(ticket.messages.order_by("seq").values_list("seq", flat=True))
        assert numbers == list(range(1, len(numbers) + 1))
    assert list(promises.numbering_breaches()) == []
    assert list(promises.mails_without_message()) == []


def test_every_promise_names_its_breach(shop, agent):
    ticket = make_ticket(shop)
    message = answer(ticket, by=agent)
    mail = make_mail(shop)
    mail.raw.outcome, mail.raw.settled_at = "message-added", now()
    mail.raw.save()
    OutgoingMessage.objects.filter(pk=message.outgoing_id).update(about="ticket:0")
    Ticket.objects.filter(pk=ticket.pk).update(last_seq=9)
    TicketMessage.objects.filter(pk=make_ticket(shop).messages.get().pk).delete()
    Ticket.objects.filter(pk=make_ticket(shop).pk).update(
        state="snoozed", snoozed_until=now().replace(year=2020)
    )

    assert any("is at 9 but has 3" in line for line in promises.numbering_breaches())
    assert list(promises.mails_without_message()) == [
        f"mail {mail.pk} is settled but stands in no ticket"
    ]
    assert any("went out as ticket:0" in line for line in promises.answers_without_mail())
    assert len(list(promises.oversleeping())) == 1
    assert Mail.objects.count() == 1


def test_a_ticket_without_messages_is_a_breach(shop):
    ticket = make_ticket(shop)
    ticket.messages.all().delete()
    Ticket.objects.filter(pk=ticket.pk).update(last_seq=0)

    assert list(promises.empty_tickets()) == [f"ticket {ticket.pk} has no message"]
