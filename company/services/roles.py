"""Roles: what may be held together, under one name."""

from __future__ import annotations

from collections.abc import Collection

from django.db import transaction
from django.utils.text import slugify
from django.utils.translation import gettext as _

from company import queries, rules
from company.events import AgentPermissionsChanged
from company.extensions import permissions
from company.models import Grant, Role
from company.services.audit import record_audit
from company.services.power import refuse_escalation
from company.types import Agent as Actor
from ecrm.kernel import outbox
from ecrm.kernel.errors import DomainError

MANAGE_ROLES = "company.manage_roles"


class RoleExists(DomainError):
    """Another role has this name."""

    code = "role_exists"


class RoleInvalid(DomainError):
    """A role needs a name and permissions that some module checks."""

    code = "role_invalid"


class OwnerRoleFixed(DomainError):
    """The owner always may everything."""

    code = "owner_role_fixed"


class RoleInUse(DomainError):
    """Somebody holds the role, or it belongs to the product."""

    code = "role_in_use"


@transaction.atomic
def create_role(*, name: str, codes: Collection[str], by: Actor | None) -> Role:
    """Define a role of the company's own. Raises RoleExists, RoleInvalid, PermissionEscalation."""
    refuse_escalation(by, codes={MANAGE_ROLES, *codes}, shop_id=None)
    _refuse_invalid(name, codes)
    role = Role.objects.create(
        key=_free_key(name), name=name.strip(), permissions=sorted(set(codes))
    )
    record_audit(
        action="company.role-created",
        target=f"role:{role.key}",
        by=by,
        changes={"permissions": " ".join(role.permissions)},
    )
    return role


@transaction.atomic
def change_role(role_id: int, *, name: str, codes: Collection[str], by: Actor | None) -> Role:
    """Rename a role and say anew what it allows; a built-in role keeps its name.

    Raises OwnerRoleFixed, RoleExists, RoleInvalid, PermissionEscalation;
    publishes AgentPermissionsChanged for each holder.
    """
    role = Role.objects.select_for_update().get(pk=role_id)
    if role.key == rules.OWNER:
        raise OwnerRoleFixed(_("The owner always may everything."))
    before = queries.role_permissions(role)
    refuse_escalation(by, codes={MANAGE_ROLES, *before.symmetric_difference(codes)}, shop_id=None)
    _refuse_invalid(name, codes, except_id=role.pk)
    defaults = queries.default_permissions(role)
    if not role.is_built_in:
        role.name = name.strip()
    role.permissions = sorted(set(codes) - defaults)
    role.withheld = sorted(defaults - set(codes))
    role.save(update_fields=["name", "permissions", "withheld"])
    for agent_id in Grant.objects.filter(role=role).values_list("agent_id", flat=True).distinct():
        outbox.publish(AgentPermissionsChanged(agent_id=agent_id))
    record_audit(
        action="company.role-changed",
        target=f"role:{role.key}",
        by=by,
        changes={
            "added": " ".join(sorted(set(codes) - before)),
            "removed": " ".join(sorted(before - set(codes))),
        },
    )
    return role


@transaction.atomic
def remove_role(role_id: int, *, by: Actor | None) -> None:
    """Forget a role of the company's own which nobody holds. Raises RoleInUse, PermissionEscalation."""
    role = Role.objects.select_for_update().get(pk=role_id)
    refuse_escalation(by, codes=[MANAGE_ROLES], shop_id=None)
    if role.is_built_in:
        raise RoleInUse(_("This role belongs to the product."))
    if role.grants.exists() or queries.waiting_invitations().filter(role=role).exists():
        raise RoleInUse(_("Take the role from everybody who holds it first."))
    record_audit(action="company.role-removed", target=f"role:{role.key}", by=by)
    role.delete()


def _refuse_invalid(name: str, codes: Collection[str], *, except_id: int | None = None) -> None:
    if not name.strip():
        text = _("A role needs a name.")
        raise RoleInvalid(text, fields={"name": text})
    if not permissions.codes().issuperset(codes):
        text = _("Nobody knows one of these permissions.")
        raise RoleInvalid(text, fields={"permissions": text})
    if Role.objects.filter(name__iexact=name.strip()).exclude(pk=except_id or 0).exists():
        text = _("Another role has this name.")
        raise RoleExists(text, fields={"name": text})


def _free_key(name: str) -> str:
    base = slugify(name)[:34] or "role"
    taken = set(Role.objects.filter(key__startswith=base).values_list("key", flat=True))
    keys = (base if number == 1 else f"{base}-{number}" for number in range(1, len(taken) + 2))
    return next(key for key in keys if key not in taken)
