"""The kernel's rows: events, deliveries, slots of periodic jobs, idempotency keys, files."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.db.models import Q


class EventRecord(models.Model):
    """A fact as it was published: timeline entry, audit trail and trigger at once."""

    name = models.CharField(max_length=80)
    payload = models.JSONField()
    profile_id = models.BigIntegerField(null=True)
    shop_id = models.BigIntegerField(null=True)
    occurred_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(
                fields=["profile_id", "-occurred_at", "-id"],
                name="kernel_event_timeline",
                condition=Q(profile_id__isnull=False),
            ),
            models.Index(fields=["name", "-id"], name="kernel_event_name"),
            models.Index(
                fields=["-occurred_at", "-id"],
                name="kernel_event_latest",
                condition=Q(profile_id__isnull=False, shop_id__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} #{self.pk}"


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    def due(self, at: datetime) -> DeliveryQuerySet:
        """Waiting, and neither delayed nor leased at this moment."""
        return self.filter(state=Delivery.State.PENDING, available_at__lte=at)

    def parked(self) -> DeliveryQuerySet:
        """Given up until an operator looks."""
        return self.filter(state=Delivery.State.PARKED)


class Delivery(models.Model):
    """One event on its way to one subscriber.

    A lease is `available_at` in the future plus a token: whoever holds the newest token may settle.
    """

    class State(models.TextChoices):
        PENDING = "pending"
        DONE = "done"
        PARKED = "parked"
        DISCARDED = "discarded"

    event = models.ForeignKey(
        EventRecord, on_delete=models.CASCADE, related_name="deliveries", db_index=False
    )
    subscriber = models.CharField(max_length=120)
    is_io = models.BooleanField()
    state = models.CharField(max_length=9, choices=State.choices, default=State.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    available_at = models.DateTimeField()
    lease_token = models.UUIDField(null=True)
    settled_at = models.DateTimeField(null=True)
    last_error = models.TextField(blank=True, default="")

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["event", "subscriber"], name="kernel_delivery_once"),
            models.CheckConstraint(
                name="kernel_delivery_settled_iff_final",
                condition=Q(state__in=["done", "discarded"], settled_at__isnull=False)
                | Q(state__in=["pending", "parked"], settled_at__isnull=True),
            ),
        ]
        indexes = [
            models.Index(
                fields=["is_io", "available_at", "id"],
                name="kernel_delivery_due",
                condition=Q(state="pending"),
            ),
            models.Index(fields=["id"], name="kernel_delivery_parked", condition=Q(state="parked")),
            models.Index(
                fields=["settled_at"], name="kernel_delivery_settled", condition=Q(state="done")
            ),
        ]

    def __str__(self) -> str:
        return f"event {self.event_id} → {self.subscriber}"


class JobRun(models.Model):
    """A slot of a periodic job; the unique constraint lets one of many clocks run it."""

    job = models.CharField(max_length=80)
    scheduled_for = models.DateTimeField()
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["job", "scheduled_for"], name="kernel_jobrun_slot")
        ]

    def __str__(self) -> str:
        return f"{self.job} at {self.scheduled_for:%Y-%m-%d %H:%M:%S}"


class IdempotencyKey(models.Model):
    """A request that was answered, so that sending it again has no second effect."""

    principal = models.CharField(max_length=60)
    key = models.CharField(max_length=255)
    method = models.CharField(max_length=6)
    route = models.CharField(max_length=200)
    body_sha256 = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField()
    body = models.JSONField(null=True)
    expires_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["principal", "key"], name="kernel_idempotencykey_once")
        ]
        indexes = [models.Index(fields=["expires_at"], name="kernel_idempotency_expiry")]

    def __str__(self) -> str:
        return f"{self.method} {self.route}"


class StoredFile(models.Model):
    """A file that somebody brought or may take along, until `expires_at`; its content is its parts."""

    name = models.CharField(max_length=200)
    content_type = models.CharField(max_length=100)
    size = models.BigIntegerField(default=0)
    parts_count = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["expires_at"], name="kernel_storedfile_expiry")]

    def __str__(self) -> str:
        return f"file {self.pk}"


class FilePart(models.Model):
    """A piece of a file."""

    file = models.ForeignKey(StoredFile, on_delete=models.CASCADE, related_name="+", db_index=False)
    number = models.PositiveIntegerField()
    body = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["file", "number"], name="kernel_filepart_once")
        ]

    def __str__(self) -> str:
        return f"part {self.number} of file {self.file_id}"
