"""Nobody gives, takes or touches more power than he has, and somebody always owns the house."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Q
from django.utils.translation import gettext as _

from company import queries, rules
from company.models import Agent, Role
from company.types import Agent as Actor
from ecrm.kernel.errors import DomainError


class PermissionEscalation(DomainError):
    """An agent tried to give what he does not hold himself."""

    code = "permission_escalation"


class AgentOutranksYou(DomainError):
    """The other agent may do something, or somewhere, that you may not."""

    code = "agent_outranks_you"


class LastOwner(DomainError):
    """Without this person nobody would own the company any more."""

    code = "last_owner"


def refuse_escalation(by: Actor | None, *, codes: Iterable[str], shop_id: int | None) -> None:
    """Raise PermissionEscalation unless `by` holds every code in the shop (None: in all shops)."""
    if by is None:
        return
    held = queries.held_permissions(by)
    if not all(held.get(code, queries.NOWHERE).covers(shop_id) for code in codes):
        raise PermissionEscalation(_("You can only give permissions which you hold yourself."))


def refuse_outranked(by: Actor | None, *, agent: Agent) -> None:
    """Raise AgentOutranksYou unless `by` holds all that the agent holds, everywhere he holds it."""
    if by is None or by.pk == agent.pk:
        return
    own = queries.held_permissions(by)
    for code, scope in queries.held_permissions(agent).items():
        mine = own.get(code, queries.NOWHERE)
        is_covered = mine.is_everywhere or (
            not scope.is_everywhere and scope.shop_ids <= mine.shop_ids
        )
        if not is_covered:
            raise AgentOutranksYou(_("This agent may do more than you."))


def lock_owners() -> None:
    """Make services that could remove an owner wait for each other; call it first."""
    list(Role.objects.select_for_update().filter(key=rules.OWNER))


def refuse_last_owner() -> None:
    """Raise LastOwner when, after the change just made, nobody owns the company any more."""
    is_owner = Q(is_superuser=True) | Q(grants__role__key=rules.OWNER, grants__shop__isnull=True)
    if not Agent.objects.active().filter(is_owner).exists():
        raise LastOwner(_("Somebody must own the company: name another owner first."))
