"""Teams and roles."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from company import queries, rules
from company.extensions import permissions
from company.models import Role, Team
from company.services import roles, teams
from company.web import access as reach
from company.web.forms import RoleForm, TeamForm, refuse
from ecrm.kernel import access
from ecrm.kernel.errors import DomainError
from ecrm.kernel.htmx import render_page


@require_safe
@access.permission(reach.AGENTS)
def team_list(request: HttpRequest) -> HttpResponse:
    """The teams of the shops this agent manages."""
    found = queries.teams_managed_by(reach.me(request)).prefetch_related("members")
    return render_page(request, "company/team_list.html", {"teams": found})


@require_http_methods(["GET", "HEAD", "POST"])
@access.permission(reach.AGENTS)
def team_create(request: HttpRequest) -> HttpResponse:
    """Found a team."""
    form = _team_form(request, None)
    if request.method == "POST" and form.is_valid():
        try:
            teams.create_team(**_team_values(form), by=reach.me(request))
        except DomainError as error:
            refuse(form, error)
        else:
            return redirect("company:team-list")
    return _page(request, "company/team_edit.html", {"form": form, "team": None})


@require_http_methods(["GET", "HEAD", "POST"])
@access.permission(reach.AGENTS)
def team_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a team."""
    team = reach.team(request, pk)
    form = _team_form(request, team)
    if request.method == "POST" and form.is_valid():
        try:
            values = _team_values(form)
            values["member_ids"] += _members_not_shown(team, form)
            teams.change_team(team.pk, **values, by=reach.me(request))
        except DomainError as error:
            refuse(form, error)
        else:
            messages.success(request, _("Saved."))
            return redirect("company:team-list")
    return _page(request, "company/team_edit.html", {"form": form, "team": team})


@require_POST
@access.permission(reach.AGENTS)
def team_remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Dissolve a team."""
    team = reach.team(request, pk)
    teams.remove_team(team.pk, by=reach.me(request))
    messages.success(request, _("The team “%(name)s” is gone.") % {"name": team})
    return redirect("company:team-list")


@require_safe
@access.permission(reach.AGENTS)
def role_list(request: HttpRequest) -> HttpResponse:
    """Every role and what it allows."""
    me = reach.me(request)
    found = [(role, len(queries.role_permissions(role))) for role in queries.roles_for_list()]
    context = {
        "roles": found,
        "total": len(permissions.all()),
        "may_change": queries.may(me, reach.ROLES, shop_id=None),
    }
    return render_page(request, "company/role_list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@access.permission(reach.ROLES)
def role_create(request: HttpRequest) -> HttpResponse:
    """Define a role of the company's own."""
    reach.demand_everywhere(request, reach.ROLES)
    form = RoleForm(request.POST or None, codes=permissions.codes())
    if request.method == "POST" and form.is_valid():
        try:
            roles.create_role(
                name=form.cleaned_data["name"],
                codes=form.cleaned_data["permissions"],
                by=reach.me(request),
            )
        except DomainError as error:
            refuse(form, error)
        else:
            return redirect("company:role-list")
    return _role_page(request, form, None)


@require_http_methods(["GET", "HEAD", "POST"])
@access.permission(reach.ROLES)
def role_edit(request: HttpRequest, key: str) -> HttpResponse:
    """Change what a role allows."""
    reach.demand_everywhere(request, reach.ROLES)
    role = get_object_or_404(Role, key=key)
    initial = {"name": role.name, "permissions": sorted(queries.role_permissions(role))}
    form = RoleForm(_role_data(request, role), codes=permissions.codes(), initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            roles.change_role(
                role.pk,
                name=form.cleaned_data["name"],
                codes=form.cleaned_data["permissions"],
                by=reach.me(request),
            )
        except DomainError as error:
            refuse(form, error)
        else:
            messages.success(request, _("Saved. It holds from the next click of everybody."))
            return redirect("company:role-list")
    return _role_page(request, form, role)


@require_POST
@access.permission(reach.ROLES)
def role_remove(request: HttpRequest, key: str) -> HttpResponse:
    """Forget a role of the company's own."""
    reach.demand_everywhere(request, reach.ROLES)
    role = get_object_or_404(Role, key=key)
    try:
        roles.remove_role(role.pk, by=reach.me(request))
    except DomainError as error:
        messages.error(request, error.message)
        return redirect("company:role-edit", key=key)
    return redirect("company:role-list")


def _role_data(request: HttpRequest, role: Role) -> Any:
    """What was sent; the name of a built-in role is not asked for."""
    if request.method != "POST":
        return None
    data = request.POST.copy()
    if role.is_built_in:
        data["name"] = role.name
    return data


def _role_page(request: HttpRequest, form: RoleForm, role: Role | None) -> HttpResponse:
    chosen = set(form["permissions"].value() or [])
    groups: dict[str, list[dict[str, Any]]] = {}
    for permission in permissions.all():
        entry = {
            "code": permission.code,
            "label": _(permission.label),
            "is_on": permission.code in chosen,
        }
        groups.setdefault(permission.module, []).append(entry)
    context = {
        "form": form,
        "role": role,
        "groups": list(groups.items()),
        "is_fixed": role is not None and role.key == rules.OWNER,
    }
    return _page(request, "company/role_edit.html", context)


def _team_form(request: HttpRequest, team: Team | None) -> TeamForm:
    me = reach.me(request)
    scope = queries.scope_of(me, reach.AGENTS)
    shops = [(str(shop.id), shop.name) for shop in queries.all_shops() if scope.covers(shop.id)]
    if scope.is_everywhere:
        shops.insert(0, ("", _("All shops")))
    people = queries.agents_managed_by(me).active()
    initial = {}
    if team is not None:
        members = list(team.members.values_list("pk", flat=True))
        initial = {"name": team.name, "shop": team.shop_id, "members": members}
    return TeamForm(
        request.POST or None,
        shops=shops,
        agents=[(str(agent.pk), str(agent)) for agent in people],
        initial=initial,
    )


def _team_values(form: TeamForm) -> dict[str, Any]:
    given = form.cleaned_data
    return {"name": given["name"], "shop_id": given["shop"], "member_ids": given["members"]}


def _members_not_shown(team: Team, form: TeamForm) -> list[int]:
    """Those whom this agent does not manage, and disabled ones: they stay as they are."""
    return list(team.members.exclude(pk__in=form.offered).values_list("pk", flat=True))


def _page(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    return render_page(request, template, context, status=422 if context["form"].errors else 200)
