"""What customers thought of our answers, and which shops ask them."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import pgettext_lazy

from contacts.rules import BEST, WORST


class Rating(models.Model):
    """The one question about a finished ticket, and the customer's latest answer to it."""

    class Score(models.IntegerChoices):
        AWFUL = 1, pgettext_lazy("rating", "Very bad")
        BAD = 2, pgettext_lazy("rating", "Bad")
        FAIR = 3, pgettext_lazy("rating", "Fair")
        GOOD = 4, pgettext_lazy("rating", "Good")
        GREAT = 5, pgettext_lazy("rating", "Very good")

    ticket = models.OneToOneField(
        "contacts.Ticket", on_delete=models.PROTECT, related_name="rating"
    )
    score = models.PositiveSmallIntegerField(choices=Score.choices, null=True, blank=True)
    comment = models.TextField(blank=True, db_default="")
    asked_at = models.DateTimeField()
    rated_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="contacts_rating_score_in_range",
                condition=Q(score__isnull=True) | Q(score__range=(WORST, BEST)),
            ),
            models.CheckConstraint(
                name="contacts_rating_score_iff_rated_at",
                condition=Q(score__isnull=True, rated_at__isnull=True)
                | Q(score__isnull=False, rated_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"rating of ticket {self.ticket_id}"


class RatingPolicy(models.Model):
    """Whether a shop asks its customers what they thought; a shop without a row does not."""

    shop = models.OneToOneField("company.Shop", on_delete=models.CASCADE, related_name="+")
    is_asking = models.BooleanField(default=False, db_default=False)

    def __str__(self) -> str:
        return f"rating policy of shop {self.shop_id}"
