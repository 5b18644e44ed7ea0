"""Tables of customers that somebody brought, how far we are with them, and what became of each row."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from ecrm.kernel.longwork import LongWork


class Import(LongWork):
    """A table of customers for a shop.

    First it is checked, which writes nothing about customers, then rests until somebody starts it, then
    it is imported. Numbers of rows begin with 1 and do not count the titles. `mapping` and `options` are
    what rules.imports.Plan reads; `table` says how the file is to be read.
    """

    class Stage(models.TextChoices):
        CHECKING = "checking", _("Check")
        IMPORTING = "importing", _("Import")

    shop = models.ForeignKey("company.Shop", on_delete=models.PROTECT, related_name="+")
    file = models.ForeignKey(
        "kernel.StoredFile", on_delete=models.SET_NULL, null=True, related_name="+", db_index=False
    )
    name = models.CharField(max_length=200)
    table = models.JSONField()
    header = ArrayField(models.CharField(max_length=200))
    samples = models.JSONField()
    mapping = models.JSONField(default=list)
    options = models.JSONField(default=dict)
    segment = models.ForeignKey(
        "profiles.Segment", on_delete=models.SET_NULL, null=True, related_name="+", db_index=False
    )
    stage = models.CharField(max_length=9, choices=Stage.choices, default=Stage.CHECKING)
    is_read = models.BooleanField(default=False)

    new_count = models.PositiveIntegerField(default=0)
    known_count = models.PositiveIntegerField(default=0)
    repeated_count = models.PositiveIntegerField(default=0)
    faulty_count = models.PositiveIntegerField(default=0)

    created_count = models.PositiveIntegerField(default=0)
    changed_count = models.PositiveIntegerField(default=0)
    left_count = models.PositiveIntegerField(default=0)
    refused_count = models.PositiveIntegerField(default=0)

    created_by = models.ForeignKey(
        "company.Agent", on_delete=models.SET_NULL, null=True, related_name="+", db_index=False
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="profiles_import_stage_known",
                condition=Q(stage__in=["checking", "importing"]),
            )
        ]
        indexes = [
            models.Index(fields=["-created_at"], name="profiles_import_latest"),
            models.Index(
                fields=["id"], name="profiles_import_working", condition=Q(state="working")
            ),
        ]

    def __str__(self) -> str:
        return f"import {self.pk}"

    @property
    def is_mapped(self) -> bool:
        """Whether somebody said what the columns mean."""
        return bool(self.mapping)

    @property
    def is_ready(self) -> bool:
        """Whether it was checked and waits for somebody to start it."""
        return self.state == self.State.RESTING and self.stage == self.Stage.IMPORTING

    @property
    def is_importing(self) -> bool:
        """Whether it has begun to write about customers, or did once."""
        return self.stage == self.Stage.IMPORTING and self.state != self.State.RESTING


class ImportBlock(models.Model):
    """Rows of an import: compressed, as they came and as they were understood.

    `first_row` is the number of the first of them.
    """

    of = models.ForeignKey(Import, on_delete=models.CASCADE, related_name="+", db_index=False)
    first_row = models.BigIntegerField()
    rows_count = models.PositiveIntegerField()
    raw = models.BinaryField()
    understood = models.BinaryField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["of", "first_row"], name="profiles_importblock_once")
        ]

    def __str__(self) -> str:
        return f"rows of import {self.of_id} from {self.first_row}"


class ImportKey(models.Model):
    """An identifier seen while an import is checked, as a digest, and whom it stands for.

    `person` is a profile's id, or the negative number of the row in which somebody new came first.
    """

    of = models.ForeignKey(Import, on_delete=models.CASCADE, related_name="+", db_index=False)
    digest = models.BigIntegerField()
    person = models.BigIntegerField()
    is_strong = models.BooleanField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["of", "digest"], name="profiles_importkey_once")
        ]

    def __str__(self) -> str:
        return f"identifier in import {self.of_id}"


class ImportFault(models.Model):
    """A row that can't be imported; `stage` says when that came out.

    `reasons` are triples: the number of the column (-1: the whole row), why, and what stood there.
    """

    of = models.ForeignKey(Import, on_delete=models.CASCADE, related_name="+", db_index=False)
    row = models.BigIntegerField()
    stage = models.CharField(max_length=9, choices=Import.Stage.choices)
    reasons = models.JSONField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["of", "row"], name="profiles_importfault_once")
        ]

    def __str__(self) -> str:
        return f"row {self.row} of import {self.of_id}"


class ImportedCustomer(models.Model):
    """Somebody whom an import brought: nobody knew him before."""

    of = models.ForeignKey(Import, on_delete=models.CASCADE, related_name="+", db_index=False)
    profile = models.ForeignKey(
        "profiles.Profile", on_delete=models.CASCADE, related_name="+", db_index=False
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["of", "profile"], name="profiles_importedcustomer_once")
        ]
        indexes = [models.Index(fields=["profile"], name="profiles_importedcustomer_who")]

    def __str__(self) -> str:
        return f"profile {self.profile_id} of import {self.of_id}"
