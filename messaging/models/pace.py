"""How fast mass mail may go to a receiving domain at the moment."""

from __future__ import annotations

from django.db import models


class DomainPace(models.Model):
    """A domain that has a limit, or that asked us to come later.

    Until `free_from` every slot is given away; until `paused_until` the domain is left alone. `deferrals`
    counts those in a row.
    """

    domain = models.CharField(max_length=253, unique=True)
    free_from = models.DateTimeField(null=True, blank=True)
    deferrals = models.PositiveIntegerField(default=0)
    paused_until = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.domain
