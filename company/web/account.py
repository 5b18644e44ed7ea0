"""One's own account, and coming in by invitation."""

from __future__ import annotations

from typing import cast

from allauth.account.internal.flows.login import perform_login
from allauth.account.models import Login
from allauth.core.internal import ratelimit
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from company.services import agents, invitations
from company.web import access as reach
from company.web.forms import AcceptForm, PreferencesForm, refuse
from ecrm.kernel import access
from ecrm.kernel.errors import DomainError
from ecrm.kernel.htmx import render_page


@require_http_methods(["GET", "HEAD", "POST"])
@access.signed_in
def account(request: HttpRequest) -> HttpResponse:
    """How I am called, how I see the product, how I sign in."""
    me = reach.me(request)
    initial = {"name": me.name, "language": me.language, "theme": me.theme}
    form = PreferencesForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            agents.set_preferences(me.pk, **form.cleaned_data)
        except DomainError as error:
            refuse(form, error)
        else:
            with translation.override(form.cleaned_data["language"]):
                messages.success(request, _("Saved."))
            return redirect("company:account")
    context = {
        "form": form,
        "factors": list(Authenticator.objects.filter(user_id=me.pk).values_list("type", flat=True)),
        "sessions": UserSession.objects.filter(user_id=me.pk).count(),
        "grants": me.grants.select_related("role", "shop"),
    }
    status = 422 if form.errors else 200
    return render_page(request, "company/account.html", context, status=status)


@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
@access.public
def invitation_accept(request: HttpRequest, token: str) -> HttpResponse:
    """Become an agent; the link in the mail is the proof. Tries are counted by address."""
    if too_many := ratelimit.consume_or_429(
        request, app="allauth.account", action="signup", limit_get=True
    ):
        return cast("HttpResponse", too_many)
    try:
        invitation = invitations.find_invitation(token)
    except DomainError as error:
        useless = {"text": error.message}
        return render_page(request, "company/invitation_useless.html", useless, status=404)
    translation.activate(invitation.language)
    form = AcceptForm(request.POST or None, initial={"name": invitation.name})
    if request.method == "POST" and form.is_valid():
        try:
            agent = invitations.accept_invitation(token, **form.cleaned_data)
        except DomainError as error:
            refuse(form, error)
        else:
            login = Login(user=agent, email=agent.email)
            return cast("HttpResponse", perform_login(request, login))
    context = {"form": form, "invitation": invitation}
    status = 422 if form.errors else 200
    return render_page(request, "company/invitation_accept.html", context, status=status)
