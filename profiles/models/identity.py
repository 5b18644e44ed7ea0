"""What identifies customers, and what the company wants of each kind."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class IdentifierQuerySet(models.QuerySet["Identifier"]):
    def leading(self, kind: str, value: str, *, shop_id: int | None) -> IdentifierQuerySet:
        """The one row, if any, by which this normalised value leads to somebody."""
        scope = Q(shop__isnull=True) if shop_id is None else Q(shop_id=shop_id)
        return self.filter(scope, kind=kind, value=value, is_key=True)


class Identifier(models.Model):
    """One thing that identifies a person: an address, a number, an id.

    `is_key` says that the value leads to this profile. A value which leads to somebody else but was
    also used by this person (a family's telephone) is a row with `is_key=False`.
    """

    class Kind(models.TextChoices):
        EMAIL = "email", _("E-mail")
        PHONE = "phone", _("Telephone")
        CUSTOMER_ID = "customer_id", _("Customer id")
        ANONYMOUS_ID = "anonymous_id", _("Visitor id")
        DEVICE = "device", _("Device")
        SOCIAL = "social", _("Social network")

    profile = models.ForeignKey(
        "profiles.Profile", on_delete=models.CASCADE, related_name="identifiers"
    )
    kind = models.CharField(max_length=12, choices=Kind.choices)
    value = models.CharField(max_length=254)
    shop = models.ForeignKey(
        "company.Shop",
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        db_index=False,
    )
    is_key = models.BooleanField(default=True)
    is_verified = models.BooleanField(default=False)
    # Somebody typed it and nobody vouched for it: it gives way to whoever is proven to own it.
    is_claimed = models.BooleanField(default=False, db_default=False)
    source = models.CharField(max_length=20)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()

    objects = IdentifierQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["value", "kind"],
                condition=Q(is_key=True, shop__isnull=True),
                name="profiles_identifier_one_holder",
            ),
            models.UniqueConstraint(
                fields=["value", "kind", "shop"],
                condition=Q(is_key=True, shop__isnull=False),
                name="profiles_identifier_one_holder_in_shop",
            ),
            models.UniqueConstraint(
                fields=["profile", "kind", "value"],
                condition=Q(is_key=False),
                name="profiles_identifier_shared_once",
            ),
            models.CheckConstraint(
                name="profiles_identifier_shop_iff_customer_id",
                condition=Q(kind="customer_id", shop__isnull=False)
                | (~Q(kind="customer_id") & Q(shop__isnull=True)),
            ),
        ]
        indexes = [
            GinIndex(
                fields=["value"],
                name="profiles_identifier_value_trgm",
                opclasses=["gin_trgm_ops"],
                condition=Q(kind__in=["email", "phone"]),
            ),
            models.Index(
                fields=["value", "kind"],
                name="profiles_identifier_shared",
                condition=Q(is_key=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of profile {self.profile_id}"


class IdentityRule(models.Model):
    """What the company wants of one kind of identifier; a kind without a row follows the default."""

    kind = models.CharField(max_length=12, choices=Identifier.Kind.choices, unique=True)
    limit = models.PositiveSmallIntegerField()
    priority = models.PositiveSmallIntegerField()
    blocked = ArrayField(models.CharField(max_length=254), default=list, blank=True)
    joins_visitors = models.BooleanField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="profiles_identityrule_limit_positive", condition=Q(limit__gte=1)
            )
        ]

    def __str__(self) -> str:
        return f"rule for {self.kind}"
