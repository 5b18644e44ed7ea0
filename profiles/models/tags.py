"""Words which agents stick to customers."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models


class Tag(models.Model):
    """A word; `key` is the same however it is written."""

    name = models.CharField(max_length=40)
    key = models.CharField(max_length=40, unique=True)
    created_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(
                fields=["key"], name="profiles_tag_beginning", opclasses=["varchar_pattern_ops"]
            )
        ]

    def __str__(self) -> str:
        return self.name


class ProfileTag(models.Model):
    """A customer carries a tag."""

    profile = models.ForeignKey(
        "profiles.Profile", on_delete=models.CASCADE, related_name="+", db_index=False
    )
    tag = models.ForeignKey(Tag, on_delete=models.PROTECT, related_name="+")
    added_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["profile", "tag"], name="profiles_profiletag_once")
        ]

    def __str__(self) -> str:
        return f"tag {self.tag_id} of profile {self.profile_id}"


class TagChange(models.Model):
    """A tag stuck to many customers at once, and to whom, so that it can be taken back."""

    UNDO_WINDOW: ClassVar[timedelta] = timedelta(minutes=10)

    agent = models.ForeignKey("company.Agent", on_delete=models.CASCADE, related_name="+")
    tag = models.ForeignKey(Tag, on_delete=models.CASCADE, related_name="+", db_index=False)
    rows = ArrayField(models.BigIntegerField())
    created_at = models.DateTimeField()
    undone_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"tag {self.tag_id} for {len(self.rows)}"
