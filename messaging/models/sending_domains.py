"""What the DNS says about the domains we write from."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower


class SendingDomain(models.Model):
    """A domain of a shop's address, which DKIM selectors sign for it, and what its last check found.

    `findings` are {"check", "verdict", "code", "found", "name", "kind", "publish"}: the last three name
    the record to publish, and are empty where nothing has to change.
    """

    domain = models.CharField(max_length=253, unique=True)
    selectors = ArrayField(models.CharField(max_length=63), default=list, blank=True)
    checked_at = models.DateTimeField(null=True, blank=True)
    verdict = models.CharField(max_length=7, blank=True, default="")
    findings: models.JSONField[list[dict[str, str]], list[dict[str, str]]] = models.JSONField(
        default=list, blank=True
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="messaging_sendingdomain_lower", condition=Q(domain=Lower("domain"))
            ),
            models.CheckConstraint(
                name="messaging_sendingdomain_verdict_iff_checked",
                condition=Q(verdict="", checked_at__isnull=True)
                | Q(verdict__in=["good", "warn", "bad", "unknown"], checked_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.domain
