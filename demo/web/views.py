"""The pages of a demo customer: his mailbox, and the shop where he orders."""

from __future__ import annotations

import json
from io import BytesIO
from urllib.parse import urlsplit

from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import (
    require_GET,
    require_http_methods,
    require_POST,
    require_safe,
)

from demo import mime, queries
from demo.models import DemoMail
from demo.services import mailbox, newsletter, storefront
from demo.services.texts import the_brand
from demo.web.forms import AnswerForm, OrderForm, WriteForm
from demo.web.guard import demo_only
from ecrm.kernel.errors import DomainError
from ecrm.kernel.htmx import render_page

# A mail may look as it was designed and do nothing; our page, which shows it, measures its height.
FRAME_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:;"
    " frame-ancestors 'self'; sandbox allow-same-origin"
)
FILE_POLICY = "default-src 'none'; sandbox"
LONGEST_NUMBER = 17
PARTIALS = {"demo-owners": "owners", "demo-inbox": "inbox"}


@demo_only
@require_safe
def mailbox_home(request: HttpRequest) -> HttpResponse:
    """A mailbox with no mail open: the one of the mail `of`, else the liveliest."""
    return _mailbox(request, mail=None, owner=queries.owner_of(_number(request.GET.get("of", ""))))


@demo_only
@require_safe
def preferences(request: HttpRequest) -> HttpResponse:
    """On to the page on which the latest recipient of the newsletter chooses what he receives."""
    address = newsletter.preferences_page()
    if not address:
        raise Http404
    return redirect(urlsplit(address).path)


@demo_only
@require_safe
def mail_page(request: HttpRequest, mail_id: int) -> HttpResponse:
    """A conversation, oldest mail first, with the rest of its mailbox beside it."""
    return _mailbox(request, mail=get_object_or_404(DemoMail, pk=mail_id), form=AnswerForm())


@demo_only
@require_POST
def answer(request: HttpRequest, mail_id: int) -> HttpResponse:
    """Send the customer's answer by SMTP."""
    mail = get_object_or_404(DemoMail, pk=mail_id)
    form = AnswerForm(request.POST, request.FILES)
    if form.is_valid():
        try:
            sent = mailbox.answer(
                mail_id, text=form.cleaned_data["text"], files=form.files_to_send()
            )
        except DomainError as error:
            form.add_error(None, str(error))
        else:
            return redirect("demo:mail", sent.pk)
    return _mailbox(request, mail=mail, form=form, status=422)


@demo_only
@require_POST
def mark_read(request: HttpRequest, mail_id: int) -> HttpResponse:
    """The customer has the conversation in front of him."""
    mailbox.mark_read(get_object_or_404(DemoMail.objects.defer("raw"), pk=mail_id))
    return HttpResponse(status=204)


@demo_only
@require_GET
def mail_body(request: HttpRequest, mail_id: int) -> HttpResponse:
    """The HTML of a mail, for a sandboxed frame."""
    html = mime.read(bytes(get_object_or_404(DemoMail, pk=mail_id).raw)).html
    if not html:
        raise Http404
    return HttpResponse(html, headers={"Content-Security-Policy": FRAME_POLICY})


@demo_only
@require_GET
def mail_file(request: HttpRequest, mail_id: int, position: int) -> FileResponse:
    """A file that came with a mail, to be saved and never shown."""
    files = mime.read(bytes(get_object_or_404(DemoMail, pk=mail_id).raw)).files
    if position >= len(files):
        raise Http404
    file = files[position]
    return FileResponse(
        BytesIO(file.content),
        as_attachment=True,
        filename=file.name,
        content_type="application/octet-stream",
        headers={"Content-Security-Policy": FILE_POLICY},
    )


@demo_only
@require_http_methods(["GET", "HEAD", "POST"])
def write(request: HttpRequest) -> HttpResponse:
    """Write to one of the shops as a customer."""
    mailboxes = [shop.support_email for shop in the_brand().shops]
    form = WriteForm(
        request.POST or None, request.FILES or None, mailboxes=mailboxes, initial=_somebody(request)
    )
    if request.method == "POST" and form.is_valid():
        fields = {name: form.cleaned_data[name] for name in form.cleaned_data if name != "file"}
        try:
            sent = mailbox.write(**fields, files=form.files_to_send())
        except DomainError as error:
            form.add_error(None, str(error))
        else:
            return redirect("demo:mail", sent.pk)
    status = 422 if form.errors else 200
    return render_page(request, "demo/write.html", {"form": form}, status=status)


@demo_only
@require_http_methods(["GET", "HEAD", "POST"])
def shop(request: HttpRequest) -> HttpResponse:
    """Order something: the page does what a shop's server does, one PUT to the product's API."""
    window = storefront.window()
    form = OrderForm(
        request.POST or None,
        products=[(good.sku, good.name) for good in window],
        initial={**storefront.customer(), "products": [window[0].sku]},
    )
    said = None
    if request.method == "POST" and form.is_valid():
        try:
            said = storefront.order(**form.cleaned_data)
        except DomainError as error:
            form.add_error(None, str(error))
    return render_page(
        request,
        "demo/shop.html",
        {
            "form": form,
            "window": window,
            "chosen": form["products"].value() or [],
            "said": said,
            "document": json.dumps(said.document, indent=2, ensure_ascii=False) if said else "",
        },
        status=422 if form.errors else 200,
    )


def _mailbox(
    request: HttpRequest,
    *,
    mail: DemoMail | None,
    owner: str = "",
    form: AnswerForm | None = None,
    status: int = 200,
) -> HttpResponse:
    owners = queries.owners()
    owner = mail.owner if mail else owner or (owners[0].address if owners else "")
    thread = queries.thread(mail) if mail else []
    return render_page(
        request,
        "demo/mailbox.html",
        {
            "owners": owners,
            "owner": owner,
            "conversations": queries.conversations(owner) if owner else [],
            "mail": mail,
            "thread": thread,
            "form": form,
            "read_url": reverse("demo:mark-read", args=[mail.pk]) if mail else "",
        },
        partials=PARTIALS,
        status=status,
    )


def _somebody(request: HttpRequest) -> dict[str, str]:
    """Who writes: the mailbox's owner when the page was opened from one, else an invented customer."""
    mail = DemoMail.objects.defer("raw").filter(pk=_number(request.GET.get("as", ""))).first()
    if mail is None:
        known = storefront.customer()
        return {
            "name": f"{known['first_name']} {known['last_name']}",
            "address": known["email"],
            "subject": _("A question"),
        }
    return {"name": mailbox.own_name(mail.owner), "address": mail.owner}


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= LONGEST_NUMBER else 0
