"""What many messages say."""

from __future__ import annotations

from django.db import models


class Wording(models.Model):
    """The text of a mass mail, kept once for all its recipients; each has his `data` for its gaps.

    It never changes: the same words have the same `fingerprint` and are the same row.
    """

    fingerprint = models.CharField(max_length=64, unique=True)
    engine = models.CharField(max_length=20)
    shop = models.ForeignKey("company.Shop", on_delete=models.PROTECT, related_name="+", null=True)
    language = models.CharField(max_length=10)
    from_name = models.CharField(max_length=200, blank=True)
    from_address = models.CharField(max_length=254)
    subject = models.CharField(max_length=1000)
    text = models.TextField(blank=True)
    html = models.TextField(blank=True)
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"wording #{self.pk}"
