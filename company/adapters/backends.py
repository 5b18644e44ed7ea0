"""Signs agents in by e-mail address and answers what they may do."""

from __future__ import annotations

from typing import Any

from allauth.account.auth_backends import AuthenticationBackend

from company import queries
from company.models import Agent


class AgentBackend(AuthenticationBackend):
    """allauth's sign-in; permissions come from grants instead of Django's groups."""

    knows_grants = True

    def get_user(self, user_id: Any) -> Agent | None:
        """The agent of a session, unless he is disabled."""
        agent = queries.agent_of_session(user_id)
        return agent if agent is not None and self.user_can_authenticate(agent) else None

    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        """True when the agent holds the permission in any shop."""
        return isinstance(user_obj, Agent) and perm in queries.held_permissions(user_obj)

    def get_all_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        """Every code the agent holds in any shop."""
        return set(queries.held_permissions(user_obj)) if isinstance(user_obj, Agent) else set()

    def get_user_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        """Nobody holds a permission but through a role."""
        return set()

    def get_group_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        """Roles take the place of Django's groups."""
        return self.get_all_permissions(user_obj, obj)

    def has_module_perms(self, user_obj: Any, app_label: str) -> bool:
        """True when the agent holds any permission of the module."""
        return any(code.startswith(f"{app_label}.") for code in self.get_all_permissions(user_obj))
