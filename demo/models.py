"""The customers' mailboxes of a demonstration, and how much of its world has been written."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q


class DemoMailQuerySet(models.QuerySet["DemoMail"]):
    def of(self, owner: str) -> DemoMailQuerySet:
        """The mailbox of one customer."""
        return self.filter(owner=owner)

    def for_list(self) -> DemoMailQuerySet:
        """Everything one row of a mailbox shows, newest first, without bytes."""
        return self.defer("raw").order_by("-at", "-pk")


class DemoMail(models.Model):
    """A mail in the mailbox of a demo customer: received from us, or written by him."""

    owner = models.CharField(max_length=254)
    is_sent = models.BooleanField(default=False)
    from_name = models.CharField(max_length=200, blank=True, default="")
    from_address = models.CharField(max_length=320, blank=True, default="")
    to_address = models.CharField(max_length=320, blank=True, default="")
    subject = models.CharField(max_length=1000, blank=True, default="")
    snippet = models.CharField(max_length=160, blank=True, default="")
    message_id = models.CharField(max_length=320, blank=True, default="")
    references = ArrayField(models.CharField(max_length=320), default=list, blank=True)
    # The first Message-ID of the conversation this mail belongs to.
    thread = models.CharField(max_length=320)
    raw = models.BinaryField()
    at = models.DateTimeField()
    read_at = models.DateTimeField(null=True, blank=True)

    objects = DemoMailQuerySet.as_manager()

    class Meta:
        constraints = [
            # The same mail handed over twice is one mail, as in any mailbox.
            models.UniqueConstraint(
                fields=["owner", "message_id"],
                name="demo_demomail_once",
                condition=~Q(message_id=""),
            ),
        ]
        indexes = [
            models.Index(fields=["owner", "-at", "-id"], name="demo_demomail_owner"),
            models.Index(fields=["owner", "thread"], name="demo_demomail_thread"),
        ]

    def __str__(self) -> str:
        return f"demo mail #{self.pk}"


class World(models.Model):
    """The one demo world of this database: what it grew from."""

    seed = models.BigIntegerField()
    anchored_at = models.DateTimeField()
    # The keys with which the "servers" of the demo shops send their orders: {shop slug: token}.
    keys_encrypted = models.TextField(blank=True, default="")
    # Requests are written in the order in which they began, across all chapters of one growth: those
    # of earlier chapters are complete, of the others' so many are written.
    requests_from_chapter = models.PositiveIntegerField(default=0)
    requests_written = models.PositiveIntegerField(default=0)
    # Tags, consents, notes and doubles are written once, with the first customers.
    is_known = models.BooleanField(default=False, db_default=False)

    class Meta:
        constraints = [
            models.CheckConstraint(name="demo_world_is_one", condition=Q(id=1)),
        ]

    def __str__(self) -> str:
        return f"world of seed {self.seed}"


class Chapter(models.Model):
    """Customers and orders which are written in one transaction, or not at all."""

    number = models.PositiveIntegerField(unique=True)
    first_person = models.PositiveIntegerField()
    people = models.PositiveIntegerField()
    orders = models.PositiveIntegerField()
    tickets = models.PositiveIntegerField()
    is_written = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.CheckConstraint(name="demo_chapter_has_people", condition=Q(people__gt=0)),
        ]
        indexes = [
            models.Index(
                fields=["number"], name="demo_chapter_waiting", condition=Q(is_written=False)
            ),
        ]

    def __str__(self) -> str:
        return f"chapter {self.number}"
