"""With whom shops send SMS, and what customers write back."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class SmsAccount(models.Model):
    """A shop's account with an SMS provider; one of a shop is active.

    `username` and `service` are what the provider calls them (Twilio: account SID; OVH: application key and
    service name). The secrets are encrypted. An account that is no longer active still takes reports.
    """

    class Provider(models.TextChoices):
        OVH = "ovh", "OVHcloud"
        BREVO = "brevo", "Brevo"
        TWILIO = "twilio", "Twilio"
        GENERIC = "generic", _("Another one, by HTTP")

    shop = models.ForeignKey("company.Shop", on_delete=models.PROTECT, related_name="+")
    provider = models.CharField(max_length=7, choices=Provider.choices)
    sender = models.CharField(max_length=40)
    url = models.CharField(max_length=300, blank=True, default="")
    username = models.CharField(max_length=100, blank=True, default="")
    service = models.CharField(max_length=100, blank=True, default="")
    secrets_encrypted = models.TextField(blank=True, default="")
    stop_note = models.CharField(max_length=60, blank=True, default="")
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["shop"],
                condition=Q(is_active=True),
                name="messaging_smsaccount_one_active",
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_provider_display()} · {self.sender}"

    @property
    def host(self) -> str:
        """What attempts and pauses call it."""
        return f"{self.provider}#{self.pk}"


class ReceivedSms(models.Model):
    """What a customer wrote to a number of ours. `order` is what his one word ordered: stop or start."""

    class Order(models.TextChoices):
        NONE = "", _("Message")
        STOP = "stop", _("No more SMS")
        START = "start", _("SMS again")

    account = models.ForeignKey(SmsAccount, on_delete=models.PROTECT, related_name="+")
    shop = models.ForeignKey(
        "company.Shop", on_delete=models.PROTECT, related_name="+", db_index=False
    )
    profile = models.ForeignKey(
        "profiles.Profile",
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        db_index=False,
    )
    answers = models.ForeignKey(
        "messaging.OutgoingMessage",
        on_delete=models.SET_NULL,
        related_name="+",
        null=True,
        blank=True,
        db_index=False,
    )
    from_number = models.CharField(max_length=40, blank=True)
    to_number = models.CharField(max_length=40, blank=True, default="")
    text = models.TextField(blank=True)
    order = models.CharField(max_length=5, choices=Order.choices, blank=True, default=Order.NONE)
    provider_id = models.CharField(max_length=100)
    received_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "received SMS"
        constraints = [
            models.UniqueConstraint(
                fields=["account", "provider_id"], name="messaging_receivedsms_once"
            )
        ]
        indexes = [
            models.Index(fields=["shop", "-id"], name="messaging_receivedsms_shop"),
            models.Index(fields=["-received_at", "-id"], name="messaging_receivedsms_received"),
            models.Index(fields=["profile", "-id"], name="messaging_receivedsms_profile"),
            models.Index(fields=["from_number"], name="messaging_receivedsms_from"),
        ]

    def __str__(self) -> str:
        return f"SMS #{self.pk}"
