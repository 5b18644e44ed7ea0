"""Which agent holds which role, in which shop."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext as _

from company import queries, rules
from company.events import AgentPermissionsChanged
from company.models import Agent, Grant, Role, Shop
from company.services.audit import record_audit
from company.services.power import (
    lock_owners,
    refuse_escalation,
    refuse_last_owner,
    refuse_outranked,
)
from company.types import Agent as Actor
from ecrm.kernel import outbox
from ecrm.kernel.errors import DomainError

MANAGE_AGENTS = "company.manage_agents"


class RoleUnknown(DomainError):
    """No role has this key."""

    code = "role_unknown"


@transaction.atomic
def grant_role(
    agent_id: int, *, role_key: str, shop_id: int | None = None, by: Actor | None
) -> Grant:
    """Give an agent a role in a shop, or in all of them; a second time changes nothing.

    Raises RoleUnknown, PermissionEscalation, AgentOutranksYou; publishes AgentPermissionsChanged.
    """
    agent = Agent.objects.select_for_update().get(pk=agent_id)
    role = role_by_key(role_key)
    refuse_escalation(by, codes={MANAGE_AGENTS, *queries.role_permissions(role)}, shop_id=shop_id)
    refuse_outranked(by, agent=agent)
    shop = Shop.objects.get(pk=shop_id) if shop_id is not None else None
    grant, is_new = Grant.objects.get_or_create(
        agent=agent, role=role, shop=shop, defaults={"granted_by_id": by.pk if by else None}
    )
    if is_new:
        _changed(grant, "company.role-granted", by=by)
    return grant


@transaction.atomic
def revoke_grant(grant_id: int, *, by: Actor | None) -> None:
    """Take a role from an agent.

    Raises PermissionEscalation, AgentOutranksYou, LastOwner; publishes AgentPermissionsChanged.
    """
    lock_owners()
    grant = Grant.objects.select_related("agent", "role").get(pk=grant_id)
    refuse_escalation(by, codes=[MANAGE_AGENTS], shop_id=grant.shop_id)
    refuse_outranked(by, agent=grant.agent)
    Grant.objects.filter(pk=grant.pk).delete()
    refuse_last_owner()
    _changed(grant, "company.role-revoked", by=by)


def role_by_key(role_key: str) -> Role:
    """The role; a built-in one is made when it is missing. Raises RoleUnknown."""
    role = Role.objects.filter(key=role_key).first()
    if role is None and role_key in rules.BUILT_IN_ROLES:
        name = rules.BUILT_IN_ROLES[role_key]
        role, _created = Role.objects.get_or_create(
            key=role_key, defaults={"name": name, "is_built_in": True}
        )
    if role is None:
        raise RoleUnknown(_("There is no such role."), fields={"role": _("There is no such role.")})
    return role


def _changed(grant: Grant, action: str, *, by: Actor | None) -> None:
    outbox.publish(AgentPermissionsChanged(agent_id=grant.agent_id))
    record_audit(
        action=action,
        target=f"agent:{grant.agent_id}",
        by=by,
        shop_id=grant.shop_id,
        changes={"role": grant.role.key},
    )
