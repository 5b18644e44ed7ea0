"""Two records of one person made one, and everything it takes to make them two again."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _


class MergeQuerySet(models.QuerySet["Merge"]):
    def active(self) -> MergeQuerySet:
        """Merges which nobody has undone."""
        return self.filter(undone_at__isnull=True)


class Merge(models.Model):
    """One profile went into another. The journal (`entries`) says what that moved and changed.

    `last_event_id` is the newest fact of that moment: later facts were made by the survivor.
    """

    class Trigger(models.TextChoices):
        AGENT = "agent", _("by hand")
        VISITOR = "visitor", _("a visitor said who he is")

    survivor = models.ForeignKey("profiles.Profile", on_delete=models.PROTECT, related_name="+")
    merged = models.ForeignKey(
        "profiles.Profile", on_delete=models.PROTECT, related_name="+", db_index=False
    )
    trigger = models.CharField(max_length=8, choices=Trigger.choices)
    merged_by = models.ForeignKey(
        "company.Agent", on_delete=models.SET_NULL, null=True, related_name="+", db_index=False
    )
    merged_at = models.DateTimeField()
    undone_by = models.ForeignKey(
        "company.Agent", on_delete=models.SET_NULL, null=True, related_name="+", db_index=False
    )
    undone_at = models.DateTimeField(null=True)
    moved = models.JSONField(default=dict)
    # What was to be as it was with the one who went (profiles.rules.merging).
    taken = models.JSONField(default=list, db_default=[])
    last_event_id = models.BigIntegerField(default=0)

    objects = MergeQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["merged"],
                condition=Q(undone_at__isnull=True),
                name="profiles_merge_once_at_a_time",
            ),
            models.CheckConstraint(
                name="profiles_merge_of_two", condition=~Q(merged=F("survivor"))
            ),
            models.CheckConstraint(
                name="profiles_merge_undone_by_somebody_at_some_time",
                condition=Q(undone_by__isnull=True) | Q(undone_at__isnull=False),
            ),
        ]
        indexes = [models.Index(fields=["merged", "-id"], name="profiles_merge_of_merged")]

    def __str__(self) -> str:
        return f"merge of {self.merged_id} into {self.survivor_id}"


class MergeEntry(models.Model):
    """One row which a merge touched: moved to the survivor, changed, or removed as a double."""

    class Kind(models.TextChoices):
        MOVED = "moved"
        CHANGED = "changed"
        REMOVED = "removed"

    merge = models.ForeignKey(
        Merge, on_delete=models.CASCADE, related_name="entries", db_index=False
    )
    holding = models.CharField(max_length=80)
    kind = models.CharField(max_length=7, choices=Kind.choices)
    row_id = models.BigIntegerField()
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["merge", "holding", "kind"], name="profiles_mergeentry_of_merge")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.holding} {self.row_id}"
