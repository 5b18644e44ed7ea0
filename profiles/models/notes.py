"""What colleagues tell each other: notes about customers, comments on the wall."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

LONGEST = 4000


class NoteQuerySet(models.QuerySet["Note"]):
    def present(self) -> NoteQuerySet:
        """Notes which nobody has removed."""
        return self.filter(removed_at__isnull=True)


class Note(models.Model):
    """Something an agent wants colleagues to know about a customer, in the name of one shop.

    `mentions` are the agents who are called by name in the text. A removed note is kept for its undo.
    """

    profile = models.ForeignKey("profiles.Profile", on_delete=models.CASCADE, related_name="+")
    shop = models.ForeignKey("company.Shop", on_delete=models.PROTECT, related_name="+")
    author = models.ForeignKey(
        "company.Agent", on_delete=models.SET_NULL, null=True, related_name="+"
    )
    text = models.TextField(max_length=LONGEST)
    mentions = ArrayField(models.BigIntegerField(), default=list)
    created_at = models.DateTimeField()
    edited_at = models.DateTimeField(null=True)
    removed_at = models.DateTimeField(null=True)

    objects = NoteQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(name="profiles_note_says_something", condition=~Q(text=""))
        ]

    def __str__(self) -> str:
        return f"note {self.pk} on profile {self.profile_id}"


class WallCommentQuerySet(models.QuerySet["WallComment"]):
    def present(self) -> WallCommentQuerySet:
        """Comments which nobody has removed."""
        return self.filter(removed_at__isnull=True)


class WallComment(models.Model):
    """A word of a colleague under a fact on the wall."""

    event = models.ForeignKey("kernel.EventRecord", on_delete=models.CASCADE, related_name="+")
    author = models.ForeignKey(
        "company.Agent", on_delete=models.SET_NULL, null=True, related_name="+"
    )
    text = models.TextField(max_length=LONGEST)
    mentions = ArrayField(models.BigIntegerField(), default=list)
    created_at = models.DateTimeField()
    removed_at = models.DateTimeField(null=True)

    objects = WallCommentQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="profiles_wallcomment_says_something", condition=~Q(text="")
            )
        ]

    def __str__(self) -> str:
        return f"comment {self.pk} on event {self.event_id}"
