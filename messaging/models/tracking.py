"""What a shop notes about its mails, the links they lead through us, and who followed or opened them."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q


class MailRules(models.Model):
    """What a shop decided about its mails; without a row what is usual holds.

    `tracks_opens` empty means: as is usual in the shop's market (services/mail_rules.py).
    """

    shop = models.OneToOneField("company.Shop", on_delete=models.CASCADE, related_name="+")
    tracks_opens = models.BooleanField(null=True, blank=True)
    tracks_clicks = models.BooleanField(default=True, db_default=True)
    tracks_transactional = models.BooleanField(default=False, db_default=False)
    demands_opt_in = models.BooleanField(default=True, db_default=True)

    def __str__(self) -> str:
        return f"mail rules of shop {self.shop_id}"


class Link(models.Model):
    """Where a link of a mail leads: the nth of a wording, or of one message with words of its own.

    A link of a mail names its message and this number and nothing else, so that it can lead nowhere but
    to an address which we wrote down ourselves. That of a wording may have gaps, which the data of the
    message fills: a thousand personal addresses are one row.
    """

    wording = models.ForeignKey(
        "messaging.Wording",
        on_delete=models.CASCADE,
        related_name="+",
        null=True,
        blank=True,
        db_index=False,
    )
    message = models.ForeignKey(
        "messaging.OutgoingMessage",
        on_delete=models.CASCADE,
        related_name="+",
        null=True,
        blank=True,
        db_index=False,
    )
    number = models.PositiveSmallIntegerField()
    target = models.TextField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["wording", "number"],
                condition=Q(wording__isnull=False),
                name="messaging_link_of_wording",
            ),
            models.UniqueConstraint(
                fields=["message", "number"],
                condition=Q(message__isnull=False),
                name="messaging_link_of_message",
            ),
            models.CheckConstraint(
                name="messaging_link_of_one",
                condition=Q(wording__isnull=False, message__isnull=True)
                | Q(wording__isnull=True, message__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"link {self.number}"


class Hit(models.Model):
    """A message that was opened (`number` 0) or whose nth link was followed, by one kind of visitor.

    `source` is "person", or the strongest sign that it was a program (rules/hits.py). The same again
    counts up: a message has at most as many rows as links and kinds. What looks like a person waits a
    moment before it is `settled_at`, for a program that follows every link shows itself by the others.
    """

    message = models.ForeignKey(
        "messaging.OutgoingMessage", on_delete=models.CASCADE, related_name="+", db_index=False
    )
    number = models.PositiveSmallIntegerField()
    source = models.CharField(max_length=20)
    score = models.PositiveSmallIntegerField()
    reasons = ArrayField(models.CharField(max_length=20), default=list)
    hits = models.PositiveSmallIntegerField(default=1)
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["message", "number", "source"], name="messaging_hit_once"
            )
        ]
        indexes = [
            models.Index(
                fields=["first_at"],
                name="messaging_hit_waiting",
                condition=Q(settled_at__isnull=True),
            ),
            models.Index(fields=["last_at"], name="messaging_hit_age"),
        ]

    def __str__(self) -> str:
        return f"{self.source} at {self.number} of message #{self.message_id}"
