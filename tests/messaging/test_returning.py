"""Addresses that name their message: where answers and bounces come back to, in both gears of sending."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from messaging.models import Mail, Mailbox, OutgoingMessage
from messaging.rules import tokens
from messaging.services import accept_raw, mailings, reading
from messaging.services.keys import accepted_keys
from messaging.services.mailings import MassRecipient
from messaging.services.mass import MassSender
from messaging.services.sending import Sender
from messaging.transports.reader import MailReader
from messaging.types import Envelope
from tests.company.factories import AgentFactory
from tests.messaging.factories import (
    EagerShopFactory,
    MailboxFactory,
    OutgoingMessageFactory,
    mail_bytes,
)
from tests.messaging.smtp_sink import Server

pytestmark = pytest.mark.django_db(transaction=True)


def mailbox(**options: Any) -> Mailbox:
    found = MailboxFactory(**{"takes_plus": True, **options})
    found.shop.support_email = found.address
    found.shop.save()
    return found


def answer_of(box: Mailbox, **options: Any) -> OutgoingMessage:
    """What an agent wrote in a request."""
    return OutgoingMessageFactory(shop=box.shop, is_automatic=False, **options)


def named(address: str | None, use: tokens.Use) -> Any:
    return tokens.uuid_of(tokens.plus_token(address or ""), use=use, keys=accepted_keys())


def test_an_answer_asks_for_answers_and_reports_that_name_it(sender: Sender, smtp: Server) -> None:
    message = answer_of(mailbox())

    sender.send_due()

    handed = smtp.sink.accepted[0]
    assert named(handed.sender, "bounce") == message.uuid
    assert named(handed.mail["Reply-To"], "reply") == message.uuid
    assert handed.mail["From"].endswith(f"<{message.from_address}>")


def test_automatic_mail_shows_a_plain_address_and_its_reports_name_it(
    sender: Sender, smtp: Server
) -> None:
    message = OutgoingMessageFactory(shop=mailbox().shop)

    sender.send_due()

    handed = smtp.sink.accepted[0]
    assert handed.mail["Reply-To"] is None
    assert named(handed.sender, "bounce") == message.uuid


@pytest.mark.parametrize("options", [{"takes_plus": False}, {"is_active": False}])
def test_a_mailbox_without_plus_addresses_gets_none(
    options: dict[str, bool], sender: Sender, smtp: Server
) -> None:
    message = answer_of(mailbox(**options))

    sender.send_due()

    handed = smtp.sink.accepted[0]
    assert handed.sender == message.from_address
    assert handed.mail["Reply-To"] is None


def test_an_address_that_would_be_too_long_stays_plain(sender: Sender, smtp: Server) -> None:
    message = answer_of(mailbox(address=f"{'a' * 30}@maison.example"))

    sender.send_due()

    assert smtp.sink.accepted[0].sender == message.from_address
    assert smtp.sink.accepted[0].mail["Reply-To"] is None


def test_each_mass_mail_has_a_return_path_of_its_own(mass_sender: MassSender, smtp: Server) -> None:
    box = mailbox(shop=EagerShopFactory())
    wording = mailings.keep_wording(shop_id=box.shop_id, language="fr", subject="Été", text="Oui")
    recipients = [
        MassRecipient(to=f"{n}@example.org", profile_id=None, data={}, dedupe_key=f"m:{n}")
        for n in range(3)
    ]
    mailings.queue_many(wording, recipients=recipients)
    OutgoingMessageFactory(shop=box.shop, lane=2, purpose="marketing", recipient="own@example.org")

    while mass_sender.send_due():
        pass

    uuids = dict(OutgoingMessage.objects.values_list("recipient", "uuid"))
    assert len(smtp.sink.accepted) == 4
    for handed in smtp.sink.accepted:
        assert named(handed.sender, "bounce") == uuids[handed.recipient]
        assert handed.mail["From"].endswith(f"{box.address}>")


def test_what_comes_back_to_these_addresses_finds_its_message(sender: Sender, smtp: Server) -> None:
    box = mailbox()
    message = answer_of(box)
    sender.send_due()
    handed = smtp.sink.accepted[0]
    reader = MailReader()

    for to, raw in (
        (handed.mail["Reply-To"], mail_bytes(sender="claire@example.org", text="Merci")),
        (handed.sender, mail_bytes(sender="mailer-daemon@example.org", text="Perdu")),
    ):
        accept_raw(
            raw,
            mailbox_id=box.pk,
            source="smtp",
            envelope=Envelope(sender="", recipient=to),
        )
        reading.read_next(reader)
    reader.close()

    assert list(Mail.objects.order_by("pk").values_list("answers__uuid", "evidence")) == [
        (message.uuid, "reply-token"),
        (message.uuid, "bounce-tok"),
    ]


def test_the_mailbox_s_page_sets_it(client: Any) -> None:
    box = MailboxFactory()
    client.force_login(AgentFactory(owner=True))
    given = {
        "address": box.address,
        "sign_in": "password",
        "port": 993,
        "security": "tls",
        "folder": "INBOX",
        "takes_plus": "on",
    }

    client.post(reverse("messaging:mailbox-edit", args=[box.pk]), given)

    box.refresh_from_db()
    assert box.takes_plus
