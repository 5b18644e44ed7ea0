"""Who may be the same person, and what was decided about it."""

from __future__ import annotations

from datetime import datetime

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q


class DuplicatePairQuerySet(models.QuerySet["DuplicatePair"]):
    def waiting(self, at: datetime) -> DuplicatePairQuerySet:
        """Pairs of two living profiles which somebody should look at now."""
        return self.filter(
            Q(state=DuplicatePair.State.OPEN)
            | Q(state=DuplicatePair.State.LATER, later_until__lte=at),
            low__merged_into__isnull=True,
            high__merged_into__isnull=True,
        )


class DuplicatePair(models.Model):
    """Two profiles which resemble each other: a suggestion, never more than that."""

    class State(models.TextChoices):
        OPEN = "open"
        LATER = "later"
        DIFFERENT = "different"

    low = models.ForeignKey(
        "profiles.Profile", on_delete=models.CASCADE, related_name="+", db_index=False
    )
    high = models.ForeignKey("profiles.Profile", on_delete=models.CASCADE, related_name="+")
    score = models.PositiveSmallIntegerField()
    reasons = ArrayField(models.CharField(max_length=20))
    state = models.CharField(max_length=9, choices=State.choices, default=State.OPEN)
    found_at = models.DateTimeField()
    later_until = models.DateTimeField(null=True)
    decided_by = models.ForeignKey(
        "company.Agent", on_delete=models.SET_NULL, null=True, related_name="+", db_index=False
    )
    decided_at = models.DateTimeField(null=True)

    objects = DuplicatePairQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["low", "high"], name="profiles_duplicatepair_once"),
            models.CheckConstraint(
                name="profiles_duplicatepair_in_order", condition=Q(low__lt=F("high"))
            ),
            models.CheckConstraint(
                name="profiles_duplicatepair_later_iff_until",
                condition=Q(state="later", later_until__isnull=False)
                | (~Q(state="later") & Q(later_until__isnull=True)),
            ),
        ]
        indexes = [
            models.Index(
                fields=["-score", "id"],
                name="profiles_pair_undecided",
                condition=~Q(state="different"),
            )
        ]

    def __str__(self) -> str:
        return f"profiles {self.low_id} and {self.high_id}"


class LikenessKey(models.Model):
    """A block of people to compare: everybody with the same kind and value. Derived, made anew."""

    profile = models.ForeignKey(
        "profiles.Profile", on_delete=models.CASCADE, related_name="+", db_index=False
    )
    kind = models.CharField(max_length=8)
    value = models.CharField(max_length=320)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["profile", "kind", "value"], name="profiles_likenesskey_once"
            )
        ]
        indexes = [models.Index(fields=["kind", "value"], name="profiles_likenesskey_block")]

    def __str__(self) -> str:
        return f"{self.kind} of profile {self.profile_id}"


class Bookmark(models.Model):
    """How far a reader of growing tables has come."""

    name = models.CharField(max_length=40, primary_key=True)
    position = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.name} at {self.position}"
