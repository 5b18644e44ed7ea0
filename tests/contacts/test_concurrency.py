"""Many hands on one ticket, each with a database connection of its own."""

from __future__ import annotations

import uuid

import pytest

from contacts import services
from contacts.models import Ticket, TicketMessage
from contacts.queries import promises
from contacts.services import answering, triage
from messaging.models import OutgoingMessage
from tests.company.factories import AgentFactory, ShopFactory
from tests.contacts.factories import answer, make_mail, make_ticket
from tests.profiles.threads import in_threads

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def shop():
    return ShopFactory()


def outcome(work):
    try:
        return work()
    except (answering.TicketMovedOn, triage.TicketTaken) as refusal:
        return refusal.code


def test_of_many_agents_who_answer_at_once_one_is_heard(shop):
    ticket = make_ticket(shop)
    agents = [AgentFactory(role="support", shop=shop) for _ in range(8)]

    results = in_threads(
        8, lambda i: outcome(lambda: answer(ticket, by=agents[i], text=f"{i}", seen_seq=1))
    )

    accepted = [r for r in results if isinstance(r, TicketMessage)]
    assert len(accepted) == 1
    assert results.count("ticket_moved_on") == 7
    assert OutgoingMessage.objects.count() == 1
    assert list(promises.numbering_breaches()) == []


def test_the_same_answer_sent_by_many_hands_leaves_once(shop):
    ticket = make_ticket(shop)
    agent = AgentFactory(role="support", shop=shop)
    client_id = uuid.uuid4()

    results = in_threads(8, lambda i: answer(ticket, by=agent, client_id=client_id, seen_seq=1))

    assert len({message.pk for message in results}) == 1
    assert OutgoingMessage.objects.count() == 1


def test_numbers_have_no_gap_when_everybody_writes_at_once(shop):
    ticket = make_ticket(shop)

    in_threads(
        8,
        lambda i: [
            services.add_customer_message(ticket.pk, text=f"{i}/{n}", client_id=uuid.uuid4())
            for n in range(5)
        ],
    )

    numbers = list(ticket.messages.order_by("pk").values_list("seq", flat=True))
    assert sorted(numbers) == list(range(1, 42))
    assert Ticket.objects.get().last_seq == 41


def test_a_reader_never_sees_a_number_before_its_predecessor(shop):
    ticket = make_ticket(shop)
    seen = []

    def work(index):
        if index == 0:
            seen.extend(sorted(ticket.messages.values_list("seq", flat=True)) for _ in range(120))
        else:
            for n in range(10):
                services.add_note(ticket.pk, text=f"{index}/{n}", by=None)

    in_threads(4, work)

    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in seen)


def test_the_same_mail_received_by_many_hands_is_one_message(shop):
    mail = make_mail(shop)

    results = in_threads(6, lambda i: services.receive_mail(mail.pk))

    assert len({message.pk for message in results}) == 1
    assert Ticket.objects.count() == 1


def test_of_many_who_take_a_free_ticket_one_gets_it(shop):
    ticket = make_ticket(shop)
    agents = [AgentFactory(role="support", shop=shop) for _ in range(6)]

    results = in_threads(6, lambda i: outcome(lambda: services.take(ticket.pk, by=agents[i])))

    assert results.count("ticket_taken") == 5


def test_ticket_numbers_are_unique_when_many_are_opened_at_once(shop):
    mails = [make_mail(shop) for _ in range(8)]

    in_threads(8, lambda i: services.receive_mail(mails[i].pk))

    assert len(set(Ticket.objects.values_list("number", flat=True))) == 8
