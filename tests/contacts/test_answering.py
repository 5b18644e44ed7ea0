"""Answers, notes and drafts."""

from __future__ import annotations

import uuid

import pytest

from contacts import services
from contacts.models import Draft, TicketMessage
from contacts.services import answering, intake, ledger
from ecrm.kernel.models import EventRecord
from messaging.models import OutgoingMessage
from messaging.services.outgoing import InvalidRecipient
from tests.contacts.factories import OPENED_AT, answer, make_mail, make_ticket
from tests.profiles.factories import ProfileFactory


def test_an_answer_is_a_message_and_one_mail_in_the_customers_thread(shop, agent):
    mail = make_mail(shop, from_address="claire@example.org", subject="Où est ma commande ?")
    ticket = services.receive_mail(mail.pk).ticket

    message = answer(ticket, by=agent, text="Elle arrive demain.")

    sent = OutgoingMessage.objects.get()
    assert message.outgoing == sent
    assert sent.recipient == "claire@example.org"
    assert sent.subject == "Re: Où est ma commande ?"
    assert sent.in_reply_to == mail.message_id
    assert sent.references == [mail.message_id]
    assert sent.about == f"ticket:{ticket.pk}"
    assert sent.purpose == "transactional"
    assert sent.is_automatic is False
    assert sent.text.startswith("Elle arrive demain.\n\n-- \nAlice Roux\n")
    assert "> Merci, je l'ai reçue." in sent.text
    assert "Elle arrive demain." in sent.html


def test_the_second_answer_refers_to_the_whole_thread(shop, agent):
    mail = make_mail(shop, from_address="claire@example.org", references=["<earlier@example.org>"])
    ticket = services.receive_mail(mail.pk).ticket
    first = answer(ticket, by=agent)

    second = answer(ticket, by=agent, text="Encore une chose.")

    assert second.outgoing.in_reply_to == first.outgoing.message_id
    assert second.outgoing.references == [
        "<earlier@example.org>",
        mail.message_id,
        first.outgoing.message_id,
    ]


def test_markup_in_an_answer_stays_text(shop, agent):
    sent = answer(make_ticket(shop), by=agent, text="<b>5 < 6</b>").outgoing

    assert "<b>5" not in sent.html
    assert "&lt;b&gt;5 &lt; 6" in sent.html
    assert sent.text.startswith("<b>5 < 6</b>")


def test_after_an_answer_we_wait_for_the_customer(shop, agent):
    ticket = make_ticket(shop)

    answer(ticket, by=agent)

    ticket.refresh_from_db()
    assert ticket.state == "waiting"
    assert ticket.waiting_since is None
    assert ticket.first_answered_at is not None
    assert ticket.assignee == agent
    assert ticket.snippet == "Elle arrive demain."


def test_answering_a_colleagues_ticket_leaves_it_to_him(shop, agent, colleague):
    ticket = make_ticket(shop, assignee=colleague)

    answer(ticket, by=agent)

    ticket.refresh_from_db()
    assert ticket.assignee == colleague


def test_send_and_solve_solves(shop, agent):
    ticket = make_ticket(shop)

    answer(ticket, by=agent, then="solved")

    ticket.refresh_from_db()
    assert ticket.state == "solved"
    assert ticket.solved_at is not None


def test_answering_a_solved_ticket_waits_for_the_customer_again(shop, agent):
    ticket = make_ticket(shop, state="solved")

    answer(ticket, by=agent)

    ticket.refresh_from_db()
    assert ticket.state == "waiting"
    assert ticket.solved_at is None


def test_the_same_client_id_gives_the_first_answer_again(shop, agent):
    ticket = make_ticket(shop)
    client_id = uuid.uuid4()
    first = answer(ticket, by=agent, client_id=client_id)
    events = EventRecord.objects.count()

    again = answer(ticket, by=agent, client_id=client_id)

    assert again == first
    assert OutgoingMessage.objects.count() == 1
    assert EventRecord.objects.count() == events


def test_the_same_client_id_is_known_again_although_a_colleague_answered_meanwhile(
    shop, agent, colleague
):
    ticket = make_ticket(shop)
    client_id = uuid.uuid4()
    first = answer(ticket, by=agent, client_id=client_id, seen_seq=1)
    answer(ticket, by=colleague, text="Et autre chose.")

    assert answer(ticket, by=agent, client_id=client_id, seen_seq=1) == first


def test_a_client_id_with_other_words_is_refused_rather_than_lost(shop, agent):
    ticket = make_ticket(shop)
    client_id = uuid.uuid4()
    answer(ticket, by=agent, client_id=client_id)

    with pytest.raises(ledger.ClientIdReused):
        answer(ticket, by=agent, client_id=client_id, text="Autre chose")

    assert OutgoingMessage.objects.count() == 1


