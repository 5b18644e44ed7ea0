"""Who must not be written to."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.db.models import Q
from django.db.models.functions import Left
from django.db.models.lookups import Exact
from django.utils.translation import gettext_lazy as _


class SuppressionQuerySet(models.QuerySet["Suppression"]):
    def active(self, at: datetime) -> SuppressionQuerySet:
        """In force at this moment."""
        return self.filter(
            Q(expires_at__isnull=True) | Q(expires_at__gt=at), lifted_at__isnull=True
        )

    def for_list(self) -> SuppressionQuerySet:
        """Everything one row of the list shows, newest first."""
        return self.select_related("shop", "by", "lifted_by").order_by("-pk")


class Suppression(models.Model):
    """An address that must not be written to: by one shop, or by all when `shop` is empty.

    `everything` and `channel` stop all purposes, `marketing` and `topic` stop marketing only: what a
    customer does not want to read never keeps a receipt from him. `channel` names the channel, `topic`
    the topic. What is lifted stays, with who lifted it and why.
    """

    class Scope(models.TextChoices):
        EVERYTHING = "everything", _("Everything")
        MARKETING = "marketing", _("Marketing")
        TOPIC = "topic", _("One topic")
        CHANNEL = "channel", _("One channel")

    address = models.CharField(max_length=254)
    scope = models.CharField(max_length=10, choices=Scope.choices)
    shop = models.ForeignKey(
        "company.Shop", on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    topic = models.CharField(max_length=60, blank=True, default="", db_default="")
    channel = models.CharField(max_length=4, blank=True, default="", db_default="")
    reason = models.CharField(max_length=40)
    message = models.ForeignKey(
        "messaging.OutgoingMessage",
        on_delete=models.SET_NULL,
        related_name="+",
        null=True,
        blank=True,
    )
    created_at = models.DateTimeField()
    by = models.ForeignKey(
        "company.Agent", on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    expires_at = models.DateTimeField(null=True, blank=True)
    lifted_at = models.DateTimeField(null=True, blank=True)
    lifted_by = models.ForeignKey(
        "company.Agent", on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    lift_reason = models.CharField(max_length=200, blank=True, default="", db_default="")

    objects = SuppressionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["address", "scope", "shop", "topic", "channel"],
                condition=Q(lifted_at__isnull=True),
                nulls_distinct=False,
                name="messaging_suppression_in_force_once",
            ),
            models.CheckConstraint(name="messaging_suppression_reasoned", condition=~Q(reason="")),
            models.CheckConstraint(
                name="messaging_suppression_scope_named",
                condition=(Q(scope="topic") & ~Q(topic="") & Q(channel=""))
                | (Q(scope="channel") & Q(topic="") & ~Q(channel=""))
                | Q(scope__in=["everything", "marketing"], topic="", channel=""),
            ),
        ]
        indexes = [
            models.Index(fields=["address"], name="messaging_suppression_address"),
            models.Index(
                fields=["address"],
                name="messaging_suppression_hashed",
                condition=Q(Exact(Left("address", 1), "#")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.scope} suppressed ({self.reason})"
