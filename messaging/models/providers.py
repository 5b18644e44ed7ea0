"""What mail providers tell us by webhook, as they said it."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class ProviderCallQuerySet(models.QuerySet["ProviderCall"]):
    def due(self, at: datetime) -> ProviderCallQuerySet:
        """Waiting to be understood, the longest-waiting first."""
        return self.filter(state="received", available_at__lte=at).order_by("available_at", "pk")

    def parked(self) -> ProviderCallQuerySet:
        """Could not be understood; a person may look. The latest first."""
        return self.filter(state="parked").order_by("-pk")


class ProviderCall(models.Model):
    """One call of a provider, committed before the provider was answered; the same body is kept once.

    `account` is the SMS account that proved the call; it speaks for messages of that shop only.
    The body goes as soon as it was understood: what it said stands in mails and messages then.
    """

    class Kind(models.TextChoices):
        INBOUND = "inbound", _("Received mail")
        TRACKING = "tracking", _("Delivery reports")
        SMS = "sms", _("SMS")

    class State(models.TextChoices):
        RECEIVED = "received", _("To be read")
        DONE = "done", _("Done")
        PARKED = "parked", _("Not understood")

    provider = models.CharField(max_length=20)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    account = models.ForeignKey(
        "messaging.SmsAccount",
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        db_index=False,
    )
    digest = models.CharField(max_length=64)
    content_type = models.CharField(max_length=200, blank=True)
    body = models.BinaryField(null=True, blank=True)
    received_at = models.DateTimeField()
    state = models.CharField(max_length=8, choices=State.choices, default=State.RECEIVED)
    cause = models.CharField(max_length=40, blank=True, default="")
    attempts = models.PositiveSmallIntegerField(default=0)
    available_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True, blank=True)

    objects = ProviderCallQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "kind", "digest"], name="messaging_providercall_once"
            ),
            models.CheckConstraint(
                name="messaging_providercall_state_known",
                condition=Q(state="received", settled_at__isnull=True, body__isnull=False)
                | Q(state="done", settled_at__isnull=False, body__isnull=True)
                | Q(state="parked", settled_at__isnull=False),
            ),
            models.CheckConstraint(
                name="messaging_providercall_parked_iff_cause",
                condition=(Q(state="parked") & ~Q(cause="")) | (~Q(state="parked") & Q(cause="")),
            ),
        ]
        indexes = [
            models.Index(
                fields=["available_at", "id"],
                name="messaging_providercall_due",
                condition=Q(state="received"),
            ),
            models.Index(
                fields=["-id"],
                name="messaging_providercall_parked",
                condition=Q(state="parked"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.kind} #{self.pk}"
