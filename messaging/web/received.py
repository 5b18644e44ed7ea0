"""What the mailboxes received: the five outcomes and their sum, and one mail in full."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from company import queries as company
from ecrm.kernel import access, filters, paging
from ecrm.kernel.errors import DomainError
from ecrm.kernel.htmx import render_page
from messaging import permissions
from messaging.models import RawMail
from messaging.queries import screens
from messaging.services import reading
from messaging.web import reach, words

if TYPE_CHECKING:
    from company.types import AgentRequest


@require_safe
@access.permission(permissions.VIEW)
def received_list(request: AgentRequest) -> HttpResponse:
    """Mails received by the agent's shops, newest first; htmx gets the rows alone."""
    shop_ids = reach.shop_ids(request)
    boxes = screens.mailboxes(shop_ids)
    chosen = filters.read(request.GET, _filter_parts(boxes))
    rows = screens.received_log(
        shop_ids,
        words=chosen.words,
        outcome=chosen.values["outcome"],
        mailbox_id=int(chosen.values["mailbox"]) if chosen.values["mailbox"] else None,
    )
    page, count = paging.page_of(request, rows, say=_count)
    context = {
        "page": page,
        "rows": [_row(raw) for raw in page],
        "filters": chosen,
        "count": count,
        "sums": _sums(screens.received_sums(shop_ids)),
        "has_mailbox": bool(boxes),
        "topics": reach.topics(request),
        "tab": "received",
    }
    return render_page(request, "messaging/received_list.html", context, partials={"list": "rows"})


@require_safe
@access.permission(permissions.VIEW)
def received_page(request: AgentRequest, raw_id: int) -> HttpResponse:
    """One received mail: what became of it and what it says."""
    raw = reach.raw_mail(request, raw_id)
    mail = getattr(raw, "mail", None)
    context = {
        "row": _row(raw),
        "raw": raw,
        "mail": mail,
        "files": screens.attachments(mail) if mail else [],
        "may_retry": raw.state == RawMail.State.QUARANTINED
        and company.may(request.user, permissions.MANAGE, shop_id=raw.mailbox.shop_id),
        "topics": reach.topics(request),
    }
    partials = {"panel": "panel", "mail": "body"}
    return render_page(request, "messaging/received_page.html", context, partials=partials)


@require_POST
@access.permission(permissions.MANAGE)
def raw_retry(request: AgentRequest, raw_id: int) -> HttpResponse:
    """Read a quarantined mail again."""
    raw = reach.raw_mail(request, raw_id, code=permissions.MANAGE)
    try:
        reading.retry_raw(raw.pk, by=request.user)
    except DomainError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, _("The mail is being read again."))
    return redirect("messaging:received-page", raw.pk)


@require_safe
@access.permission(permissions.VIEW)
def raw_download(request: AgentRequest, raw_id: int) -> HttpResponse:
    """The mail exactly as it arrived."""
    body = screens.raw_bytes(raw_id, shop_ids=reach.shop_ids(request))
    if body is None:
        raise Http404
    response = HttpResponse(body, content_type="message/rfc822")
    response["Content-Disposition"] = f'attachment; filename="mail-{raw_id}.eml"'
    return response


def _count(number: int) -> str:
    return ngettext("%(number)s mail", "%(number)s mails", number)


def _filter_parts(boxes: list[Any]) -> list[filters.Part]:
    outcomes = [(value or "waiting", str(label)) for value, label in RawMail.Outcome.choices]
    return [
        filters.Part(name="outcome", label=_("Outcome"), choices=[("", _("Any")), *outcomes]),
        filters.Part(
            name="mailbox",
            label=_("Mailbox"),
            choices=[("", _("Any")), *((str(box.pk), box.address) for box in boxes)],
        ),
    ]


def _row(raw: RawMail) -> dict[str, Any]:
    mail = getattr(raw, "mail", None)
    # A duplicate was not read again: its original says what it is.
    return {
        "raw": raw,
        "mail": mail,
        "label": raw.get_outcome_display(),
        "tone": words.OUTCOME_TONES[raw.outcome],
        "cause": words.cause(raw.cause) if raw.cause else "",
    }


def _sums(sums: screens.Sums) -> dict[str, Any]:
    labels = dict(RawMail.Outcome.choices)
    parts = [
        {"key": outcome or "waiting", "label": labels[outcome], "number": number}
        for outcome, number in sums.by_outcome.items()
        if outcome or number
    ]
    return {"total": sums.total, "parts": parts, "adds_up": sums.adds_up}
