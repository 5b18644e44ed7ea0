"""Correcting a customer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from company import queries as company
from ecrm.kernel import access
from ecrm.kernel.errors import DomainError
from ecrm.kernel.htmx import render_page
from profiles import permissions, queries, services
from profiles.queries import overview as overviews
from profiles.web.forms import ProfileForm

if TYPE_CHECKING:
    from django.http import HttpResponse

    from company.types import AgentRequest


@require_http_methods(["GET", "HEAD", "POST"])
@access.permission(permissions.CHANGE)
def profile_edit(request: AgentRequest, profile_id: int) -> HttpResponse:
    """Name and language of a customer known to a shop in which the agent may change customers."""
    shop_ids = company.shop_ids(request.user, permissions.CHANGE)
    if profile_id >= 2**63 or not queries.is_known_to(profile_id, shop_ids):
        raise Http404
    found = overviews.overview(profile_id, shop_ids=shop_ids)
    now = {
        "first_name": found.first_name,
        "last_name": found.last_name,
        "locale": found.card.locale,
    }
    form = ProfileForm(request.POST or None, initial=now, locales=_locales(found))
    if request.method == "POST" and form.is_valid() and _save(request, profile_id, form):
        return redirect("profiles:profile-page", profile_id)
    context = {"form": form, "customer": found.card}
    status = 422 if form.errors else 200
    return render_page(request, "profiles/profile_edit.html", context, status=status)


def _save(request: AgentRequest, profile_id: int, form: ProfileForm) -> bool:
    try:
        changed = services.change_profile(profile_id, **form.cleaned_data, by=request.user)
    except DomainError as error:
        for name, text in (error.fields or {"": error.message}).items():
            form.add_error(name or None, text)
        return False
    if changed:
        messages.success(request, _("The customer was changed."))
    return True


def _locales(found: overviews.Overview) -> list[str]:
    """The languages of the shops that know the customer, in their markets' form, and his own."""
    spoken = {found.card.locale}
    for known in found.shops:
        shop = company.shop(known.shop_id)
        spoken.update(f"{language}-{shop.market}" for language in shop.languages)
    return list(spoken)
