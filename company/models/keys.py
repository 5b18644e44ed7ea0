"""Keys with which programs of a shop use the API."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from company.models.agents import Agent
from company.models.shops import Shop


class ApiKey(models.Model):
    """A secret of 256 bits of which only the hash is stored; its prefix tells keys apart."""

    shop = models.ForeignKey(Shop, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(_("name"), max_length=80)
    prefix = models.CharField(max_length=16, unique=True)
    secret_hash = models.CharField(max_length=64)
    scopes = ArrayField(models.CharField(max_length=40), verbose_name=_("scopes"))
    created_by = models.ForeignKey(Agent, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=now)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                name="company_apikey_secret_hash_shape",
                condition=Q(secret_hash__regex=r"^[0-9a-f]{64}$"),  # noqa: S106 - a shape
            ),
            models.CheckConstraint(
                name="company_apikey_prefix_shape", condition=Q(prefix__regex=r"^[a-z0-9]{8,16}$")
            ),
            models.CheckConstraint(
                name="company_apikey_may_something", condition=Q(scopes__len__gte=1)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} (ecrm_{self.prefix}…)"
