"""Every model of the module; Django looks for them here."""

from company.models.agents import Agent, Grant, Invitation, Role, Team, TeamMembership
from company.models.audit import AuditEntry, AuditHead
from company.models.keys import ApiKey
from company.models.shops import ExceptionalDay, OpeningCalendar, OpeningHours, Shop

__all__ = [
    "Agent",
    "ApiKey",
    "AuditEntry",
    "AuditHead",
    "ExceptionalDay",
    "Grant",
    "Invitation",
    "OpeningCalendar",
    "OpeningHours",
    "Role",
    "Shop",
    "Team",
    "TeamMembership",
]
