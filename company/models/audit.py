"""The audit log: who did what, chained by hashes; the database refuses changes to it."""

from __future__ import annotations

from typing import Any

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Q

from company import rules


class AuditEntry(models.Model):
    """One privileged action, written in the transaction of the action.

    It points to nothing by foreign key, so that it survives what it speaks of.
    """

    position = models.BigIntegerField(unique=True)
    at = models.DateTimeField()
    action = models.CharField(max_length=80)
    actor_id = models.BigIntegerField(null=True)
    actor = models.CharField(max_length=254, blank=True)
    shop_id = models.BigIntegerField(null=True)
    target = models.CharField(max_length=200)
    changes = models.JSONField(default=dict)
    ip = models.GenericIPAddressField(null=True)
    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    class Meta:
        ordering = ["-position"]
        constraints = [
            models.CheckConstraint(
                name="company_auditentry_position_counts", condition=Q(position__gte=1)
            )
        ]
        indexes = [
            BrinIndex(name="company_auditentry_at", fields=["at"]),
            models.Index(name="company_auditentry_action", fields=["action", "-position"]),
            models.Index(name="company_auditentry_actor", fields=["actor_id", "-position"]),
            models.Index(name="company_auditentry_target", fields=["target", "-position"]),
        ]

    def __str__(self) -> str:
        return f"{self.position} {self.action} {self.target}"

    def facts(self) -> dict[str, Any]:
        """What the hash covers."""
        return {
            "position": self.position,
            "at": self.at.isoformat(),
            "action": self.action,
            "actor_id": self.actor_id,
            "actor": self.actor,
            "shop_id": self.shop_id,
            "target": self.target,
            "changes": self.changes,
            "ip": self.ip,
        }

    def computed_hash(self) -> str:
        """The hash this row must carry."""
        return rules.audit_hash(self.previous_hash, self.facts())


class AuditHead(models.Model):
    """The end of the chain: one row, locked while an entry is added, so that no end is cut off."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    position = models.BigIntegerField(default=0)
    hash = models.CharField(max_length=64, default=rules.GENESIS)

    class Meta:
        constraints = [models.CheckConstraint(name="company_audithead_single", condition=Q(id=1))]

    def __str__(self) -> str:
        return f"{self.position} {self.hash[:12]}"
