"""Shops and when they are open."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from company.types import ShopInfo


class ShopQuerySet(models.QuerySet["Shop"]):
    def active(self) -> ShopQuerySet:
        return self.filter(is_active=True)

    def for_list(self) -> ShopQuerySet:
        return self.order_by("-is_active", Lower("brand"), Lower("name"))


class Shop(models.Model):
    """One brand in one market: what the customer knows as the shop."""

    slug = models.SlugField(_("short name"), max_length=40, unique=True)
    name = models.CharField(_("name"), max_length=80)
    brand = models.CharField(_("brand"), max_length=80)
    market = models.CharField(_("market"), max_length=2)
    languages = ArrayField(models.CharField(max_length=8), verbose_name=_("languages"))
    default_language = models.CharField(_("main language"), max_length=8)
    currency = models.CharField(_("currency"), max_length=3)
    time_zone = models.CharField(_("time zone"), max_length=64, default="Europe/Paris")
    accent_color = models.CharField(_("accent colour"), max_length=7, default="#2f5fd0")
    logo = models.OneToOneField(
        "company.Logo", on_delete=models.SET_NULL, null=True, editable=False, related_name="+"
    )
    domains = ArrayField(
        models.CharField(max_length=253), verbose_name=_("domains"), default=list, blank=True
    )
    sender_name = models.CharField(_("sender name"), max_length=80)
    support_email = models.EmailField(_("support address"), max_length=254)
    is_active = models.BooleanField(_("active"), default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ShopQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="company_shop_slug_shape", condition=Q(slug__regex=r"^[a-z0-9]+(-[a-z0-9]+)*$")
            ),
            models.CheckConstraint(
                name="company_shop_market_shape", condition=Q(market__regex=r"^[A-Z]{2}$")
            ),
            models.CheckConstraint(
                name="company_shop_currency_shape", condition=Q(currency__regex=r"^[A-Z]{3}$")
            ),
            models.CheckConstraint(
                name="company_shop_accent_color_shape",
                condition=Q(accent_color__regex=r"^#[0-9a-f]{6}$"),
            ),
            models.CheckConstraint(
                name="company_shop_speaks_a_language", condition=Q(languages__len__gte=1)
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def info(self) -> ShopInfo:
        """The shop as other modules see it."""
        return ShopInfo(
            id=self.pk,
            slug=self.slug,
            name=self.name,
            brand=self.brand,
            market=self.market,
            default_language=self.default_language,
            languages=tuple(self.languages),
            currency=self.currency,
            time_zone=self.time_zone,
            accent_color=self.accent_color,
            sender_name=self.sender_name,
            support_email=self.support_email,
            logo=f"/logos/{self.logo_id}/" if self.logo_id else "",
            domains=tuple(self.domains),
            is_active=self.is_active,
        )


class Logo(models.Model):
    """A picture of a shop, shown to everybody who knows its key, which nobody can guess.

    A changed logo is a new row: mails that were sent keep showing theirs, and browsers may keep each
    for ever.
    """

    key = models.CharField(max_length=43, primary_key=True)
    shop = models.ForeignKey(Shop, on_delete=models.CASCADE, related_name="logos")
    content_type = models.CharField(max_length=10)
    body = models.BinaryField()
    added_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="company_logo_type_known",
                condition=Q(content_type__in=["image/png", "image/jpeg"]),
            )
        ]

    def __str__(self) -> str:
        return f"{self.shop_id} {self.added_at:%Y-%m-%d}"


class Weekday(models.IntegerChoices):
    MONDAY = 0, _("Monday")
    TUESDAY = 1, _("Tuesday")
    WEDNESDAY = 2, _("Wednesday")
    THURSDAY = 3, _("Thursday")
    FRIDAY = 4, _("Friday")
    SATURDAY = 5, _("Saturday")
    SUNDAY = 6, _("Sunday")


class OpeningCalendar(models.Model):
    """When the people of a shop are there, in the shop's own time zone."""

    shop = models.OneToOneField(Shop, on_delete=models.CASCADE, related_name="calendar")

    def __str__(self) -> str:
        return str(self.shop)


class OpeningHours(models.Model):
    """One span of an ordinary week; an end at 00:00 is midnight of the next day."""

    calendar = models.ForeignKey(OpeningCalendar, on_delete=models.CASCADE, related_name="hours")
    weekday = models.PositiveSmallIntegerField(choices=Weekday.choices)
    opens_at = models.TimeField()
    closes_at = models.TimeField()

    class Meta:
        ordering = ["weekday", "opens_at"]
        constraints = [
            models.CheckConstraint(
                name="company_openinghours_weekday_in_week", condition=Q(weekday__lte=6)
            ),
            models.CheckConstraint(
                name="company_openinghours_close_after_opening",
                condition=Q(closes_at__gt=F("opens_at")) | Q(closes_at="00:00"),
            ),
            models.UniqueConstraint(
                name="company_openinghours_one_opening",
                fields=["calendar", "weekday", "opens_at"],
            ),
        ]

    def __str__(self) -> str:
        return f"{Weekday(self.weekday).label} {self.opens_at:%H:%M}-{self.closes_at:%H:%M}"


class ExceptionalDay(models.Model):
    """A date which differs from its weekday: closed, or open at other hours."""

    calendar = models.ForeignKey(OpeningCalendar, on_delete=models.CASCADE, related_name="days")
    on = models.DateField()
    name = models.CharField(max_length=80)
    opens_at = models.TimeField(null=True, blank=True)
    closes_at = models.TimeField(null=True, blank=True)

    class Meta:
        ordering = ["on"]
        constraints = [
            models.UniqueConstraint(name="company_exceptionalday_once", fields=["calendar", "on"]),
            models.CheckConstraint(
                name="company_exceptionalday_closed_or_hours",
                condition=Q(opens_at__isnull=True, closes_at__isnull=True)
                | Q(opens_at__isnull=False, closes_at__gt=F("opens_at"))
                | Q(opens_at__isnull=False, closes_at="00:00"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.on:%Y-%m-%d} {self.name}"

    @property
    def is_closed(self) -> bool:
        """True when nobody is there on this day."""
        return self.opens_at is None
