"""Segments and lists: their rules, who is in them, since when, and when that will change by itself."""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class SegmentQuerySet(models.QuerySet["Segment"]):
    def in_use(self) -> SegmentQuerySet:
        """Segments which nobody put away."""
        return self.filter(archived_at__isnull=True)

    def dynamic(self) -> SegmentQuerySet:
        """Those whose members follow from rules."""
        return self.filter(kind=Segment.Kind.DYNAMIC)

    def visible_in(self, shop_ids: Iterable[int], *, is_everywhere: bool) -> SegmentQuerySet:
        """Segments of these shops, and those of the whole company for whom it is open."""
        scope = Q(shop__in=list(shop_ids))
        return self.filter(scope | Q(shop__isnull=True) if is_everywhere else scope)


class Segment(models.Model):
    """Customers who fulfil rules (dynamic), or whom somebody put on a list (static).

    A segment of a shop sees what that shop knows; without a shop it is about the whole company.
    `facts` names the events which may change it and `uses` the segments its rules speak of: both are
    worked out from the rules. While `state` is computing, `position` says up to which profile.
    """

    class Kind(models.TextChoices):
        DYNAMIC = "dynamic", pgettext_lazy("segment", "Segment")
        STATIC = "static", pgettext_lazy("segment", "List")

    class State(models.TextChoices):
        CURRENT = "current", _("Up to date")
        COMPUTING = "computing", _("Being computed")
        FAILED = "failed", _("Could not be computed")

    name = models.CharField(max_length=120)
    description = models.CharField(max_length=500, blank=True, default="")
    kind = models.CharField(max_length=7, choices=Kind.choices)
    shop = models.ForeignKey(
        "company.Shop", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    rules = models.JSONField(null=True)
    version = models.PositiveIntegerField(default=1)
    facts = ArrayField(models.CharField(max_length=80), default=list, blank=True)
    uses = ArrayField(models.BigIntegerField(), default=list, blank=True)

    members_count = models.IntegerField(default=0)
    state = models.CharField(max_length=9, choices=State.choices, default=State.CURRENT)
    position = models.BigIntegerField(default=0)
    done_count = models.PositiveIntegerField(default=0)
    total_count = models.PositiveIntegerField(default=0)
    computed_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=500, blank=True, default="")
    audited_at = models.DateTimeField(null=True)
    drift = models.PositiveIntegerField(default=0)

    created_by = models.ForeignKey(
        "company.Agent", on_delete=models.SET_NULL, null=True, related_name="+", db_index=False
    )
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField()
    archived_at = models.DateTimeField(null=True)

    objects = SegmentQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="profiles_segment_rules_iff_dynamic",
                condition=Q(kind="dynamic", rules__isnull=False)
                | Q(kind="static", rules__isnull=True),
            ),
            models.CheckConstraint(
                name="profiles_segment_state_known",
                condition=Q(state__in=["current", "computing", "failed"]),
            ),
            models.UniqueConstraint(
                Lower("name"),
                F("shop"),
                name="profiles_segment_name_once",
                condition=Q(archived_at__isnull=True),
                nulls_distinct=False,
            ),
        ]
        indexes = [
            models.Index(
                fields=["id"], name="profiles_segment_computing", condition=Q(state="computing")
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_dynamic(self) -> bool:
        """Whether rules say who is in it."""
        return self.kind == self.Kind.DYNAMIC

    @property
    def percent_done(self) -> int:
        """How far the computing has come."""
        return min(100, self.done_count * 100 // self.total_count) if self.total_count else 0


class SegmentVersion(models.Model):
    """The rules of a segment as they were from a moment on."""

    segment = models.ForeignKey(
        Segment, on_delete=models.CASCADE, related_name="versions", db_index=False
    )
    number = models.PositiveIntegerField()
    rules = models.JSONField()
    changed_by = models.ForeignKey(
        "company.Agent", on_delete=models.SET_NULL, null=True, related_name="+", db_index=False
    )
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["segment", "number"], name="profiles_segmentversion_once"
            )
        ]

    def __str__(self) -> str:
        return f"version {self.number} of segment {self.segment_id}"


class Membership(models.Model):
    """A customer fulfils the rules of a segment, as far as we know. Made by the keeper only."""

    segment = models.ForeignKey(Segment, on_delete=models.CASCADE, related_name="+", db_index=False)
    profile = models.ForeignKey(
        "profiles.Profile", on_delete=models.CASCADE, related_name="+", db_index=False
    )
    since = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["profile", "segment"], name="profiles_membership_once")
        ]
        indexes = [
            models.Index(fields=["segment", "-since", "profile"], name="profiles_membership_of")
        ]

    def __str__(self) -> str:
        return f"profile {self.profile_id} in segment {self.segment_id}"


