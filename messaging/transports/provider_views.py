"""The readers of webhooks that django-anymail has, those which need no call of their own to the provider."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from anymail.webhooks import (
    amazon_ses,
    mailersend,
    mailgun,
    mailjet,
    mailtrap,
    mandrill,
    postal,
    postmark,
    resend,
    sendgrid,
    sparkpost,
    unisender_go,
)
from anymail.webhooks.base import AnymailBaseWebhookView
from anymail.webhooks.brevo import BrevoTrackingWebhookView

from messaging.transports.unread import NotUnderstood

Kind = Literal["inbound", "tracking"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Provider:
    """The views that read a provider's calls, and the name of the key that signs them, if it signs.

    `signs_url` when the address of the call is signed too, `asks_by_get` when it is looked at before.
    """

    views: Mapping[Kind, type[AnymailBaseWebhookView]]
    key_names: Mapping[Kind, str]
    signs_url: bool = False
    asks_by_get: bool = False


def _signed(name: str) -> Mapping[Kind, str]:
    return {"inbound": name, "tracking": name}


class _WithoutAmazonsLibrary(AnymailBaseWebhookView):
    """Amazon's calls read without a call to Amazon: who subscribes us is confirmed by an operator."""

    def __init__(self, **options: Any) -> None:
        AnymailBaseWebhookView.__init__(self, **options)

    def auto_confirm_sns_subscription(self, sns_message: Any) -> None:  # noqa: ARG002 - of the library
        raise NotUnderstood("to_be_confirmed")


class _AmazonTracking(_WithoutAmazonsLibrary, amazon_ses.AmazonSESTrackingWebhookView):
    """Reports of Amazon SES."""


class _AmazonInbound(_WithoutAmazonsLibrary, amazon_ses.AmazonSESInboundWebhookView):
    """Mails that Amazon SES sends along; those it puts into a bucket are parked."""


PROVIDERS: Final[Mapping[str, Provider]] = {
    "amazon_ses": Provider(
        views={"inbound": _AmazonInbound, "tracking": _AmazonTracking}, key_names={}
    ),
    "brevo": Provider(views={"tracking": BrevoTrackingWebhookView}, key_names={}),
    "mailersend": Provider(
        views={
            "inbound": mailersend.MailerSendInboundWebhookView,
            "tracking": mailersend.MailerSendTrackingWebhookView,
        },
        key_names={"inbound": "inbound_secret", "tracking": "signing_secret"},
    ),
    "mailgun": Provider(
        views={
            "inbound": mailgun.MailgunInboundWebhookView,
            "tracking": mailgun.MailgunTrackingWebhookView,
        },
        key_names=_signed("webhook_signing_key"),
    ),
    "mailjet": Provider(
        views={
            "inbound": mailjet.MailjetInboundWebhookView,
            "tracking": mailjet.MailjetTrackingWebhookView,
        },
        key_names={},
    ),
    "mailtrap": Provider(
        views={"tracking": mailtrap.MailtrapTrackingWebhookView},
        key_names={"tracking": "tracking_secret"},
    ),
    "mandrill": Provider(
        views={
            "inbound": mandrill.MandrillCombinedWebhookView,
            "tracking": mandrill.MandrillCombinedWebhookView,
        },
        key_names=_signed("webhook_key"),
        signs_url=True,
    ),
    "postal": Provider(
        views={
            "inbound": postal.PostalInboundWebhookView,
            "tracking": postal.PostalTrackingWebhookView,
        },
        key_names=_signed("webhook_key"),
    ),
    "postmark": Provider(
        views={
            "inbound": postmark.PostmarkInboundWebhookView,
            "tracking": postmark.PostmarkTrackingWebhookView,
        },
        key_names={},
    ),
    "resend": Provider(views={"tracking": resend.ResendTrackingWebhookView}, key_names={}),
    "sendgrid": Provider(
        views={
            "inbound": sendgrid.SendGridInboundWebhookView,
            "tracking": sendgrid.SendGridTrackingWebhookView,
        },
        key_names={},
    ),
    "sparkpost": Provider(
        views={
            "inbound": sparkpost.SparkPostInboundWebhookView,
            "tracking": sparkpost.SparkPostTrackingWebhookView,
        },
        key_names={},
    ),
    "unisender_go": Provider(
        views={"tracking": unisender_go.UnisenderGoTrackingWebhookView},
        key_names={"tracking": "api_key"},
        asks_by_get=True,
    ),
}
