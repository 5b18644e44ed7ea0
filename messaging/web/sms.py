"""SMS: what customers wrote, and the accounts by which shops send."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from ecrm.kernel import access, crypto, filters, paging
from ecrm.kernel.errors import DomainError
from ecrm.kernel.htmx import render_page
from messaging import permissions
from messaging.models import ReceivedSms, SmsAccount
from messaging.queries import screens
from messaging.queries import sms as queries
from messaging.services import sms, sms_accounts
from messaging.web import reach
from messaging.web.sms_forms import SmsAccountForm, SmsTestForm

if TYPE_CHECKING:
    from company.types import AgentRequest

ORDER_TONES = {"": "", "stop": "warn", "start": "good"}


@require_safe
@access.permission(permissions.VIEW)
def sms_list(request: AgentRequest) -> HttpResponse:
    """What customers wrote by SMS, newest first; htmx gets the rows alone."""
    shops = reach.shops(request)
    chosen = filters.read(request.GET, [_orders()])
    rows = queries.received(frozenset(shops), words=chosen.words, order=chosen.values["order"])
    page, count = paging.page_of(request, rows, say=_count)
    context = {
        "page": page,
        "rows": [{"sms": row, "tone": ORDER_TONES[row.order]} for row in page],
        "filters": chosen,
        "count": count,
        "has_account": bool(queries.accounts(shops)),
        "has_several_shops": len(shops) > 1,
        "topics": reach.topics(request),
        "tab": "sms",
    }
    return render_page(request, "messaging/sms_list.html", context, partials={"list": "rows"})


@require_safe
@access.permission(permissions.VIEW)
def sms_page(request: AgentRequest, sms_id: int) -> HttpResponse:
    """One SMS of a customer."""
    found = queries.received(reach.shop_ids(request)).filter(pk=sms_id).first()
    if found is None:
        raise Http404
    context = {"sms": found, "tone": ORDER_TONES[found.order]}
    return render_page(request, "messaging/sms_page.html", context, partials={"panel": "panel"})


@require_safe
@access.permission(permissions.MANAGE)
def account_list(request: AgentRequest) -> HttpResponse:
    """The SMS accounts of the shops the agent manages, and how each is doing."""
    failing = {server.host: server for server in screens.failing_servers()}
    rows = [
        {"account": one, **_health(one, failing)}
        for one in queries.accounts(reach.managed_shops(request))
    ]
    return render_page(request, "messaging/sms_account_list.html", {"rows": rows})


@require_http_methods(["GET", "HEAD", "POST"])
@access.permission(permissions.MANAGE)
def account_create(request: AgentRequest) -> HttpResponse:
    """Set up the account by which a shop sends SMS."""
    shops = [(str(shop.id), shop.name) for shop in reach.managed_shops(request).values()]
    form = SmsAccountForm(request.POST or None, shops=shops)
    if request.method == "POST" and form.is_valid():
        try:
            account_id = sms_accounts.create_account(
                shop_id=int(form.cleaned_data["shop"]), access=form.access(), by=request.user
            )
        except DomainError as error:
            form.add_error(None, error.message)
        else:
            messages.success(request, _("The account is set up. Send yourself a test."))
            return redirect("messaging:sms-account-edit", account_id)
    return _page(request, form, None, SmsTestForm())


@require_http_methods(["GET", "HEAD", "POST"])
@access.permission(permissions.MANAGE)
def account_edit(request: AgentRequest, account_id: int) -> HttpResponse:
    """Change an SMS account."""
    account = _account(request, account_id)
    form = SmsAccountForm(request.POST or None, shops=[], account=account, initial=_values(account))
    if request.method == "POST" and form.is_valid():
        try:
            sms_accounts.change_account(
                account.pk,
                access=form.access(),
                is_active=form.cleaned_data["is_active"],
                by=request.user,
            )
        except DomainError as error:
            form.add_error(None, error.message)
        else:
            messages.success(request, _("The account is changed."))
            return redirect("messaging:sms-account-edit", account.pk)
    return _page(request, form, account, SmsTestForm())


@require_POST
@access.permission(permissions.MANAGE)
def account_test(request: AgentRequest, account_id: int) -> HttpResponse:
    """Send a test SMS; its page shows what the provider says."""
    account = _account(request, account_id)
    form = SmsTestForm(request.POST)
    if form.is_valid():
        try:
            message_id = sms.send_test(account.pk, to=form.cleaned_data["to"], by=request.user)
        except DomainError as error:
            form.add_error("to", error.message)
        else:
            messages.success(request, _("The test is on its way."))
            return redirect("messaging:outgoing-page", message_id)
    values = SmsAccountForm(None, shops=[], account=account, initial=_values(account))
    return _page(request, values, account, form)


def _page(
    request: AgentRequest, form: SmsAccountForm, account: SmsAccount | None, test: SmsTestForm
) -> HttpResponse:
    context = {
        "form": form,
        "account": account,
        "test": test,
        "hook": _hook(account) if account else "",
    }
    status = 422 if form.errors or test.errors else 200
    return render_page(request, "messaging/sms_account_edit.html", context, status=status)


def _account(request: AgentRequest, account_id: int) -> SmsAccount:
    found = queries.account(account_id, shop_ids=frozenset(reach.managed_shops(request)))
    if found is None:
        raise Http404
    return found


def _values(account: SmsAccount) -> dict[str, Any]:
    names = ("provider", "sender", "url", "username", "service", "stop_note", "is_active")
    return {name: getattr(account, name) for name in names}


def _hook(account: SmsAccount) -> str:
    """The address to give to the provider; Twilio signs its calls and needs no key in it."""
    try:
        ready = sms_accounts.prepared(account)
    except crypto.Undecipherable:
        return ""
    if account.provider == SmsAccount.Provider.TWILIO:
        return ready.hook_url
    return f"{ready.hook_url}?{urlencode({'key': ready.hook_keys[0]})}"


def _health(account: SmsAccount, failing: dict[str, Any]) -> dict[str, str]:
    if not account.is_active:
        return {"label": _("Switched off"), "tone": "", "note": ""}
    if server := failing.get(account.host):
        return {"label": _("Cannot send"), "tone": "bad", "note": server.last_error}
    return {"label": _("Ready"), "tone": "good", "note": ""}


def _count(number: int) -> str:
    return ngettext("%(number)s SMS", "%(number)s SMS", number)


def _orders() -> filters.Part:
    choices = [(value or "message", str(label)) for value, label in ReceivedSms.Order.choices]
    return filters.Part(name="order", label=_("Kind"), choices=[("", _("Any")), *choices])
