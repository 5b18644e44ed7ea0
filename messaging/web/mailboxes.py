"""Setting up mailboxes and seeing how they do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.forms import Form
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from ecrm.kernel import access
from ecrm.kernel.errors import DomainError
from ecrm.kernel.htmx import render_page
from messaging import permissions, services
from messaging.models import Mailbox
from messaging.queries import screens
from messaging.services import fetching
from messaging.services import mailboxes as mailbox_services
from messaging.transports.imap import ImapFailed, ImapLogin
from messaging.web import reach
from messaging.web.forms import MailboxForm

if TYPE_CHECKING:
    from company.types import AgentRequest


@require_safe
@access.permission(permissions.MANAGE)
def mailbox_list(request: AgentRequest) -> HttpResponse:
    """The mailboxes of the shops the agent manages, and how each is doing."""
    shops = reach.managed_shops(request)
    context = {"rows": [_row(box) for box in screens.mailboxes(shops)], "tab": "mailboxes"}
    return render_page(request, "messaging/mailbox_list.html", context, partials={"list": "rows"})


@require_http_methods(["GET", "HEAD", "POST"])
@access.permission(permissions.MANAGE)
def mailbox_create(request: AgentRequest) -> HttpResponse:
    """Add a mailbox, or only try whether it can be reached."""
    form = MailboxForm(request.POST or None, shops=_choices(request))
    if request.method == "POST" and form.is_valid():
        if "test" in request.POST:
            return _page(request, form, None, tested=_test(form, None))
        try:
            services.create_mailbox(
                shop_id=int(form.cleaned_data["shop"]),
                address=form.cleaned_data["address"],
                account=form.account(),
                by=request.user,
            )
        except DomainError as error:
            _refuse(form, error)
        else:
            messages.success(request, _("The mailbox is set up."))
            return redirect("messaging:mailbox-list")
    return _page(request, form, None)


@require_http_methods(["GET", "HEAD", "POST"])
@access.permission(permissions.MANAGE)
def mailbox_edit(request: AgentRequest, mailbox_id: int) -> HttpResponse:
    """Change a mailbox, or only try whether it can be reached."""
    mailbox = reach.mailbox(request, mailbox_id)
    form = MailboxForm(request.POST or None, shops=[], mailbox=mailbox, initial=_values(mailbox))
    if request.method == "POST" and form.is_valid():
        if "test" in request.POST:
            return _page(request, form, mailbox, tested=_test(form, mailbox))
        try:
            mailbox_services.change_mailbox(
                mailbox.pk,
                address=form.cleaned_data["address"],
                account=form.account(),
                is_active=form.cleaned_data["is_active"],
                by=request.user,
            )
        except DomainError as error:
            _refuse(form, error)
        else:
            messages.success(request, _("The mailbox is changed."))
            return redirect("messaging:mailbox-list")
    return _page(request, form, mailbox)


def _page(
    request: AgentRequest,
    form: MailboxForm,
    mailbox: Mailbox | None,
    *,
    tested: fetching.ConnectionTest | None = None,
) -> HttpResponse:
    if form.errors and "test" in request.POST:
        faults = [f"{form[name].label}: {error[0]}" for name, error in form.errors.items()]
        tested = fetching.ConnectionTest(mails=0, error=" ".join(faults))
    context = {"form": form, "mailbox": mailbox, "tested": tested}
    partials = {"connection": "connection"}
    status = 422 if form.errors else 200
    return render_page(
        request, "messaging/mailbox_edit.html", context, partials=partials, status=status
    )


def _choices(request: AgentRequest) -> list[tuple[str, str]]:
    return [(str(shop.id), shop.name) for shop in reach.managed_shops(request).values()]


def _values(mailbox: Mailbox) -> dict[str, Any]:
    names = ("address", "host", "port", "security", "username", "folder", "is_active")
    return {name: getattr(mailbox, name) for name in names}


def _test(form: MailboxForm, mailbox: Mailbox | None) -> fetching.ConnectionTest:
    account = form.account()
    if not account.host:
        return fetching.ConnectionTest(mails=0, error=_("There is no server to reach."))
    password = account.password
    if password is None and mailbox is not None:
        try:
            password = fetching.login_of(mailbox).password
        except ImapFailed as error:
            return fetching.ConnectionTest(mails=0, error=str(error))
    login = ImapLogin(
        host=account.host.strip().lower(),
        port=account.port,
        security=account.security,
        username=account.username,
        password=password or "",
        folder=account.folder,
    )
    return fetching.test_connection(login)


def _refuse(form: Form, error: DomainError) -> None:
    for name, text in error.fields.items():
        form.add_error(name if name in form.fields else None, text)
    if not error.fields:
        form.add_error(None, error.message)


def _row(box: Mailbox) -> dict[str, Any]:
    label, tone, note = _health(box)
    return {"mailbox": box, "label": label, "tone": tone, "note": note}


def _health(box: Mailbox) -> tuple[str, str, str]:
    """The state of a mailbox in a word, its colour, and what to know about it."""
    if not box.is_active:
        return _("Switched off"), "", ""
    if not box.host:
        return _("Receives"), "good", _("Mail is delivered to us directly.")
    if box.failing_since is not None:
        return _("Cannot be fetched"), "bad", box.last_error
    if box.last_checked_at is None:
        return _("Not fetched yet"), "new", ""
    if now() - box.last_checked_at > fetching.LEASE:
        return _("Behind"), "warn", _("Nothing has been fetched for a while.")
    return _("Up to date"), "good", ""
