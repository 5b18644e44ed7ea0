"""Where customers live and have things sent."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _


class PostalAddress(models.Model):
    """One address a customer used; `fingerprint` is the same however it was typed."""

    class Kind(models.TextChoices):
        SHIPPING = "shipping", _("Delivery")
        BILLING = "billing", _("Invoice")

    profile = models.ForeignKey(
        "profiles.Profile", on_delete=models.CASCADE, related_name="addresses", db_index=False
    )
    kind = models.CharField(max_length=8, choices=Kind.choices)
    fingerprint = models.CharField(max_length=32)
    name = models.CharField(max_length=200, blank=True)
    company = models.CharField(max_length=200, blank=True)
    line1 = models.CharField(max_length=200)
    line2 = models.CharField(max_length=200, blank=True)
    postcode = models.CharField(max_length=20, blank=True)
    city = models.CharField(max_length=200, blank=True)
    region = models.CharField(max_length=200, blank=True)
    country = models.CharField(max_length=2, blank=True)
    source = models.CharField(max_length=20)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["profile", "kind", "fingerprint"], name="profiles_postaladdress_once"
            ),
            models.CheckConstraint(
                name="profiles_postaladdress_seen_in_order",
                condition=Q(last_seen_at__gte=F("first_seen_at")),
            ),
        ]

    def __str__(self) -> str:
        return f"address of profile {self.profile_id}"
