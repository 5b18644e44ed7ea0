"""What the past of a shop's customers says about their future, and how they stand to each other."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from ecrm.kernel.money import Money


class Rfm(models.Model):
    """In which fifth of a shop's customers one stands: how lately, how often, how much he bought.

    Five is the best fifth; customers who are equal get the same mark. Made anew every night.
    """

    profile = models.ForeignKey(
        "profiles.Profile", on_delete=models.CASCADE, related_name="+", db_index=False
    )
    shop = models.ForeignKey(
        "company.Shop", on_delete=models.PROTECT, related_name="+", db_index=False
    )
    recency = models.PositiveSmallIntegerField()
    frequency = models.PositiveSmallIntegerField()
    monetary = models.PositiveSmallIntegerField()
    scored_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["profile", "shop"], name="profiles_rfm_once"),
            models.CheckConstraint(
                name="profiles_rfm_in_fifths",
                condition=Q(recency__range=(1, 5), frequency__range=(1, 5), monetary__range=(1, 5)),
            ),
        ]
        indexes = [
            models.Index(
                fields=["shop", "recency", "frequency", "monetary"], name="profiles_rfm_of_shop"
            )
        ]

    def __str__(self) -> str:
        return f"{self.recency}{self.frequency}{self.monetary} of profile {self.profile_id}"


class LifetimeModel(models.Model):
    """What was learned of a shop's customers, or why nothing could be. Times are in weeks."""

    class State(models.TextChoices):
        FITTED = "fitted", _("fitted")
        TOO_LITTLE = "too_little", _("not enough history yet")
        FAILED = "failed", _("the history fits no model")

    shop = models.ForeignKey("company.Shop", on_delete=models.CASCADE, related_name="+")
    state = models.CharField(max_length=10, choices=State.choices)
    currency = models.CharField(max_length=3)
    customers = models.PositiveIntegerField()
    repeat_customers = models.PositiveIntegerField()
    weeks = models.FloatField()
    parameters = models.JSONField(default=dict)
    fitted_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["shop", "-id"], name="profiles_lifetimemodel_latest")]

    def __str__(self) -> str:
        return f"{self.state} model of shop {self.shop_id}"


class Prediction(models.Model):
    """What one customer of a shop will probably do, as the shop's model saw it at `predicted_at`.

    `value` is what he will bring within a year in today's money; `churn` the chance that he places no
    order within a year; `alive` the chance that he has not left for good.
    """

    profile = models.ForeignKey(
        "profiles.Profile", on_delete=models.CASCADE, related_name="+", db_index=False
    )
    shop = models.ForeignKey(
        "company.Shop", on_delete=models.PROTECT, related_name="+", db_index=False
    )
    model = models.ForeignKey(LifetimeModel, on_delete=models.CASCADE, related_name="+")
    currency = models.CharField(max_length=3)
    value = models.DecimalField(max_digits=19, decimal_places=4)
    orders = models.FloatField()
    alive = models.FloatField()
    churn = models.FloatField()
    next_order_on = models.DateField(null=True, blank=True)
    predicted_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["profile", "shop"], name="profiles_prediction_once"),
            models.CheckConstraint(
                name="profiles_prediction_of_chances",
                condition=Q(alive__range=(0, 1), churn__range=(0, 1)),
            ),
        ]
        indexes = [
            models.Index(fields=["shop", "value"], name="profiles_prediction_value"),
            models.Index(fields=["shop", "churn"], name="profiles_prediction_churn"),
            models.Index(fields=["shop", "next_order_on"], name="profiles_prediction_next_order"),
        ]

    def __str__(self) -> str:
        return f"prediction of profile {self.profile_id}"

    @property
    def worth(self) -> Money:
        """The value with its currency."""
        return Money(self.value, self.currency)


class SelfCheck(models.Model):
    """One night's comparison of kept figures with the rows they were added up from."""

    source = models.CharField(max_length=40)
    checked_at = models.DateTimeField()
    differing = models.PositiveIntegerField()
    examples = models.JSONField(default=list)

    class Meta:
        indexes = [models.Index(fields=["source", "-id"], name="profiles_selfcheck_latest")]

    def __str__(self) -> str:
        return f"check of {self.source}: {self.differing} differ"
