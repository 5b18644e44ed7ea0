"""Tables of customers to take along, made in the background."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from ecrm.kernel.longwork import LongWork


class Export(LongWork):
    """Customers of some shops as a file, for the agent who asked.

    `selection` is what the list was narrowed to (queries.listing.Selection), `language` and `timezone`
    how the asking agent reads; `position` is the last customer in the file.
    """

    class Kind(models.TextChoices):
        CSV = "csv", _("CSV")
        XLSX = "xlsx", _("Excel (XLSX)")

    kind = models.CharField(max_length=4, choices=Kind.choices)
    shop_ids = ArrayField(models.BigIntegerField())
    selection = models.JSONField(default=dict)
    columns = ArrayField(models.CharField(max_length=40), default=list)
    language = models.CharField(max_length=12)
    timezone = models.CharField(max_length=63)
    file = models.ForeignKey(
        "kernel.StoredFile", on_delete=models.SET_NULL, null=True, related_name="+", db_index=False
    )
    created_by = models.ForeignKey(
        "company.Agent", on_delete=models.CASCADE, related_name="+", db_index=False
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="profiles_export_kind_known", condition=Q(kind__in=["csv", "xlsx"])
            )
        ]
        indexes = [
            models.Index(fields=["created_by", "-created_at"], name="profiles_export_latest"),
            models.Index(
                fields=["id"], name="profiles_export_working", condition=Q(state="working")
            ),
        ]

    def __str__(self) -> str:
        return f"export {self.pk}"
