"""Mailboxes, messages and mails for tests."""

from __future__ import annotations

import hashlib
import uuid
from datetime import timedelta
from email.message import EmailMessage
from typing import Any

import factory
from django.utils.timezone import now
from factory.django import DjangoModelFactory

from messaging.models import (
    Attachment,
    Content,
    Link,
    Mail,
    Mailbox,
    MailRules,
    MessageTemplate,
    OutgoingMessage,
    ProviderCall,
    RawMail,
    ReceivedSms,
    SmsAccount,
    Suppression,
    TemplateText,
    TemplateVersion,
    Topic,
)
from messaging.rules import message_ids
from messaging.services.keys import signing_key
from tests.company.factories import ShopFactory


class OutgoingMessageFactory(DjangoModelFactory):
    """A waiting transactional mail."""

    class Meta:
        model = OutgoingMessage

    uuid = factory.LazyFunction(uuid.uuid4)
    shop = factory.SubFactory(ShopFactory)
    purpose = "transactional"
    lane = 0
    language = "fr"
    from_name = factory.SelfAttribute("shop.sender_name")
    from_address = factory.SelfAttribute("shop.support_email")
    recipient = factory.Sequence(lambda n: f"client{n}@example.org")
    subject = factory.Sequence(lambda n: f"Votre commande {n}")
    text = "Merci pour votre commande."
    message_id = factory.LazyAttribute(
        lambda row: message_ids.message_id(row.uuid, domain="example.com", key=signing_key())
    )
    is_automatic = True
    dedupe_key = factory.Sequence(lambda n: f"test:{n}")
    queued_at = factory.LazyFunction(now)
    available_at = factory.SelfAttribute("queued_at")


class TopicFactory(DjangoModelFactory):
    class Meta:
        model = Topic

    shop = factory.SubFactory(ShopFactory)
    code = factory.Sequence(lambda n: f"topic-{n}")
    names = factory.LazyFunction(lambda: {"fr": "Nouveautés"})
    created_at = factory.LazyFunction(now)


class EagerShopFactory(ShopFactory):
    """A shop that sends marketing to all who did not say no, also to bare addresses."""

    class Meta:
        skip_postgeneration_save = True

    @factory.post_generation
    def rules(self, create: bool, extracted: object, **options: object) -> None:
        MailRules.objects.create(shop=self, demands_opt_in=False)


class LinkFactory(DjangoModelFactory):
    """The first link of a sent marketing mail whose clicks are noted."""

    class Meta:
        model = Link

    message = factory.SubFactory(
        OutgoingMessageFactory,
        purpose="marketing",
        lane=2,
        state="sent",
        noted=1,
        sent_at=factory.LazyFunction(lambda: now() - timedelta(hours=1)),
        settled_at=factory.SelfAttribute("sent_at"),
    )
    number = 1
    target = "https://shop.example/robe?size=38"


class MailboxFactory(DjangoModelFactory):
    """An address without a server to fetch from."""

    class Meta:
        model = Mailbox

    shop = factory.SubFactory(ShopFactory)
    address = factory.Sequence(lambda n: f"boite{n}@maison.example")
    created_at = factory.LazyFunction(now)


class ProviderCallFactory(DjangoModelFactory):
    """A call that waits to be read; `parked=True` is one that nobody understood."""

    class Meta:
        model = ProviderCall

    class Params:
        parked = factory.Trait(
            state="parked",
            cause="not_understood",
            settled_at=factory.SelfAttribute("received_at"),
        )

    provider = "postmark"
    kind = "tracking"
    digest = factory.Sequence(lambda n: f"{n:064x}")
    content_type = "application/json"
    body = b"{"
    received_at = factory.LazyFunction(now)
    available_at = factory.SelfAttribute("received_at")


class SmsAccountFactory(DjangoModelFactory):
    """An account with a gateway that takes SMS by our own dialect, without secrets."""

    class Meta:
        model = SmsAccount

    shop = factory.SubFactory(ShopFactory)
    provider = "generic"
    sender = "Maison"
    url = "https://gateway.example/sms"
    created_at = factory.LazyFunction(now)