def test_an_answer_is_refused_when_a_colleague_was_faster(shop, agent, colleague):
    ticket = make_ticket(shop)
    theirs = answer(ticket, by=colleague, text="C'est parti.", seen_seq=1)

    with pytest.raises(answering.TicketMovedOn) as refusal:
        answer(ticket, by=agent, seen_seq=1)

    assert refusal.value.code == "ticket_moved_on"
    assert refusal.value.news == [theirs]
    assert OutgoingMessage.objects.count() == 1


def test_a_colleagues_note_does_not_stop_an_answer(shop, agent, colleague):
    ticket = make_ticket(shop)
    services.add_note(ticket.pk, text="Stammkunde!", by=colleague)

    assert answer(ticket, by=agent, seen_seq=1)


def test_a_refused_answer_keeps_the_draft(shop, agent, colleague):
    ticket = make_ticket(shop)
    answering.save_draft(ticket.pk, kind="reply", text="Je regarde", by=agent, seen_seq=1)
    answer(ticket, by=colleague)

    with pytest.raises(answering.TicketMovedOn):
        answer(ticket, by=agent, seen_seq=1)

    assert Draft.objects.get().text == "Je regarde"


def test_a_closed_ticket_takes_no_answer(shop, agent):
    with pytest.raises(answering.TicketClosed):
        answer(make_ticket(shop, state="closed"), by=agent)


def test_a_customer_without_address_can_not_be_answered(shop, agent):
    ticket = make_ticket(shop, profile=ProfileFactory(shop=shop, email=None))

    with pytest.raises(answering.CustomerUnreachable):
        answer(ticket, by=agent)


def test_an_address_that_is_none_is_told_and_nothing_is_kept(shop, agent):
    ticket = make_ticket(shop, reply_to="not@@an.address")

    with pytest.raises(InvalidRecipient):
        answer(ticket, by=agent)

    assert ticket.messages.count() == 1


@pytest.mark.parametrize("text", ["", "   \n "])
def test_an_empty_answer_or_note_is_refused(shop, agent, text):
    ticket = make_ticket(shop)

    with pytest.raises(intake.EmptyMessage):
        answer(ticket, by=agent, text=text)
    with pytest.raises(intake.EmptyMessage):
        services.add_note(ticket.pk, text=text, by=agent)


def test_a_missing_ticket_is_told(db, agent):
    with pytest.raises(ledger.TicketNotFound):
        services.add_note(404, text="?", by=agent)


def test_a_note_reaches_nobody_outside_and_moves_no_state(shop, agent):
    ticket = make_ticket(shop)

    note = services.add_note(ticket.pk, text="Stammkunde!", by=agent)

    ticket.refresh_from_db()
    assert note.kind == TicketMessage.Kind.NOTE
    assert ticket.state == "new"
    assert ticket.waiting_since == OPENED_AT
    assert not OutgoingMessage.objects.exists()


def test_a_note_sent_again_is_the_same_note(shop, agent):
    ticket = make_ticket(shop)
    client_id = uuid.uuid4()

    notes = {services.add_note(ticket.pk, text="x", by=agent, client_id=client_id) for _ in "ab"}

    assert len(notes) == 1


def test_a_draft_is_kept_per_agent_and_replaced(shop, agent, colleague):
    ticket = make_ticket(shop)
    answering.save_draft(ticket.pk, kind="reply", text="Bon", by=agent)
    answering.save_draft(ticket.pk, kind="note", text="Bonjour", by=agent)
    answering.save_draft(ticket.pk, kind="reply", text="Guten Tag", by=colleague)

    drafts = Draft.objects.order_by("agent__name").values_list("kind", "text")

    assert list(drafts) == [("note", "Bonjour"), ("reply", "Guten Tag")]


def test_sending_forgets_the_draft_and_a_late_autosave_does_not_bring_it_back(shop, agent):
    ticket = make_ticket(shop)
    client_id = uuid.uuid4()
    answering.save_draft(ticket.pk, kind="reply", text="Elle", by=agent, client_id=client_id)
    answer(ticket, by=agent, client_id=client_id)

    late = answering.save_draft(ticket.pk, kind="reply", text="Elle", by=agent, client_id=client_id)

    assert late is None
    assert not Draft.objects.exists()


def test_an_emptied_draft_is_forgotten(shop, agent):
    ticket = make_ticket(shop)
    answering.save_draft(ticket.pk, kind="reply", text="Bon", by=agent)

    answering.save_draft(ticket.pk, kind="reply", text="  ", by=agent)

    assert not Draft.objects.exists()


def test_what_is_published_carries_ids_and_no_words(shop, agent):
    ticket = make_ticket(shop, text="secret words")
    answer(ticket, by=agent, text="secret answer")

    for record in EventRecord.objects.filter(name__startswith="contacts."):
        assert "secret" not in str(record.payload)
        assert record.shop_id == shop.pk
        assert record.profile_id == ticket.profile_id
