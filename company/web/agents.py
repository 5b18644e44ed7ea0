"""The people who work here, those invited, and what they may do."""

from __future__ import annotations

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from company import queries
from company.models import Agent
from company.services import agents, grants, invitations
from company.web import access as reach
from company.web.forms import Choices, GrantForm, InviteForm, refuse
from ecrm.kernel import access
from ecrm.kernel.errors import DomainError
from ecrm.kernel.filters import ROWS_PER_PAGE
from ecrm.kernel.htmx import render_page


@require_safe
@access.permission(reach.AGENTS)
def agent_list(request: HttpRequest) -> HttpResponse:
    """Colleagues of the shops this agent manages, and who is invited there."""
    text = request.GET.get("q", "").strip()[:120]
    state = request.GET.get("state", "")
    found = queries.agents_managed_by(reach.me(request))
    if text:
        found = found.filter(Q(name__icontains=text) | Q(email__icontains=text))
    if state in {"active", "disabled"}:
        found = found.filter(is_active=state == "active")
    page = Paginator(found, ROWS_PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "text": text,
        "state": state,
        "secured": set(
            Authenticator.objects.filter(user__in=[agent.pk for agent in page]).values_list(
                "user_id", flat=True
            )
        ),
        "invitations": queries.invitations_managed_by(reach.me(request)),
    }
    return render_page(request, "company/agent_list.html", context, partials={"agent-rows": "rows"})


@require_http_methods(["GET", "HEAD", "POST"])
@access.permission(reach.AGENTS)
def agent_invite(request: HttpRequest) -> HttpResponse:
    """Ask somebody to come."""
    me = reach.me(request)
    form = InviteForm(
        request.POST or None,
        roles=_roles(me),
        shops=_shops(me),
        initial={"language": me.language, "role": "support"},
    )
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            invitation = invitations.invite_agent(
                email=given["email"],
                name=given["name"],
                language=given["language"],
                role_key=given["role"],
                shop_id=given["shop"],
                by=me,
            )
        except DomainError as error:
            refuse(form, error)
        else:
            text = _("The invitation is on its way to %(email)s. It works for 24 hours.")
            messages.success(request, text % {"email": invitation.email})
            return redirect("company:agent-list")
    status = 422 if form.errors else 200
    return render_page(request, "company/agent_invite.html", {"form": form}, status=status)


@require_POST
@access.permission(reach.AGENTS)
def invitation_withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    """Make an invitation worthless."""
    invitation = reach.invitation(request, pk)
    invitations.withdraw_invitation(invitation.pk, by=reach.me(request))
    messages.success(request, _("The invitation was withdrawn."))
    return redirect("company:agent-list")


@require_POST
@access.permission(reach.AGENTS)
def invitation_renew(request: HttpRequest, pk: int) -> HttpResponse:
    """Send the same invitation again, with a new link."""
    former = reach.invitation(request, pk)
    try:
        invitations.invite_agent(
            email=former.email,
            name=former.name,
            language=former.language,
            role_key=former.role.key,
            shop_id=former.shop_id,
            by=reach.me(request),
        )
    except DomainError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, _("A new invitation is on its way."))
    return redirect("company:agent-list")


@require_safe
@access.permission(reach.AGENTS)
def agent_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """What one colleague may do, and where."""
    return _detail_page(request, reach.agent(request, pk), None)


@require_POST
@access.permission(reach.AGENTS)
def grant_add(request: HttpRequest, pk: int) -> HttpResponse:
    """Give a colleague a role."""
    me, agent = reach.me(request), reach.agent(request, pk)
    form = GrantForm(request.POST, roles=_roles(me), shops=_shops(me))
    if form.is_valid():
        given = form.cleaned_data
        try:
            grants.grant_role(agent.pk, role_key=given["role"], shop_id=given["shop"], by=me)
        except DomainError as error:
            refuse(form, error)
        else:
            return redirect("company:agent-detail", pk=pk)
    return _detail_page(request, agent, form)


@require_POST
@access.permission(reach.AGENTS)
def grant_revoke(request: HttpRequest, pk: int, grant_id: int) -> HttpResponse:
    """Take a role from a colleague."""
    agent = reach.agent(request, pk)
    if not agent.grants.filter(pk=grant_id).exists():
        raise Http404
    try:
        grants.revoke_grant(grant_id, by=reach.me(request))
    except DomainError as error:
        messages.error(request, error.message)
    # Whoever lost his last role in my shops is out of my sight.
    if queries.agents_managed_by(reach.me(request)).filter(pk=pk).exists():
        return redirect("company:agent-detail", pk=pk)
    return redirect("company:agent-list")


@require_POST
@access.permission(reach.AGENTS)
def agent_disable(request: HttpRequest, pk: int) -> HttpResponse:
    """Shut a colleague out at once."""
    agent = reach.agent(request, pk)
    try:
        agents.disable_agent(agent.pk, by=reach.me(request))
    except DomainError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, _("%(name)s is signed out everywhere.") % {"name": agent})
    return redirect("company:agent-detail", pk=pk)


@require_POST
@access.permission(reach.AGENTS)
def agent_enable(request: HttpRequest, pk: int) -> HttpResponse:
    """Let a disabled colleague work again."""
    agent = reach.agent(request, pk)
    try:
        agents.enable_agent(agent.pk, by=reach.me(request))
    except DomainError as error:
        messages.error(request, error.message)
    return redirect("company:agent-detail", pk=pk)


def _detail_page(request: HttpRequest, agent: Agent, form: GrantForm | None) -> HttpResponse:
    me = reach.me(request)
    context = {
        "agent": agent,
        "form": form or GrantForm(roles=_roles(me), shops=_shops(me)),
        "is_me": agent.pk == me.pk,
        "has_second_factor": Authenticator.objects.filter(user_id=agent.pk).exists(),
        "session_count": UserSession.objects.filter(user_id=agent.pk).count(),
    }
    status = 422 if form is not None else 200
    return render_page(request, "company/agent_detail.html", context, status=status)


def _roles(me: Agent) -> Choices:
    """The roles this agent can give: those he holds himself, in some shop."""
    held = set(queries.held_permissions(me))
    return [
        (role.key, _(role.name) if role.is_built_in else role.name)
        for role in queries.roles_for_list()
        if queries.role_permissions(role) <= held
    ]


def _shops(me: Agent) -> Choices:
    """The shops whose agents this one manages; all of them together only if he manages all."""
    scope = queries.scope_of(me, reach.AGENTS)
    one_by_one = [
        (str(shop.id), shop.name) for shop in queries.all_shops() if scope.covers(shop.id)
    ]
    return [("", _("All shops")), *one_by_one] if scope.is_everywhere else one_by_one
