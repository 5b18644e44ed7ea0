"""Customers, and which shops know them."""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Cast, ExtractDay, ExtractMonth
from django.utils.translation import gettext_lazy as _

from profiles.models.identity import Identifier


class ProfileQuerySet(models.QuerySet["Profile"]):
    def living(self) -> ProfileQuerySet:
        """Everybody who was neither merged into somebody else nor erased."""
        return self.filter(merged_into__isnull=True, erased_at__isnull=True)

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
    """A person, however many shops and addresses he uses.

    A profile that was merged stays as a signpost to its survivor (`merged_into`) and owns nothing. Of
    one that was erased (`erased_at`) an empty record stays, for the orders that must be kept.
    """

    class Gender(models.TextChoices):
        FEMALE = "female", _("Female")
        MALE = "male", _("Male")
        OTHER = "other", _("Other")

    first_name = models.CharField(max_length=120, blank=True, default="")
    last_name = models.CharField(max_length=120, blank=True, default="")
    search_name = models.CharField(max_length=260, blank=True, default="")
    locale = models.CharField(max_length=12, blank=True, default="")
    country = models.CharField(max_length=2, blank=True, default="")
    city = models.CharField(max_length=120, blank=True, default="")
    birthday = models.DateField(null=True, blank=True)
    gender = models.CharField(
        max_length=6, choices=Gender.choices, blank=True, default="", db_default=""
    )
    timezone = models.CharField(max_length=63, blank=True, default="", db_default="")
    currency = models.CharField(max_length=3, blank=True, default="", db_default="")
    merged_into = models.ForeignKey(
        "self", on_delete=models.PROTECT, related_name="+", null=True, blank=True, db_index=False
    )
    source = models.CharField(max_length=20)
    created_at = models.DateTimeField()
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    erased_at = models.DateTimeField(null=True, blank=True)

    objects = ProfileQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="profiles_profile_seen_in_order",
                condition=Q(last_seen_at__gte=models.F("first_seen_at")),
            ),
            models.CheckConstraint(
                name="profiles_profile_merged_into_another",
                condition=Q(merged_into__isnull=True) | ~Q(merged_into=models.F("id")),
            ),
        ]
        indexes = [
            models.Index(fields=["-last_seen_at", "-id"], name="profiles_profile_recent"),
            models.Index(fields=["-first_seen_at", "-id"], name="profiles_profile_newest"),
            models.Index(fields=["search_name", "id"], name="profiles_profile_name"),
            models.Index(
                fields=["country", "id"],
                name="profiles_profile_of_country",
                condition=Q(merged_into__isnull=True, erased_at__isnull=True),
            ),
            # Month and day as one number, as segments ask for birthdays.
            models.Index(
                Cast(ExtractMonth("birthday"), models.IntegerField()) * 100
                + Cast(ExtractDay("birthday"), models.IntegerField()),
                name="profiles_profile_birthday",
                condition=Q(birthday__isnull=False),
            ),
            models.Index(
                fields=["merged_into"],
                name="profiles_profile_merged",
                condition=Q(merged_into__isnull=False),
            ),
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


class ProfileShop(models.Model):
    """A shop knows this customer: the scope of its agents and API keys.

    `stage` follows his orders unless somebody fixed it; empty until the rule was asked.
    """

    class Stage(models.TextChoices):
        LEAD = "lead", _("Lead")
        NEW = "new", _("New customer")
        ACTIVE = "active", _("Active")
        LOYAL = "loyal", _("Loyal")
        AT_RISK = "at_risk", _("At risk")
        LOST = "lost", _("Lost")

    profile = models.ForeignKey(
        Profile, on_delete=models.CASCADE, related_name="shops", db_index=False
    )
    shop = models.ForeignKey("company.Shop", on_delete=models.PROTECT, related_name="+")
    since = models.DateTimeField()
    stage = models.CharField(
        max_length=8, choices=Stage.choices, blank=True, default="", db_default=""
    )
    is_stage_fixed = models.BooleanField(default=False, db_default=False)
    owner = models.ForeignKey(
        "company.Agent",
        on_delete=models.SET_NULL,
        related_name="+",
        null=True,
        blank=True,
        db_index=False,
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["profile", "shop"], name="profiles_profileshop_once")
        ]
        indexes = [
            models.Index(
                fields=["owner"],
                name="profiles_profileshop_owner",
                condition=Q(owner__isnull=False),
            ),
            models.Index(fields=["shop", "stage"], name="profiles_profileshop_stage"),
        ]

    def __str__(self) -> str:
        return f"profile {self.profile_id} in shop {self.shop_id}"
