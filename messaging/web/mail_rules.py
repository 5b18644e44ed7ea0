"""What each shop notes about its mails, and to whom it sends marketing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from company import queries as company
from ecrm.kernel import access
from ecrm.kernel.htmx import render_page
from messaging import permissions
from messaging.queries.mail_rules import rules_of
from messaging.rules.mail_rules import OPENS_OFF_IN, ShopRules
from messaging.services import mail_rules
from messaging.web import reach
from messaging.web.forms import MailRulesForm

if TYPE_CHECKING:
    from company.types import AgentRequest


@require_safe
@access.permission(permissions.MANAGE)
def rules_list(request: AgentRequest) -> HttpResponse:
    """The rules of the shops the agent manages."""
    shops = reach.managed_shops(request)
    found = rules_of(shops)
    rows = [{"shop": shop, "rules": found[shop_id]} for shop_id, shop in shops.items()]
    return render_page(request, "messaging/rules_list.html", {"rows": rows})


@require_http_methods(["GET", "HEAD", "POST"])
@access.permission(permissions.MANAGE)
def rules_edit(request: AgentRequest, shop_id: int) -> HttpResponse:
    """Decide what one shop notes and to whom it sends marketing."""
    if shop_id not in reach.managed_shops(request):
        raise Http404
    rules = rules_of([shop_id])[shop_id]
    names = MailRulesForm.base_fields
    form = MailRulesForm(request.POST or None, initial={n: getattr(rules, n) for n in names})
    if request.method == "POST" and form.is_valid():
        wanted = ShopRules(**{name: form.cleaned_data[name] for name in names})
        mail_rules.save_rules(shop_id, rules=wanted, by=request.user)
        messages.success(request, _("Saved. It holds for mails that leave from now on."))
        return redirect("messaging:rules-list")
    shop = company.shop(shop_id)
    context = {"form": form, "shop": shop, "is_careful": shop.market in OPENS_OFF_IN}
    status = 422 if form.is_bound and form.errors else 200
    return render_page(request, "messaging/rules_edit.html", context, status=status)
