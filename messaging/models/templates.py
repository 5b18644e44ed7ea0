"""Templates of messages: what a shop made its own, every version of it, and each language of a version."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class TemplateQuerySet(models.QuerySet["MessageTemplate"]):
    def visible_in(self, shop_ids: frozenset[int]) -> TemplateQuerySet:
        """Templates of these shops."""
        return self.filter(shop_id__in=shop_ids)

    def in_use(self) -> TemplateQuerySet:
        """Templates that were not put away."""
        return self.filter(archived_at__isnull=True)


class MessageTemplate(models.Model):
    """A template of one shop. One that comes with the product has a row once the shop changes it.

    Without a published version the built-in one of the same key is sent, if there is one.
    """

    class Purpose(models.TextChoices):
        TRANSACTIONAL = "transactional", _("Transactional")
        SERVICE = "service", _("Service")
        MARKETING = "marketing", _("Marketing")

    shop = models.ForeignKey(
        "company.Shop", on_delete=models.PROTECT, related_name="+", db_index=False
    )
    key = models.CharField(max_length=64)
    name = models.CharField(max_length=120)
    purpose = models.CharField(max_length=13, choices=Purpose.choices)
    published = models.ForeignKey(
        "messaging.TemplateVersion",
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        db_index=False,
    )
    created_at = models.DateTimeField()
    archived_at = models.DateTimeField(null=True, blank=True)

    objects = TemplateQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["shop", "key"], name="messaging_template_key_once"),
            models.CheckConstraint(name="messaging_template_named", condition=~Q(name="")),
        ]

    def __str__(self) -> str:
        return self.name


class TemplateVersion(models.Model):
    """One state of a template. A published one never changes; at most one is still being written.

    `fault` is what went wrong when it was last filled for somebody and could not be.
    """

    template = models.ForeignKey(
        MessageTemplate, on_delete=models.CASCADE, related_name="versions", db_index=False
    )
    number = models.PositiveIntegerField()
    changed_at = models.DateTimeField()
    changed_by = models.ForeignKey(
        "company.Agent", on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    published_at = models.DateTimeField(null=True, blank=True)
    fault = models.TextField(blank=True, db_default="")
    failed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["template", "number"], name="messaging_templateversion_number_once"
            ),
            models.UniqueConstraint(
                fields=["template"],
                condition=Q(published_at__isnull=True),
                name="messaging_templateversion_one_draft",
            ),
        ]

    def __str__(self) -> str:
        return f"version {self.number} of template {self.template_id}"


class TemplateText(models.Model):
    """A version in one language."""

    class Format(models.TextChoices):
        MARKDOWN = "markdown", _("Text with simple marks (Markdown)")
        MJML = "mjml", "MJML"
        HTML = "html", "HTML"

    version = models.ForeignKey(
        TemplateVersion, on_delete=models.CASCADE, related_name="texts", db_index=False
    )
    language = models.CharField(max_length=10)
    format = models.CharField(max_length=8, choices=Format.choices)
    subject = models.CharField(max_length=300, blank=True)
    preheader = models.CharField(max_length=300, blank=True)
    source = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["version", "language"], name="messaging_templatetext_language_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.language} of version {self.version_id}"
