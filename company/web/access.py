"""Which rows of the settings pages an agent may reach; whatever he may not is not found."""

from __future__ import annotations

from typing import cast

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404

from company import queries
from company.models import Agent, ApiKey, Invitation, Shop, Team

SETTINGS = "company.manage_settings"
AGENTS = "company.manage_agents"
ROLES = "company.manage_roles"
AUDIT = "company.view_audit"


def me(request: HttpRequest) -> Agent:
    """The agent who is signed in."""
    return cast("Agent", request.user)


def demand_everywhere(request: HttpRequest, code: str) -> None:
    """Raise PermissionDenied unless the agent holds the permission in all shops."""
    if not queries.may(me(request), code, shop_id=None):
        raise PermissionDenied


def shop(request: HttpRequest, slug: str) -> Shop:
    """The shop, if the agent may change its settings. Raises Http404."""
    found = get_object_or_404(Shop, slug=slug)
    if not queries.may(me(request), SETTINGS, shop_id=found.pk):
        raise Http404
    return found


def agent(request: HttpRequest, agent_id: int) -> Agent:
    """An agent whom this one may see: someone with a role in a shop he manages. Raises Http404."""
    return get_object_or_404(queries.agents_managed_by(me(request)), pk=agent_id)


def team(request: HttpRequest, team_id: int) -> Team:
    """A team of a shop he manages. Raises Http404."""
    return get_object_or_404(queries.teams_managed_by(me(request)), pk=team_id)


def invitation(request: HttpRequest, invitation_id: int) -> Invitation:
    """A waiting invitation to a shop he manages. Raises Http404."""
    return get_object_or_404(queries.invitations_managed_by(me(request)), pk=invitation_id)


def key(request: HttpRequest, key_id: int) -> ApiKey:
    """A key of a shop whose settings he may change. Raises Http404."""
    return get_object_or_404(queries.api_keys(queries.shop_ids(me(request), SETTINGS)), pk=key_id)
