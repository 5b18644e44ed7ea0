"""Who is not written to, and how sending fares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe

from company import queries as company
from ecrm.kernel import access, filters
from ecrm.kernel.errors import DomainError
from ecrm.kernel.htmx import render_page
from messaging import permissions, services
from messaging.models import OutgoingMessage, ProviderCall, Suppression
from messaging.queries import hits, screens
from messaging.queries import suppressions as queries
from messaging.services import suppressions
from messaging.web import reach, sending_domains, words
from messaging.web.forms import LiftForm, SuppressionForm

if TYPE_CHECKING:
    from company.types import AgentRequest

DAYS = 7


@require_safe
@access.permission(permissions.VIEW)
def suppression_list(request: AgentRequest) -> HttpResponse:
    """The addresses that the agent's shops spare; htmx gets the rows alone."""
    chosen = filters.read(request.GET, _filter_parts())
    rows = queries.log(
        reach.shop_ids(request),
        with_installation=permissions.sees_installation(request.user),
        words=chosen.words,
        scope=chosen.values["scope"],
        is_lifted=chosen.values["standing"] == "lifted",
        at=now(),
    )
    page = Paginator(rows, filters.ROWS_PER_PAGE).get_page(request.GET.get("page"))
    found = page.paginator.count
    context = {
        "page": page,
        "rows": [_row(request, row) for row in page],
        "filters": chosen,
        "count": ngettext("%(number)s address", "%(number)s addresses", found) % {"number": found},
        "tab": "suppressions",
    }
    partials = {"list": "rows"}
    return render_page(request, "messaging/suppression_list.html", context, partials=partials)


@require_http_methods(["GET", "HEAD", "POST"])
@access.permission(permissions.MANAGE)
def suppression_create(request: AgentRequest) -> HttpResponse:
    """Spare an address."""
    form = SuppressionForm(request.POST or None, shops=_shops(request))
    if request.method == "POST" and form.is_valid():
        try:
            services.suppress(
                form.cleaned_data["address"],
                scope=form.cleaned_data["scope"],
                reason="requested",
                shop_id=int(form.cleaned_data["shop"]) if form.cleaned_data["shop"] else None,
                by=request.user,
            )
        except DomainError as error:
            form.add_error("address", error.message)
        else:
            messages.success(request, _("The address is spared from now on."))
            return redirect("messaging:suppression-list")
    return _form(request, form)


@require_http_methods(["GET", "HEAD", "POST"])
@access.permission(permissions.MANAGE)
def suppression_lift(request: AgentRequest, suppression_id: int) -> HttpResponse:
    """Write to an address again, and say why."""
    row = Suppression.objects.filter(pk=suppression_id).select_related("shop").first()
    if row is None or not _may_lift(request, row):
        raise Http404
    form = LiftForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            suppressions.lift(row.pk, reason=form.cleaned_data["reason"], by=request.user)
        except DomainError as error:
            messages.error(request, error.message)
        else:
            messages.success(request, _("The address may be written to again."))
        return redirect("messaging:suppression-list")
    return _form(request, form, row=row)


@require_safe
@access.permission(permissions.VIEW)
def sending_health(request: AgentRequest) -> HttpResponse:
    """How the mails of the agent's shops fared in the last week, by domain."""
    found = queries.domains(reach.shop_ids(request), days=DAYS, at=now())
    sums = {
        name: sum(getattr(row, name) for row in found)
        for name in ("sent", "waiting", "failed", "skipped", "unclear")
    }
    servers = [
        {"host": server.host, "since": server.failing_since, "error": server.last_error}
        for server in screens.failing_servers()
    ]
    context = {
        "rows": found,
        "sums": sums,
        "hits": hits.sums(reach.shop_ids(request), days=DAYS, at=now()),
        "servers": servers,
        "slow": screens.slow_domains(now()),
        "days": DAYS,
        "domains": sending_domains.rows(request),
        "parked": _parked(request),
        "tab": "health",
    }
    return render_page(request, "messaging/sending_health.html", context)


def _parked(request: AgentRequest) -> int:
    """How many calls of providers wait for somebody, for who may see them."""
    if not company.may(request.user, permissions.MANAGE, shop_id=None):
        return 0
    return ProviderCall.objects.parked().filter(body__isnull=False).count()


def _form(request: AgentRequest, form: Any, *, row: Suppression | None = None) -> HttpResponse:
    status = 422 if form.is_bound and form.errors else 200
    context = {"form": form, "row": row}
    return render_page(request, "messaging/suppression_edit.html", context, status=status)


def _shops(request: AgentRequest) -> list[tuple[str, str]]:
    shops = [(str(shop.id), shop.name) for shop in reach.managed_shops(request).values()]
    if company.may(request.user, permissions.MANAGE, shop_id=None):
        return [("", str(_("All shops"))), *shops]
    return shops


def _may_lift(request: AgentRequest, row: Suppression) -> bool:
    is_known_by_name = not row.address.startswith("#")
    return is_known_by_name and company.may(request.user, permissions.MANAGE, shop_id=row.shop_id)


def _row(request: AgentRequest, row: Suppression) -> dict[str, Any]:
    return {
        "entry": row,
        "reason": words.reason(row.reason),
        "scope": row.topic or _channel(row) or row.get_scope_display(),
        "may_lift": row.lifted_at is None and _may_lift(request, row),
    }


def _channel(row: Suppression) -> str:
    labels = dict(OutgoingMessage.Channel.choices)
    return str(labels.get(row.channel, row.channel))


def _filter_parts() -> list[filters.Part]:
    scopes = [(value, str(label)) for value, label in Suppression.Scope.choices]
    return [
        filters.Part(name="scope", label=_("Scope"), choices=[("", _("Any")), *scopes]),
        filters.Part(
            name="standing",
            label=_("Standing"),
            choices=[("", _("In force")), ("lifted", _("Lifted"))],
        ),
    ]
