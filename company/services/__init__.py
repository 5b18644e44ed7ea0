"""Writes of the company. Other modules find what they may call here, by name."""

from company.services.agents import create_agent, disable_agent, enable_agent, set_preferences
from company.services.audit import record_audit
from company.services.grants import grant_role, revoke_grant
from company.services.invitations import accept_invitation, invite_agent, withdraw_invitation
from company.services.keys import (
    issue_api_key,
    recognise_api_key,
    revoke_api_key,
    use_api_key,
)
from company.services.shops import change_shop, create_shop
from company.services.teams import create_team

__all__ = [
    "accept_invitation",
    "change_shop",
    "create_agent",
    "create_shop",
    "create_team",
    "disable_agent",
    "enable_agent",
    "grant_role",
    "invite_agent",
    "issue_api_key",
    "recognise_api_key",
    "record_audit",
    "revoke_api_key",
    "revoke_grant",
    "set_preferences",
    "use_api_key",
    "withdraw_invitation",
]
