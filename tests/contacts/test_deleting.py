"""Deleting a conversation: the words go, the tombstone keeps its mails from reviving it."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from company.models import AuditEntry
from contacts import services
from contacts.models import Draft, Ticket, TicketMessage
from contacts.queries import figures, inbox
from contacts.services import deleting, ledger
from contacts.services.mailroom import receive_mail
from ecrm.kernel import verify
from messaging.models import Mail, RawMail
from messaging.services import accept_raw, reading
from messaging.transports.reader import MailReader
from tests.company.factories import AgentFactory, ShopFactory
from tests.contacts.factories import answer, make_mail, make_ticket
from tests.messaging.factories import MailboxFactory, mail_bytes

pytestmark = pytest.mark.django_db


def test_the_words_are_gone_and_nobody_sees_the_request() -> None:
    agent = AgentFactory(owner=True)
    ticket = make_ticket(text="Mon secret", state="open")
    Draft.objects.create(
        ticket=ticket, agent=agent, kind="reply", text="x", updated_at=ticket.opened_at
    )

    deleting.delete_ticket(ticket.pk, by=agent)

    stone = Ticket.everything.get()
    assert (stone.subject, stone.snippet, stone.reply_to, stone.state) == ("", "", "", "closed")
    assert set(TicketMessage.objects.values_list("text", flat=True)) == {""}
    assert not Draft.objects.exists()
    assert inbox.find(agent, ticket.number) is None
    assert not inbox.visible_to(agent).exists()
    assert inbox.counts([ticket.shop_id], agent_id=agent.pk)["open"] == 0
    assert AuditEntry.objects.get(action="contacts.ticket-deleted").target == (
        f"ticket:{ticket.number}"
    )
    with pytest.raises(ledger.TicketNotFound):
        deleting.delete_ticket(ticket.pk, by=agent)


@pytest.mark.django_db(transaction=True)
def test_a_mail_fetched_again_does_not_revive_it() -> None:
    box, raw, reader = MailboxFactory(), mail_bytes(text="Mon secret"), MailReader()

    def arrive() -> None:
        accept_raw(raw, mailbox_id=box.pk, source="imap")
        assert reading.read_next(reader)

    arrive()
    message = receive_mail(Mail.objects.get().pk)
    assert message is not None
    deleting.delete_ticket(message.ticket_id, by=None)
    arrive()
    reader.close()

    assert list(RawMail.objects.order_by("pk").values_list("outcome", flat=True)) == [
        "conversation-opened",
        "duplicate",
    ]
    mail = Mail.objects.get()
    assert (mail.text, mail.from_address, mail.subject) == ("", "", "")
    assert not Ticket.objects.exists()
    # The original stays until its retention ends.
    assert bytes(RawMail.objects.order_by("pk")[0].content.body) == raw


def test_the_same_mail_handed_over_again_adds_nothing() -> None:
    mail = make_mail(ShopFactory())
    message = receive_mail(mail.pk)
    assert message is not None
    deleting.delete_ticket(message.ticket_id, by=None)

    again = receive_mail(mail.pk)

    assert again == message
    assert Ticket.everything.count() == 1


def test_whoever_answers_to_it_opens_a_new_conversation() -> None:
    shop, agent = ShopFactory(), AgentFactory(owner=True)
    ticket = make_ticket(shop)
    sent = answer(ticket, by=agent)
    deleting.delete_ticket(ticket.pk, by=agent)

    message = receive_mail(make_mail(shop, answers=sent).pk)

    assert message is not None
    assert message.ticket_id != ticket.pk
    assert Ticket.objects.get().continues is None


def test_its_number_in_a_subject_leads_nowhere() -> None:
    shop = ShopFactory()
    mail = make_mail(shop)
    first = receive_mail(mail.pk)
    assert first is not None
    number = first.ticket.number
    deleting.delete_ticket(first.ticket_id, by=None)

    second = receive_mail(make_mail(shop, subject=f"[#{number}] encore").pk)

    assert second is not None
    assert second.ticket_id != first.ticket_id


def _broken_promises() -> set[str]:
    return {one.key for one in verify.all_invariants() if list(one.check())}


def test_the_numbers_still_add_up() -> None:
    ticket = make_ticket(state="waiting")
    services.add_customer_message(ticket.pk, text="Encore")
    before = _broken_promises()

    deleting.delete_ticket(ticket.pk, by=None)

    assert figures.count_requests(ticket.profile_id, shop_id=ticket.shop_id).requests_count == 1
    assert figures.differing() == set()
    assert _broken_promises() == before


def test_deleting_is_asked_for_twice_and_needs_the_permission(client: Any) -> None:
    ticket = make_ticket()
    url = reverse("contacts:ticket-delete", args=[ticket.number])
    client.force_login(AgentFactory(role="support", shop=ticket.shop))
    assert client.post(url).status_code == 403
    client.force_login(AgentFactory(role="manager", shop=ticket.shop))

    assert "for good" in client.get(url).content.decode()
    assert Ticket.objects.exists()
    client.post(url)

    assert not Ticket.objects.exists()
    assert client.get(reverse("contacts:ticket", args=[ticket.number])).status_code == 404
