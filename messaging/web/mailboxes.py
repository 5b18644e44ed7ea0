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
from messaging.models import Mailbox, MailboxSignIn
from messaging.queries import screens
from messaging.services import fetching, sign_ins
from messaging.services import mailboxes as mailbox_services
from messaging.services.mailboxes import ImapAccount
from messaging.transports.imap import ImapFailed, ImapLogin
from messaging.web import reach
from messaging.web.mailbox_forms import PASSWORD, MailboxForm

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
            mailbox_id = services.create_mailbox(
                shop_id=int(form.cleaned_data["shop"]),
                address=form.cleaned_data["address"],
                account=form.account(),
                by=request.user,
            )
        except DomainError as error:
            _refuse(form, error)
        else:
            return _kept(request, mailbox_id, form, _("The mailbox is set up."))
    return _page(request, form, None)


@require_http_methods(["GET", "HEAD", "POST"])
@access.permission(permissions.MANAGE)
def mailbox_edit(request: AgentRequest, mailbox_id: int) -> HttpResponse:
    """Change a mailbox, or only try whether it can be reached."""
    mailbox = reach.mailbox(request, mailbox_id)
    sign_in = MailboxSignIn.objects.filter(mailbox=mailbox).first()
    form = MailboxForm(
        request.POST or None,
        shops=[],
        mailbox=mailbox,
        sign_in=sign_in,
        initial=_values(mailbox, sign_in),
    )
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
            return _kept(request, mailbox.pk, form, _("The mailbox is changed."))
    return _page(request, form, mailbox)


@require_http_methods(["GET", "HEAD", "POST"])
@access.permission(permissions.MANAGE)
def mailbox_sign_in(request: AgentRequest) -> HttpResponse:
    """Where providers send people back to: shows which mailbox this opens, and opens it when told to."""
    given = request.POST if request.method == "POST" else request.GET
    state, code = given.get("state", ""), given.get("code", "")
    try:
        mailbox = reach.mailbox(request, sign_ins.mailbox_of(state, by=request.user))
        if request.method == "POST":
            sign_ins.redeem(state, code=code, by=request.user)
            messages.success(request, _("Signed in. Mail is fetched from now on."))
            return redirect("messaging:mailbox-edit", mailbox.pk)
    except sign_ins.StaleSignIn as error:
        messages.error(request, error.message)
        return redirect("messaging:mailbox-list")
    except sign_ins.SignInFailed as error:
        messages.error(request, error.message)
        return redirect("messaging:mailbox-edit", mailbox.pk)
    if not code:
        messages.error(request, _("The provider did not let us in: nothing has changed."))
        return redirect("messaging:mailbox-edit", mailbox.pk)
    context = {"mailbox": mailbox, "state": state, "code": code}
    return render_page(request, "messaging/mailbox_sign_in.html", context)


def _kept(request: AgentRequest, mailbox_id: int, form: MailboxForm, said: str) -> HttpResponse:
    """Back to the list, or to the mailbox when somebody has to sign in at the provider."""
    messages.success(request, said)
    row = None if form.is_by_password else MailboxSignIn.objects.get(mailbox_id=mailbox_id)
    if row is not None and not row.is_signed_in:
        return redirect("messaging:mailbox-edit", mailbox_id)
    return redirect("messaging:mailbox-list")


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
    context = {
        "form": form,
        "mailbox": mailbox,
        "tested": tested,
        "redirect_uri": sign_ins.redirect_uri(),
        "sign_in": MailboxSignIn.objects.filter(mailbox=mailbox).first() if mailbox else None,
        "sign_in_url": sign_ins.address(mailbox, by=request.user) if mailbox else "",
    }
    partials = {"connection": "connection"}
    status = 422 if form.errors else 200
    return render_page(
        request, "messaging/mailbox_edit.html", context, partials=partials, status=status
    )


def _choices(request: AgentRequest) -> list[tuple[str, str]]:
    return [(str(shop.id), shop.name) for shop in reach.managed_shops(request).values()]


def _values(mailbox: Mailbox, sign_in: MailboxSignIn | None) -> dict[str, Any]:
    names = ("address", "host", "port", "security", "username", "folder", "takes_plus", "is_active")
    values: dict[str, Any] = {name: getattr(mailbox, name) for name in names}
    if sign_in is not None:
        client = ("client_id", "tenant", "authorize_url", "token_url", "scope")
        values |= {name: getattr(sign_in, name) for name in client}
    return values | {"sign_in": sign_in.provider if sign_in else PASSWORD}


def _test(form: MailboxForm, mailbox: Mailbox | None) -> fetching.ConnectionTest:
    account = form.account()
    if not account.host:
        return fetching.ConnectionTest(mails=0, error=_("There is no server to reach."))
    try:
        login = _login(form, account, mailbox)
    except ImapFailed as error:
        return fetching.ConnectionTest(mails=0, error=str(error))
    return fetching.test_connection(login)


def _login(form: MailboxForm, account: ImapAccount, mailbox: Mailbox | None) -> ImapLogin:
    """The server of the form; what is stored opens the stored server only. Raises ImapFailed."""
    stored = None
    if account.oauth is not None and (mailbox is None or form.goes_elsewhere()):
        raise ImapFailed(_("Save the mailbox and sign in first; then test it."))
    if mailbox is not None and account.password is None:
        stored = fetching.login_of(mailbox)
    return ImapLogin(
        host=account.host.strip().lower(),
        port=account.port,
        security=account.security,
        username=account.username,
        password=account.password or (stored.password if stored else ""),
        folder=account.folder,
        access_token=stored.access_token if stored and account.oauth else "",
    )


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
        # Kept as the worker said it; our own words exist in the reader's language too.
        return _("Cannot be fetched"), "bad", box.last_error and _(box.last_error)
    if box.last_checked_at is None:
        return _("Not fetched yet"), "new", ""
    if now() - box.last_checked_at > fetching.LEASE:
        return _("Behind"), "warn", _("Nothing has been fetched for a while.")
    return _("Up to date"), "good", ""
