"""Settings: which shops ask their customers what they thought of the answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from company import queries as company
from contacts import services
from contacts.queries import ratings
from ecrm.kernel import access
from ecrm.kernel.htmx import render_page

if TYPE_CHECKING:
    from django.http import HttpResponse

    from company.types import AgentRequest

SETTINGS = "company.manage_settings"


@require_safe
@access.permission(SETTINGS)
def policies(request: AgentRequest) -> HttpResponse:
    """Each shop of the agent, with a switch."""
    shop_ids = sorted(company.shop_ids(request.user, SETTINGS))
    asking = ratings.asking_shops(shop_ids)
    rows = [{"shop": company.shop(pk), "is_asking": pk in asking} for pk in shop_ids]
    return render_page(request, "contacts/rating_policies.html", {"rows": rows})


@require_POST
@access.permission(SETTINGS)
def policy_set(request: AgentRequest, shop_id: int) -> HttpResponse:
    """Let a shop ask, or no longer."""
    if shop_id not in company.shop_ids(request.user, SETTINGS):
        raise Http404
    is_asking = request.POST.get("is_asking") == "1"
    services.set_asking(shop_id, is_asking=is_asking, by=request.user)
    shop = company.shop(shop_id).name
    text = _("%(shop)s asks its customers.") if is_asking else _("%(shop)s asks nobody.")
    messages.success(request, text % {"shop": shop})
    return redirect("contacts:rating-policies")
