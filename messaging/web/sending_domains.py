"""Whether receivers will believe mail from the shops' domains."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from ecrm.kernel import access
from ecrm.kernel.errors import DomainError
from ecrm.kernel.htmx import render_page
from messaging import permissions
from messaging.models import SendingDomain
from messaging.services import sending_domains
from messaging.web import domain_words, reach

if TYPE_CHECKING:
    from company.types import AgentRequest


@require_safe
@access.permission(permissions.VIEW)
def domain_list(request: AgentRequest) -> HttpResponse:
    """The domains from which the agent's shops write, and what the last check said."""
    context = {"rows": rows(request), "tab": "domains"}
    return render_page(request, "messaging/domain_list.html", context)


@require_safe
@access.permission(permissions.VIEW)
def domain_page(request: AgentRequest, domain: str) -> HttpResponse:
    """Everything that was found about one domain, and the records that make it right."""
    shops = _shops(request, domain)
    row = SendingDomain.objects.filter(domain=domain).first()
    context = {
        "row": _row(domain, shops, row),
        "selectors": " ".join(row.selectors) if row else "",
        "findings": [_finding(found) for found in row.findings] if row else [],
        "may_check": domain in sending_domains.domains_in(reach.managed_shops(request)),
    }
    return render_page(request, "messaging/domain_page.html", context)


@require_POST
@access.permission(permissions.MANAGE)
def domain_check(request: AgentRequest, domain: str) -> HttpResponse:
    """Ask the DNS now, with the selectors of the form."""
    if domain not in sending_domains.domains_in(reach.managed_shops(request)):
        raise Http404
    try:
        if "selectors" in request.POST:
            wanted = request.POST["selectors"].replace(",", " ").split()
            sending_domains.set_selectors(domain, selectors=wanted, by=request.user)
        sending_domains.check(domain)
    except DomainError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, _("The domain was checked."))
    return redirect("messaging:domain-page", domain)


def rows(request: AgentRequest) -> list[dict[str, Any]]:
    """A row for each domain of the agent's shops. Runs one query."""
    found = sending_domains.domains_in(reach.shop_ids(request))
    known = {row.domain: row for row in SendingDomain.objects.filter(domain__in=found)}
    return [_row(domain, shops, known.get(domain)) for domain, shops in sorted(found.items())]


def _shops(request: AgentRequest, domain: str) -> list[str]:
    shops = sending_domains.domains_in(reach.shop_ids(request)).get(domain)
    if shops is None:
        raise Http404
    return shops


def _row(domain: str, shops: list[str], row: SendingDomain | None) -> dict[str, Any]:
    label, tone = domain_words.VERDICTS[row.verdict if row else ""]
    return {
        "domain": domain,
        "shops": shops,
        "label": label,
        "tone": tone,
        "checked_at": row.checked_at if row else None,
        "wrong": [
            domain_words.finding(found["code"])
            for found in (row.findings if row else [])
            if found["verdict"] == "bad"
        ],
    }


def _finding(found: dict[str, str]) -> dict[str, Any]:
    label, tone = domain_words.VERDICTS[found["verdict"]]
    return {
        **found,
        "title": domain_words.CHECKS[found["check"]],
        "label": label,
        "tone": tone,
        "says": domain_words.finding(found["code"]),
    }
