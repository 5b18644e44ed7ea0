"""What a company wants to know of its customers beside names and addresses."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

# The columns of a value, of which exactly one is filled.
TYPED = ("text", "number", "boolean", "day", "items")


def _one_of(*columns: str) -> Q:
    """Exactly one of the columns holds something."""
    found = Q()
    for filled in columns:
        found |= Q(**{f"{column}__isnull": column != filled for column in columns})
    return found


class AttributeQuerySet(models.QuerySet["Attribute"]):
    def in_use(self) -> AttributeQuerySet:
        """Attributes which nobody put away."""
        return self.filter(archived_at__isnull=True)

    def for_list(self) -> AttributeQuerySet:
        """In the order in which forms and pages show them."""
        return self.order_by("position", "label", "pk")


class Attribute(models.Model):
    """One thing the company wants to know; defined by it, archived and never deleted."""

    class Kind(models.TextChoices):
        STRING = "string", _("Text")
        NUMBER = "number", _("Number")
        BOOLEAN = "boolean", _("Yes or no")
        DATE = "date", _("Date")
        LIST = "list", _("List of texts")
        CHOICE = "choice", _("Choice")

    class Required(models.TextChoices):
        NOBODY = "nobody", _("Nobody")
        AGENTS = "agents", _("Agents who edit a customer")
        EVERYBODY = "everybody", _("Agents, programs and imports")

    key = models.SlugField(max_length=40, unique=True)
    label = models.CharField(max_length=80)
    kind = models.CharField(max_length=7, choices=Kind.choices)
    choices = ArrayField(models.CharField(max_length=100), default=list, blank=True)
    required_for = models.CharField(max_length=9, choices=Required.choices, default=Required.NOBODY)
    position = models.PositiveSmallIntegerField(default=100)
    archived_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()

    objects = AttributeQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="profiles_attribute_choices_iff_choice",
                condition=(Q(kind="choice") & ~Q(choices=[])) | (~Q(kind="choice") & Q(choices=[])),
            ),
        ]

    def __str__(self) -> str:
        return self.key


class AttributeValue(models.Model):
    """What one attribute of a customer says: one column per type, each with an index of its own.

    Rows instead of a document on the profile: a segment's question ("number of children above 2")
    reads one range of an index, and a merge moves, keeps and brings back single values.
    """

    profile = models.ForeignKey(
        "profiles.Profile", on_delete=models.CASCADE, related_name="+", db_index=False
    )
    attribute = models.ForeignKey(
        Attribute, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    text = models.CharField(max_length=500, null=True, blank=True)  # noqa: DJ001 - null: another type
    number = models.DecimalField(max_digits=24, decimal_places=6, null=True, blank=True)
    boolean = models.BooleanField(null=True, blank=True)
    day = models.DateField(null=True, blank=True)
    items = ArrayField(models.CharField(max_length=100), null=True, blank=True)
    source = models.CharField(max_length=20)
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["profile", "attribute"], name="profiles_attributevalue_once"
            ),
            models.CheckConstraint(
                name="profiles_attributevalue_of_one_type", condition=_one_of(*TYPED)
            ),
        ]
        indexes = [
            models.Index(
                fields=["attribute", "text"],
                name="profiles_attributevalue_text",
                condition=Q(text__isnull=False),
            ),
            models.Index(
                fields=["attribute", "number"],
                include=["profile"],
                name="profiles_attribute_numbers",
                condition=Q(number__isnull=False),
            ),
            models.Index(
                fields=["attribute", "boolean"],
                name="profiles_attribute_boolean",
                condition=Q(boolean__isnull=False),
            ),
            models.Index(
                fields=["attribute", "day"],
                name="profiles_attributevalue_day",
                condition=Q(day__isnull=False),
            ),
            GinIndex(fields=["items"], name="profiles_attributevalue_items"),
        ]

    def __str__(self) -> str:
        return f"attribute {self.attribute_id} of profile {self.profile_id}"
