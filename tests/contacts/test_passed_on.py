"""What forms and market places pass on is answered to who wrote it, who proves nothing by it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from contacts import services as contacts
from contacts.models import Ticket, TicketMessage
from messaging import services
from messaging.mime import reading
from messaging.models import Mail
from messaging.services import reading as intake
from messaging.transports.reader import MailReader
from profiles.models import Profile
from tests.contacts.factories import answer, make_mail, make_ticket
from tests.messaging.factories import MailboxFactory, mail_bytes

FORM = "Name: Anna\nE-mail: anna@gmail.example\nMessage: Wo ist mein Paket?\n"


@pytest.fixture(scope="module")
def reader() -> Iterator[MailReader]:
    reader = MailReader()
    yield reader
    reader.close()


def received(reader: MailReader, shop, sender: str, **parts) -> Mail:
    mailbox = MailboxFactory(shop=shop, address="service@boutique.example")
    headers = {"Reply-To": "Anna <anna@gmail.example>", **parts.pop("headers", {})}
    raw = mail_bytes(sender=sender, text=parts.pop("text", FORM), headers=headers, **parts)
    raw_id = services.accept_raw(raw, mailbox_id=mailbox.pk, source="smtp")
    while intake.read_next(reader):
        pass
    return Mail.objects.get(raw=raw_id)


@pytest.mark.parametrize(
    "sender",
    [
        "Boutique <noreply@host.example>",
        "WordPress <wordpress@host.example>",
        "www-data <www-data@srv1.host.example>",
        '"Boutique (Shopify)" <mailer@shopify.example>',
        "Boutique <service@boutique.example>",
    ],
)
def test_what_a_form_sends_opens_a_request_of_who_filled_it_in(reader, shop, sender):
    mail = received(reader, shop, sender)

    ticket = contacts.receive_mail(mail.pk).ticket

    assert (mail.machine, mail.is_passed_on) == ("", True)
    assert ticket.reply_to == "anna@gmail.example"
    assert Profile.objects.get(pk=ticket.profile_id).first_name == "Anna"


def test_our_own_address_with_a_reply_to_elsewhere_is_that_person_s_mail(reader, shop):
    mail = received(reader, shop, "service@boutique.example", text="Wo ist mein Paket?\n")

    assert contacts.receive_mail(mail.pk).ticket.reply_to == "anna@gmail.example"


def test_who_is_named_in_a_form_is_unverified_in_the_request_of_that_customer(reader, shop, agent):
    ticket = make_ticket(shop, reply_to="anna@gmail.example")
    ours = answer(ticket, by=agent).outgoing
    mail = received(reader, shop, "noreply@evil.example", headers={"In-Reply-To": ours.message_id})

    message = contacts.receive_mail(mail.pk)

    assert (message.ticket, message.is_unverified) == (ticket, True)
    assert TicketMessage.objects.filter(ticket=ticket, is_unverified=True).count() == 1
    assert Ticket.objects.count() == 1


@pytest.mark.parametrize(
    ("sender", "headers"),
    [
        ("noreply@vendor.example", {"Reply-To": "support@mail.vendor.example"}),
        ("noreply@vendor.example", {"Reply-To": "sales@elsewhere.example"}),
        ("noreply@vendor.example", {"Reply-To": "anna@gmail.example, b@gmail.example"}),
        (
            "noreply@vendor.example",
            {"Reply-To": "anna@gmail.example", "Auto-Submitted": "auto-generated"},
        ),
    ],
    ids=["same house", "not in the words", "two people", "says so"],
)
def test_other_mail_of_programs_stays_mail_of_programs(sender, headers):
    text = f"{FORM}support@mail.vendor.example\n"

    assert reading.read(mail_bytes(sender=sender, text=text, headers=headers)).machine == (
        "notification"
    )


def test_an_address_inside_a_longer_one_is_another_address():
    text = "E-mail: rosanna@gmail.example.org, anna@gmail.example.org\n"
    raw = mail_bytes(
        sender="noreply@host.example", text=text, headers={"Reply-To": "anna@gmail.example"}
    )

    assert reading.read(raw).passed_on_for is None


def test_a_stranger_s_words_bring_a_solved_request_back_and_change_nothing_else(shop, agent):
    ticket = make_ticket(shop, reply_to="anna@gmail.example")
    ours = answer(ticket, by=agent, then="solved")
    mail = make_mail(shop, from_address="mallory@example.org", answers=ours)

    message = contacts.receive_mail(mail.pk)

    ticket.refresh_from_db()
    assert (message.is_unverified, ticket.state) == (True, "open")
    assert (ticket.reply_to, ticket.profile) == ("anna@gmail.example", message.ticket.profile)
