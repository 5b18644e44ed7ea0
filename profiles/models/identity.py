"""What identifies customers, and where two of them use the same."""

from __future__ import annotations

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
        ]

    def __str__(self) -> str:
        return f"{self.kind} of profile {self.profile_id}"


class IdentityConflict(models.Model):
    """A contact of one profile used an identifier which leads to another: the same person, perhaps."""

    class State(models.TextChoices):
        OPEN = "open"
        MERGED = "merged"
        DISMISSED = "dismissed"

    profile = models.ForeignKey(
        "profiles.Profile", on_delete=models.CASCADE, related_name="conflicts"
    )
    identifier = models.ForeignKey(Identifier, on_delete=models.CASCADE, related_name="conflicts")
    shop = models.ForeignKey("company.Shop", on_delete=models.PROTECT, related_name="+")
    source = models.CharField(max_length=20)
    state = models.CharField(max_length=9, choices=State.choices, default=State.OPEN)
    seen_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["profile", "identifier"], name="profiles_identityconflict_once"
            )
        ]
        indexes = [
            models.Index(
                fields=["-seen_at"], name="profiles_conflict_open", condition=Q(state="open")
            )
        ]

    def __str__(self) -> str:
        return f"conflict of profile {self.profile_id}"