class ListMember(models.Model):
    """Somebody put this customer on a list."""

    segment = models.ForeignKey(Segment, on_delete=models.CASCADE, related_name="+", db_index=False)
    profile = models.ForeignKey(
        "profiles.Profile", on_delete=models.CASCADE, related_name="+", db_index=False
    )
    since = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["profile", "segment"], name="profiles_listmember_once")
        ]
        indexes = [
            models.Index(fields=["segment", "-since", "profile"], name="profiles_listmember_of")
        ]

    def __str__(self) -> str:
        return f"profile {self.profile_id} on list {self.segment_id}"


class MembershipChange(models.Model):
    """A customer entered a segment or left it, and why."""

    class Cause(models.TextChoices):
        EVENT = "event", _("Something happened")
        TIME = "time", _("Time passed")
        RULES = "rules", _("The rules were changed")
        AUDIT = "audit", _("Found by the nightly check")
        HAND = "hand", _("By hand")

    segment = models.ForeignKey(Segment, on_delete=models.CASCADE, related_name="+", db_index=False)
    profile = models.ForeignKey("profiles.Profile", on_delete=models.CASCADE, related_name="+")
    is_entry = models.BooleanField()
    cause = models.CharField(max_length=5, choices=Cause.choices)
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["segment", "-at", "-id"], name="profiles_change_of")]

    def __str__(self) -> str:
        word = "entered" if self.is_entry else "left"
        return f"profile {self.profile_id} {word} segment {self.segment_id}"


class SegmentFlip(models.Model):
    """The next moment at which time alone may change whether a customer is in a segment."""

    segment = models.ForeignKey(Segment, on_delete=models.CASCADE, related_name="+", db_index=False)
    profile = models.ForeignKey(
        "profiles.Profile", on_delete=models.CASCADE, related_name="+", db_index=False
    )
    flips_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["profile", "segment"], name="profiles_segmentflip_once")
        ]
        indexes = [models.Index(fields=["flips_at"], name="profiles_segmentflip_due")]

    def __str__(self) -> str:
        return f"segment {self.segment_id} for profile {self.profile_id}"


class SegmentTouch(models.Model):
    """Something about a customer changed without an event; `fact` is the name criteria give it."""

    profile = models.ForeignKey(
        "profiles.Profile", on_delete=models.CASCADE, related_name="+", db_index=False
    )
    fact = models.CharField(max_length=80)

    def __str__(self) -> str:
        return f"{self.fact} of profile {self.profile_id}"


class SegmentCursor(models.Model):
    """How far the keeper has read a growing table.

    `gaps` are numbers below `position` which were not there yet: `[low, high, transaction]`. Once every
    transaction of that time has ended they are there or will never be.
    """

    name = models.CharField(max_length=40, primary_key=True)
    position = models.BigIntegerField(default=0)
    gaps = models.JSONField(default=list)

    def __str__(self) -> str:
        return f"{self.name} at {self.position}"


class SegmentAudit(models.Model):
    """A full query compared with the kept members: how many were missing, how many too many."""

    segment = models.ForeignKey(
        Segment, on_delete=models.CASCADE, related_name="audits", db_index=False
    )
    at = models.DateTimeField()
    members = models.PositiveIntegerField()
    missing = models.PositiveIntegerField()
    surplus = models.PositiveIntegerField()
    milliseconds = models.PositiveIntegerField()

    class Meta:
        indexes = [models.Index(fields=["segment", "-at"], name="profiles_segmentaudit_of")]

    def __str__(self) -> str:
        return f"check of segment {self.segment_id}"
