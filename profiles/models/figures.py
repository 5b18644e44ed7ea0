"""What a customer's orders, and his requests, add up to."""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class Figures(models.Model):
    """What a customer's orders in one shop and currency add up to, kept with every order."""

    profile = models.ForeignKey(
        "profiles.Profile", on_delete=models.CASCADE, related_name="figures", db_index=False
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


class RequestFigures(models.Model):
    """How often a customer turned to a shop, and what he thought of its answers, kept with each."""

    profile = models.ForeignKey(
        "profiles.Profile", on_delete=models.CASCADE, related_name="+", db_index=False
    )
    shop = models.ForeignKey(
        "company.Shop", on_delete=models.PROTECT, related_name="+", db_index=False
    )
    requests_count = models.PositiveIntegerField(default=0)
    last_request_at = models.DateTimeField(null=True)
    ratings_count = models.PositiveIntegerField(default=0, db_default=0)
    # What his ratings, 1 to 5 each, add up to.
    ratings_sum = models.PositiveIntegerField(default=0, db_default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["profile", "shop"], name="profiles_requestfigures_once"
            ),
        ]

    def __str__(self) -> str:
        return f"requests of profile {self.profile_id}"