class ReceivedSmsFactory(DjangoModelFactory):
    class Meta:
        model = ReceivedSms

    account = factory.SubFactory(SmsAccountFactory, is_active=False)
    shop = factory.SelfAttribute("account.shop")
    from_number = "+33612345678"
    text = factory.Sequence(lambda n: f"Bonjour {n}")
    provider_id = factory.Sequence(lambda n: f"SM{n}")
    received_at = factory.LazyFunction(now)


class SuppressionFactory(DjangoModelFactory):
    class Meta:
        model = Suppression

    address = factory.Sequence(lambda n: f"stop{n}@example.org")
    scope = "everything"
    reason = "hard_bounce"
    created_at = factory.LazyFunction(now)


def mail_bytes(**parts: Any) -> bytes:
    """A plain mail as a customer's program writes it; keyword `headers` adds or replaces headers."""
    message = EmailMessage()
    headers = {
        "From": parts.pop("sender", "Claire Dubois <claire@example.org>"),
        "To": parts.pop("to", "bonjour@maison.example"),
        "Subject": parts.pop("subject", "Où est ma commande ?"),
        "Date": "Mon, 02 Nov 2026 10:00:00 +0100",
        "Message-ID": parts.pop("message_id", f"<{uuid.uuid4().hex}@example.org>"),
        **parts.pop("headers", {}),
    }
    for name, value in headers.items():
        if value is not None:
            message[name] = value
    message.set_content(parts.pop("text", "Bonjour,\n\nje n'ai rien reçu.\n\nClaire\n"))
    if html := parts.pop("html", None):
        message.add_alternative(html, subtype="html")
    for name, data in parts.pop("files", {}).items():
        message.add_attachment(data, maintype="application", subtype="octet-stream", filename=name)
    assert not parts, parts
    return message.as_bytes()


class ContentFactory(DjangoModelFactory):
    class Meta:
        model = Content

    body = factory.Sequence(lambda n: mail_bytes(subject=f"Question {n}"))
    size = factory.LazyAttribute(lambda row: len(row.body))
    sha256 = factory.LazyAttribute(lambda row: hashlib.sha256(row.body).hexdigest())


class RawMailFactory(DjangoModelFactory):
    """A raw mail that waits to be read; `quarantined=True` is one that could not be."""

    class Meta:
        model = RawMail

    class Params:
        quarantined = factory.Trait(
            state="quarantined",
            outcome="quarantined",
            cause="no_headers",
            settled_at=factory.LazyFunction(now),
        )

    mailbox = factory.SubFactory(MailboxFactory)
    content = factory.SubFactory(ContentFactory)
    source = "smtp"
    received_at = factory.LazyFunction(now)
    available_at = factory.SelfAttribute("received_at")


class MailFactory(DjangoModelFactory):
    """A read mail of a sound sender without a profile, which waits for the contact centre."""

    class Meta:
        model = Mail

    raw = factory.SubFactory(
        RawMailFactory, state="read", mailbox=factory.SelfAttribute("..mailbox")
    )
    mailbox = factory.SubFactory(MailboxFactory)
    shop = factory.SelfAttribute("mailbox.shop")
    dedupe_key = factory.Sequence(lambda n: f"{n:064d}")
    from_name = "Claire Dubois"
    from_address = factory.Sequence(lambda n: f"claire{n}@example.org")
    is_sender_sound = True
    subject = factory.Sequence(lambda n: f"Question {n}")
    text = "Bonjour"
    visible_text = "Bonjour"
    received_at = factory.SelfAttribute("raw.received_at")


class AttachmentFactory(DjangoModelFactory):
    class Meta:
        model = Attachment

    mail = factory.SubFactory(MailFactory)
    position = 0
    body = factory.SubFactory(ContentFactory)
    name = "photo.png"
    content_type = "image/png"


class TemplateFactory(DjangoModelFactory):
    """A template of a shop with nothing written yet."""

    class Meta:
        model = MessageTemplate
        skip_postgeneration_save = True

    shop = factory.SubFactory(ShopFactory)
    key = factory.Sequence(lambda n: f"template-{n}")
    name = factory.Sequence(lambda n: f"Template {n}")
    purpose = "marketing"
    created_at = factory.LazyFunction(now)

    @factory.post_generation
    def draft(self, create: bool, extracted: object, **options: object) -> None:
        version = TemplateVersion.objects.create(template=self, number=1, changed_at=now())
        TemplateText.objects.create(
            version=version, language="fr", format="markdown", subject="Bonjour", source="Texte"
        )
