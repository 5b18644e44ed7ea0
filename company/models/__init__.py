"""Every model of the module; Django looks for them here."""

from company.models.agents import (
    Agent,
    AgentQuerySet,
    Grant,
    Invitation,
    Role,
    Team,
    TeamMembership,
)
from company.models.audit import AuditEntry, AuditHead
from company.models.keys import ApiKey
from company.models.shops import ExceptionalDay, Logo, OpeningCalendar, OpeningHours, Shop

__all__ = [
    "Agent",
    "AgentQuerySet",
    "ApiKey",
    "AuditEntry",
    "AuditHead",
    "ExceptionalDay",
    "Grant",
    "Invitation",
    "Logo",
    "OpeningCalendar",
    "OpeningHours",
    "Role",
    "Shop",
    "Team",
    "TeamMembership",
]
