"""Customers, what identifies them, and which shops know them."""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _


class ProfileQuerySet(models.QuerySet["Profile"]):
    def known_to(self, shop_ids: Iterable[int]) -> ProfileQuerySet:
        """Customers whom at least one of these shops knows."""
        rows = ProfileShop.objects.filter(profile=OuterRef("pk"), shop__in=list(shop_ids))
        return self.filter(Exists(rows))

    def holding(
        self, kind: str, value: str | None, *, shop_id: int | None = None
    ) -> ProfileQuerySet:
        """The one customer this normalised identifier leads to; nobody when there is no value."""
        if value is None:
            return self.none()
        rows = Identifier.objects.leading(kind, value, shop_id=shop_id)
        return self.filter(pk__in=rows.values("profile_id"))

    def named(self, words: Iterable[str]) -> ProfileQuerySet:
        """Customers whose name contains each of the words (as rules.searchable writes them)."""
        found = self
        for word in words:
            found = found.filter(search_name__contains=word)
        return found


class Profile(models.Model):
    """A person, however many shops and addresses he uses."""

    first_name = models.CharField(max_length=120, blank=True, default="")
    last_name = models.CharField(max_length=120, blank=True, default="")
    search_name = models.CharField(max_length=260, blank=True, default="")
    locale = models.CharField(max_length=12, blank=True, default="")
    country = models.CharField(max_length=2, blank=True, default="")
    city = models.CharField(max_length=120, blank=True, default="")
    source = models.CharField(max_length=20)
    created_at = models.DateTimeField()
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()

    objects = ProfileQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="profiles_profile_seen_in_order",
                condition=Q(last_seen_at__gte=models.F("first_seen_at")),
            ),
        ]
        indexes = [
            models.Index(fields=["-last_seen_at", "-id"], name="profiles_profile_recent"),
            models.Index(fields=["-first_seen_at", "-id"], name="profiles_profile_newest"),
            models.Index(fields=["search_name", "id"], name="profiles_profile_name"),
            models.Index(fields=["country"], name="profiles_profile_country"),
            GinIndex(
                fields=["search_name"],
                name="profiles_profile_name_trgm",
                opclasses=["gin_trgm_ops"],
            ),
        ]

    def __str__(self) -> str:
        return f"profile {self.pk}"

    @property
    def full_name(self) -> str:
        """First and last name; empty when we know neither."""
        return f"{self.first_name} {self.last_name}".strip()


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

    profile = models.ForeignKey(Profile, on_delete=models.CASCADE, related_name="identifiers")
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


class ProfileShop(models.Model):
    """A shop knows this customer: the scope of its agents and API keys."""

    profile = models.ForeignKey(
        Profile, on_delete=models.CASCADE, related_name="shops", db_index=False
    )
    shop = models.ForeignKey("company.Shop", on_delete=models.PROTECT, related_name="+")
    accepts_marketing = models.BooleanField(null=True)
    since = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["profile", "shop"], name="profiles_profileshop_once")
        ]

    def __str__(self) -> str:
        return f"profile {self.profile_id} in shop {self.shop_id}"


class Figures(models.Model):
    """What a customer's orders in one shop and currency add up to, kept with every order."""

    profile = models.ForeignKey(
        Profile, on_delete=models.CASCADE, related_name="figures", db_index=False
    )
    shop = models.ForeignKey(
        "company.Shop", on_delete=models.PROTECT, related_name="+", db_index=False
    )
    currency = models.CharField(max_length=3)
    orders_count = models.PositiveIntegerField(default=0)
    revenue = models.DecimalField(max_digits=19, decimal_places=4, default=0)
    first_order_at = models.DateTimeField(null=True)
    last_order_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["profile", "shop", "currency"], name="profiles_figures_once"
            ),
            models.CheckConstraint(
                name="profiles_figures_dated_iff_any",
                condition=Q(orders_count=0, first_order_at__isnull=True, last_order_at__isnull=True)
                | Q(orders_count__gt=0, first_order_at__isnull=False, last_order_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"figures of profile {self.profile_id}"


class IdentityConflict(models.Model):
    """A contact of one profile used an identifier which leads to another: the same person, perhaps."""

    class State(models.TextChoices):
        OPEN = "open"
        MERGED = "merged"
        DISMISSED = "dismissed"

    profile = models.ForeignKey(Profile, on_delete=models.CASCADE, related_name="conflicts")
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
