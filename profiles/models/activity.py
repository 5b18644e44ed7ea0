"""What customers and visitors do on the shops' sites: many rows, written in bulk, never by the outbox."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class ActivityQuerySet(models.QuerySet["Activity"]):
    def in_shops(self, shop_ids: Iterable[int]) -> ActivityQuerySet:
        """What was done on the sites of these shops."""
        return self.filter(shop_id__in=list(shop_ids))

    def older_than(self, at: datetime, last_id: int) -> ActivityQuerySet:
        """What comes after this position when the newest comes first."""
        return self.filter(Q(occurred_at__lt=at) | Q(occurred_at=at, id__lt=last_id))


class Activity(models.Model):
    """One thing somebody did on a shop's site: viewed a page, put a product into the cart, searched.

    The table is partitioned by the month of `occurred_at` (services/months.py); there is no partition for
    "everything else", so that a row outside is refused instead of hidden. `name` is canonical
    (`product-viewed`, rules/tracking.py), `value` what it was worth in the shop's currency. The customer
    is no constraint of the database: millions of rows would pay for it with every write.
    """

    profile = models.ForeignKey(
        "profiles.Profile",
        on_delete=models.DO_NOTHING,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )
    shop = models.ForeignKey(
        "company.Shop",
        on_delete=models.DO_NOTHING,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )
    name = models.CharField(max_length=80)
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField()
    sku = models.CharField(max_length=120, null=True)  # noqa: DJ001 - most activities have none
    value = models.DecimalField(max_digits=19, decimal_places=4, null=True)
    properties = models.JSONField(default=dict)

    objects = ActivityQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(
                fields=["profile", "-occurred_at", "-id"], name="profiles_activity_of_profile"
            ),
            models.Index(
                fields=["name", "sku", "occurred_at"],
                include=["profile", "shop"],
                name="profiles_activity_of_name",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} of profile {self.profile_id}"


class TrackedMessage(models.Model):
    """The digest of a shop and a message's id: what was taken in once is never taken in again."""

    digest = models.UUIDField(primary_key=True, default=uuid.uuid4)

    def __str__(self) -> str:
        return str(self.digest)


class ParkedCallQuerySet(models.QuerySet["ParkedCall"]):
    def waiting(self) -> ParkedCallQuerySet:
        """Calls which nobody has settled."""
        return self.filter(settled_at__isnull=True)


class ParkedCall(models.Model):
    """A tracking call which we could not understand, as it came, with the reason."""

    class Reason(models.TextChoices):
        SHAPE = "shape", _("It is no object")
        KIND = "kind", _("Its type is unknown")
        NAME = "name", _("The event has no usable name")
        NOBODY = "nobody", _("It says nothing about who did it")
        ID = "id", _("An id is neither text nor a number")
        SIZE = "size", _("It is larger than 32 KB")
        TIME = "time", _("It lies too far in the past")
        REFUSED = "refused", _("The customer could not be found or created")

    shop = models.ForeignKey("company.Shop", on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=8, choices=Reason.choices)
    kind = models.CharField(max_length=20, blank=True)
    body = models.JSONField()
    is_proven = models.BooleanField()
    sent_at = models.DateTimeField(null=True)
    received_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)
    was_taken = models.BooleanField(default=False)

    objects = ParkedCallQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="profiles_parkedcall_taken_means_settled",
                condition=Q(was_taken=False) | Q(settled_at__isnull=False),
            )
        ]
        indexes = [
            models.Index(
                fields=["shop", "-id"],
                name="profiles_parkedcall_waiting",
                condition=Q(settled_at__isnull=True),
            )
        ]

    def __str__(self) -> str:
        return f"parked call {self.pk}: {self.reason}"
