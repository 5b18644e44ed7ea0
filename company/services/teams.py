"""Teams: agents who share work."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction
from django.utils.translation import gettext as _

from company.models import Agent, Team, TeamMembership
from company.services.audit import record_audit
from company.services.grants import MANAGE_AGENTS
from company.services.power import refuse_escalation
from company.types import Agent as Actor
from ecrm.kernel.errors import DomainError


class TeamExists(DomainError):
    """Another team has this name."""

    code = "team_exists"


@transaction.atomic
def create_team(
    *, name: str, shop_id: int | None, member_ids: Iterable[int] = (), by: Actor | None
) -> Team:
    """Found a team of a shop, or of the whole company. Raises TeamExists, PermissionEscalation."""
    refuse_escalation(by, codes=[MANAGE_AGENTS], shop_id=shop_id)
    _refuse_taken(name)
    team = Team.objects.create(name=name.strip(), shop_id=shop_id)
    _set_members(team, member_ids)
    _record(team, "company.team-created", by=by)
    return team


@transaction.atomic
def change_team(
    team_id: int, *, name: str, shop_id: int | None, member_ids: Iterable[int], by: Actor | None
) -> Team:
    """Rename a team, move it to a shop, replace its members. Raises TeamExists, PermissionEscalation."""
    team = Team.objects.select_for_update().get(pk=team_id)
    for scope in {team.shop_id, shop_id}:
        refuse_escalation(by, codes=[MANAGE_AGENTS], shop_id=scope)
    _refuse_taken(name, except_id=team.pk)
    team.name, team.shop_id = name.strip(), shop_id
    team.save(update_fields=["name", "shop"])
    _set_members(team, member_ids)
    _record(team, "company.team-changed", by=by)
    return team


@transaction.atomic
def remove_team(team_id: int, *, by: Actor | None) -> None:
    """Dissolve a team; its members stay agents. Raises PermissionEscalation."""
    team = Team.objects.select_for_update().get(pk=team_id)
    refuse_escalation(by, codes=[MANAGE_AGENTS], shop_id=team.shop_id)
    _record(team, "company.team-removed", by=by)
    team.delete()


def _refuse_taken(name: str, *, except_id: int | None = None) -> None:
    if Team.objects.filter(name__iexact=name.strip()).exclude(pk=except_id or 0).exists():
        text = _("Another team has this name.")
        raise TeamExists(text, fields={"name": text})


def _set_members(team: Team, member_ids: Iterable[int]) -> None:
    wanted = set(Agent.objects.filter(pk__in=list(member_ids)).values_list("pk", flat=True))
    team.memberships.exclude(agent_id__in=wanted).delete()
    TeamMembership.objects.bulk_create(
        [TeamMembership(team=team, agent_id=agent_id) for agent_id in sorted(wanted)],
        ignore_conflicts=True,
    )


def _record(team: Team, action: str, *, by: Actor | None) -> None:
    members = " ".join(map(str, sorted(team.memberships.values_list("agent_id", flat=True))))
    record_audit(
        action=action,
        target=f"team:{team.pk}",
        by=by,
        shop_id=team.shop_id,
        changes={"name": team.name, "members": members},
    )
