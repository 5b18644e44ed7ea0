"""Requests about one's own data, what is left of who was erased, and how long data is kept."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class Tombstone(models.Model):
    """Somebody with this identifier was erased: a keyed hash, which says so to those who ask for it only.

    What came about before `erased_at` is a replay and belongs to `profile`, the empty record that is
    left of him; what came about later is a new contact. `key` names the secret it was made with.
    """

    digest = models.CharField(max_length=64, primary_key=True)
    key = models.CharField(max_length=16)
    kind = models.CharField(max_length=12)
    profile = models.ForeignKey("profiles.Profile", on_delete=models.PROTECT, related_name="+")
    erased_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"tombstone of profile {self.profile_id}"


class PrivacyRequestQuerySet(models.QuerySet["PrivacyRequest"]):
    def open(self) -> PrivacyRequestQuerySet:
        """Requests which nobody has answered."""
        return self.filter(state__in=["waiting", "running"])

    def due(self, at: datetime) -> PrivacyRequestQuerySet:
        """Erasures to carry out, and those whose worker died, the longest-waiting first."""
        wanted = self.filter(kind="erasure", is_decided=True)
        return wanted.filter(Q(state="waiting") | Q(state="running", lease_until__lt=at)).order_by(
            "id"
        )


class PrivacyRequest(models.Model):
    """Somebody asks for his data or wants it erased; to be answered within a month (art. 12 GDPR).

    It holds no personal data: the profile it was about is empty when it was erased. `report` counts, per
    kind of data, what was handed out, erased and kept. An erasure waits until an agent decided it.
    """

    class Kind(models.TextChoices):
        ACCESS = "access", _("Access")
        ERASURE = "erasure", _("Erasure")

    class State(models.TextChoices):
        WAITING = "waiting", pgettext_lazy("privacy request", "Open")
        RUNNING = "running", pgettext_lazy("privacy request", "Being carried out")
        DONE = "done", pgettext_lazy("privacy request", "Answered")
        REFUSED = "refused", pgettext_lazy("privacy request", "Refused")

    kind = models.CharField(max_length=7, choices=Kind.choices)
    state = models.CharField(max_length=7, choices=State.choices, default=State.WAITING)
    profile = models.ForeignKey("profiles.Profile", on_delete=models.PROTECT, related_name="+")
    shop_ids = models.JSONField(default=list)
    source = models.CharField(max_length=20)
    is_decided = models.BooleanField(default=False)
    received_at = models.DateTimeField()
    due_at = models.DateTimeField()
    is_extended = models.BooleanField(default=False)
    agent = models.ForeignKey(
        "company.Agent", on_delete=models.SET_NULL, null=True, related_name="+", db_index=False
    )
    answered_at = models.DateTimeField(null=True)
    report = models.JSONField(default=list)
    attempts = models.PositiveSmallIntegerField(default=0)
    error = models.CharField(max_length=80, blank=True, default="")
    lease_until = models.DateTimeField(null=True)
    lease_token = models.UUIDField(null=True)

    objects = PrivacyRequestQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="profiles_privacyrequest_answered_iff_final",
                condition=Q(state__in=["done", "refused"], answered_at__isnull=False)
                | Q(state__in=["waiting", "running"], answered_at__isnull=True),
            ),
            models.UniqueConstraint(
                fields=["profile"],
                condition=Q(kind="erasure", state__in=["waiting", "running"]),
                name="profiles_privacyrequest_one_erasure",
            ),
        ]
        indexes = [
            models.Index(
                fields=["due_at", "id"],
                name="profiles_privacyrequest_open",
                condition=Q(state__in=["waiting", "running"]),
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} of profile {self.profile_id}"


class RetentionRule(models.Model):
    """How long rows of a subject (`extensions.privacy.ageing`) are kept, for a shop or the company.

    It stays off until somebody has looked at what it would forget with just these `days`:
    `foreseen_days` is what the report was made for, `looked_at` when somebody read it.
    """

    subject = models.CharField(max_length=60)
    shop = models.ForeignKey(
        "company.Shop", on_delete=models.CASCADE, null=True, blank=True, related_name="+"
    )
    days = models.PositiveIntegerField()
    is_active = models.BooleanField(default=False)
    asked_at = models.DateTimeField(null=True)
    foreseen_at = models.DateTimeField(null=True)
    foreseen_days = models.PositiveIntegerField(null=True)
    foreseen_count = models.PositiveIntegerField(default=0)
    oldest_at = models.DateTimeField(null=True)
    examples = models.JSONField(default=list)
    looked_at = models.DateTimeField(null=True)
    changed_by = models.ForeignKey(
        "company.Agent", on_delete=models.SET_NULL, null=True, related_name="+", db_index=False
    )
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["subject", "shop"],
                name="profiles_retentionrule_once",
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                name="profiles_retentionrule_days_positive", condition=Q(days__gte=1)
            ),
            models.CheckConstraint(
                name="profiles_retentionrule_on_when_seen",
                condition=Q(is_active=False) | Q(looked_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subject} after {self.days} days"

    @property
    def is_foreseen(self) -> bool:
        """Whether the report is about the days it stands at now."""
        return self.foreseen_days == self.days and self.asked_at is None


class RetentionRun(models.Model):
    """One application of a rule, batch by batch; what it forgot so far is committed with each batch."""

    rule = models.ForeignKey(RetentionRule, on_delete=models.CASCADE, related_name="runs")
    days = models.PositiveIntegerField()
    expected = models.PositiveIntegerField(default=0)
    done = models.PositiveIntegerField(default=0)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["rule"],
                condition=Q(finished_at__isnull=True),
                name="profiles_retentionrun_one_at_a_time",
            )
        ]

    def __str__(self) -> str:
        return f"run of rule {self.rule_id}"

    @property
    def percent_done(self) -> int:
        """How far it has come."""
        return min(100, self.done * 100 // self.expected) if self.expected else 100
