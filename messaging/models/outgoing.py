"""What is sent and each try to send it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db import connection, models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from messaging.rules import delivery


class OutgoingMessageQuerySet(models.QuerySet["OutgoingMessage"]):
    def due(self, at: datetime) -> OutgoingMessageQuerySet:
        """Single mail, waiting and not delayed at this moment, the most urgent first."""
        return self.filter(
            lane__lt=delivery.MASS_LANE,
            channel="mail",
            state__in=["pending", "deferred"],
            available_at__lte=at,
        ).order_by("lane", "available_at", "pk")

    def due_sms(self, shop_id: int, at: datetime) -> OutgoingMessageQuerySet:
        """SMS of a shop, waiting and not delayed at this moment, the most urgent first."""
        return self.filter(
            shop_id=shop_id,
            channel="sms",
            state__in=["pending", "deferred"],
            available_at__lte=at,
        ).order_by("lane", "available_at", "pk")

    def abandoned(self, at: datetime) -> OutgoingMessageQuerySet:
        """Claimed by a sender whose lease ran out."""
        return self.filter(state="claimed", lease_until__lt=at).order_by("pk")

    def held_by(self, token: UUID) -> OutgoingMessageQuerySet:
        """Claimed under this lease: the fence that keeps a stale sender from settling."""
        return self.filter(state="claimed", lease_token=token)

    def visible_in(self, shop_ids: frozenset[int]) -> OutgoingMessageQuerySet:
        """Messages of these shops; mail of the installation itself belongs to no shop."""
        return self.filter(shop_id__in=shop_ids)

    def for_list(self) -> OutgoingMessageQuerySet:
        """Everything one row of the log shows, newest first, without the bodies."""
        return self.select_related("shop").defer("text", "html").order_by("-queued_at", "-pk")


class OutgoingMessage(models.Model):
    """One message to one person, written down before anything leaves the house.

    `lane` orders the queue by purpose, so that a receipt never waits behind a campaign. A lease is
    `lease_until` plus `lease_token`: only the holder of the current token may settle the message.
    What it says is written into it, or, for one of many, made of a `wording` and its `data` as it leaves.
    `noted` are the bits of what is noted about it (rules/hits.py), as they were when it was claimed.
    """

    class Channel(models.TextChoices):
        MAIL = "mail", _("E-mail")
        SMS = "sms", _("SMS")

    class Purpose(models.TextChoices):
        TRANSACTIONAL = "transactional", _("Transactional")
        SERVICE = "service", _("Service")
        MARKETING = "marketing", _("Marketing")

    class State(models.TextChoices):
        PENDING = "pending", pgettext_lazy("message state", "Waiting")
        CLAIMED = "claimed", pgettext_lazy("message state", "Being sent")
        SENT = "sent", pgettext_lazy("message state", "Sent")
        DELIVERED = "delivered", pgettext_lazy("message state", "Delivered")
        DEFERRED = "deferred", pgettext_lazy("message state", "Deferred")
        FAILED = "failed", pgettext_lazy("message state", "Failed")
        SKIPPED = "skipped", pgettext_lazy("message state", "Not sent")
        CANCELLED = "cancelled", pgettext_lazy("message state", "Cancelled")
        AMBIGUOUS = "ambiguous", pgettext_lazy("message state", "Unclear")

    uuid = models.UUIDField(unique=True)
    channel = models.CharField(max_length=4, choices=Channel.choices, default=Channel.MAIL)
    purpose = models.CharField(max_length=13, choices=Purpose.choices)
    lane = models.PositiveSmallIntegerField()
    shop = models.ForeignKey(
        "company.Shop",
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        db_index=False,
    )
    profile = models.ForeignKey(
        "profiles.Profile",
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        db_index=False,
    )
    topic = models.CharField(max_length=60, blank=True, default="", db_default="")
    wording = models.ForeignKey(
        "messaging.Wording",
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        db_index=False,
    )
    data = models.JSONField(null=True, blank=True)
    about = models.CharField(max_length=100, blank=True, default="")
    template = models.CharField(max_length=100, blank=True, default="")
    language = models.CharField(max_length=10)

    from_name = models.CharField(max_length=200, blank=True)
    from_address = models.CharField(max_length=254)
    recipient = models.CharField(max_length=254)
    subject = models.CharField(max_length=500)
    text = models.TextField()
    html = models.TextField(blank=True, default="")
    message_id = models.CharField(max_length=255, unique=True)
    in_reply_to = models.CharField(max_length=255, blank=True, default="")
    references = ArrayField(models.CharField(max_length=255), default=list, blank=True)
    reply_to = models.CharField(max_length=254, blank=True, default="", db_default="")
    provider_id = models.CharField(max_length=100, blank=True, default="", db_default="")
    is_automatic = models.BooleanField()
    is_confidential = models.BooleanField(default=False)
    noted = models.PositiveSmallIntegerField(default=0, db_default=0)

    dedupe_key = models.CharField(max_length=200, unique=True)
    state = models.CharField(max_length=9, choices=State.choices, default=State.PENDING)
    reason = models.CharField(max_length=40, blank=True, default="")
    reason_detail = models.TextField(blank=True, default="")
    attempts = models.PositiveSmallIntegerField(default=0)
    deferrals = models.PositiveSmallIntegerField(default=0)
    queued_at = models.DateTimeField()
    retried_at = models.DateTimeField(null=True, blank=True)
    available_at = models.DateTimeField()
    lease_until = models.DateTimeField(null=True, blank=True)
    lease_token = models.UUIDField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    settled_at = models.DateTimeField(null=True, blank=True)

    objects = OutgoingMessageQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="messaging_outgoing_state_known",
                condition=Q(
                    state__in=[
                        "pending",
                        "claimed",
                        "sent",
                        "delivered",
                        "deferred",
                        "failed",
                        "skipped",
                        "cancelled",
                        "ambiguous",
                    ]
                ),
            ),
            models.CheckConstraint(
                name="messaging_outgoing_claimed_iff_leased",
                condition=Q(state="claimed", lease_until__isnull=False, lease_token__isnull=False)
                | (~Q(state="claimed") & Q(lease_until__isnull=True, lease_token__isnull=True)),
            ),
            models.CheckConstraint(
                name="messaging_outgoing_sent_has_time",
                condition=~Q(state__in=["sent", "delivered"]) | Q(sent_at__isnull=False),
            ),
            models.CheckConstraint(
                name="messaging_outgoing_settled_iff_final",
                condition=Q(state__in=["pending", "claimed", "deferred"], settled_at__isnull=True)
                | (~Q(state__in=["pending", "claimed", "deferred"]) & Q(settled_at__isnull=False)),
            ),
            models.CheckConstraint(
                name="messaging_outgoing_trouble_has_reason",
                condition=~Q(state__in=["deferred", "failed", "skipped", "ambiguous"])
                | ~Q(reason=""),
            ),
            models.CheckConstraint(
                name="messaging_outgoing_one_line_headers",
                condition=~Q(subject__regex=r"[\r\n]")
                & ~Q(recipient__regex=r"[\r\n]")
                & ~Q(from_name__regex=r"[\r\n]")
                & ~Q(from_address__regex=r"[\r\n]"),
            ),
        ]
        indexes = [
            models.Index(
                fields=["lane", "available_at", "id"],
                name="messaging_outgoing_due",
                condition=Q(state__in=["pending", "deferred"]),
            ),
            models.Index(
                fields=["lease_until"],
                name="messaging_outgoing_leased",
                condition=Q(state="claimed"),
            ),
            models.Index(
                fields=["shop", "lane", "available_at"],
                name="messaging_outgoing_due_sms",
                condition=Q(channel="sms", state__in=["pending", "deferred"]),
            ),
            models.Index(fields=["shop", "-id"], name="messaging_outgoing_shop"),
            models.Index(fields=["-queued_at", "-id"], name="messaging_outgoing_queued"),
            models.Index(fields=["state", "-id"], name="messaging_outgoing_state"),
            models.Index(fields=["profile", "-id"], name="messaging_outgoing_profile"),
            models.Index(fields=["recipient", "-id"], name="messaging_outgoing_recipient"),
            models.Index(fields=["about"], name="messaging_outgoing_about", condition=~Q(about="")),
            models.Index(
                fields=["provider_id"],
                name="messaging_outgoing_provider",
                condition=~Q(provider_id=""),
            ),
        ]

    def __str__(self) -> str:
        return f"message #{self.pk} ({self.state})"

    def move_to(self, state: str) -> None:
        """Change the state in memory. A move that does not exist is a programming error."""
        if not delivery.may_move(self.state, state):
            raise RuntimeError(f"No message moves from {self.state} to {state}.")
        self.state = state


class DeliveryAttemptQuerySet(models.QuerySet["DeliveryAttempt"]):
    def begin(
        self, message: OutgoingMessage, *, token: UUID, host: str, at: datetime
    ) -> DeliveryAttempt | None:
        """Write down the next attempt if the lease still stands; None when it is gone. Runs one query.

        Checking the lease and inserting are one statement, so that no sender can slip between them.
        """
        attempt = self.model(
            message=message,
            number=message.attempts + 1,
            host=host,
            lease_token=token,
            started_at=at,
        )
        with connection.cursor() as cursor:
            cursor.execute(
                """
                INSERT INTO messaging_deliveryattempt
                    (message_id, number, host, lease_token, outcome, reply_text, started_at)
                SELECT id, %s, %s, %s, 'attempting', '', %s FROM messaging_outgoingmessage
                WHERE id = %s AND state = 'claimed' AND lease_token = %s AND lease_until > %s
                FOR UPDATE
                RETURNING id
                """,
                [attempt.number, host, token, at, message.pk, token, at],
            )
            row = cursor.fetchone()
        if row is None:
            return None
        attempt.pk = row[0]
        return attempt


class DeliveryAttempt(models.Model):
    """One try to hand a message to a server; the row is committed before the conversation begins."""

    class Outcome(models.TextChoices):
        ATTEMPTING = "attempting", _("In progress")
        ACCEPTED = "accepted", _("Accepted")
        DEFERRED = "deferred", _("Later")
        REJECTED = "rejected", _("Refused")
        UNKNOWN = "unknown", _("Unknown")

    message = models.ForeignKey(
        OutgoingMessage, on_delete=models.CASCADE, related_name="tries", db_index=False
    )
    number = models.PositiveSmallIntegerField()
    host = models.CharField(max_length=260)
    lease_token = models.UUIDField()
    outcome = models.CharField(max_length=10, choices=Outcome.choices, default=Outcome.ATTEMPTING)
    reply_code = models.PositiveSmallIntegerField(null=True, blank=True)
    reply_text = models.TextField(blank=True, default="")
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = DeliveryAttemptQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["message", "number"], name="messaging_attempt_number_once"
            ),
            models.UniqueConstraint(
                fields=["message"],
                condition=Q(outcome="accepted"),
                name="messaging_attempt_accepted_once",
            ),
            models.CheckConstraint(
                name="messaging_attempt_finished_iff_known",
                condition=Q(outcome="attempting", finished_at__isnull=True)
                | (~Q(outcome="attempting") & Q(finished_at__isnull=False)),
            ),
        ]
        indexes = [
            models.Index(
                fields=["message"],
                name="messaging_attempt_open",
                condition=Q(outcome="attempting"),
            )
        ]

    def __str__(self) -> str:
        return f"attempt {self.number} of message #{self.message_id}: {self.outcome}"


class Intervention(models.Model):
    """What a person did to an outgoing message."""

    class Kind(models.TextChoices):
        CANCELLED = "cancelled", _("Cancelled")
        RETRIED = "retried", _("Sent again")

    message = models.ForeignKey(
        OutgoingMessage, on_delete=models.CASCADE, related_name="interventions"
    )
    kind = models.CharField(max_length=9, choices=Kind.choices)
    state_before = models.CharField(max_length=9)
    by = models.ForeignKey(
        "company.Agent", on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.kind} message #{self.message_id}"


class MailServer(models.Model):
    """How a server we hand mail to is doing; all senders share its pause."""

    host = models.CharField(max_length=260, unique=True)
    failures = models.PositiveIntegerField(default=0)
    failing_since = models.DateTimeField(null=True, blank=True)
    next_try_at = models.DateTimeField(null=True, blank=True)
    last_error = models.TextField(blank=True, default="")

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="messaging_mailserver_failing_iff_failures",
                condition=Q(failures=0, failing_since__isnull=True, next_try_at__isnull=True)
                | Q(failures__gt=0, failing_since__isnull=False, next_try_at__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return self.host
