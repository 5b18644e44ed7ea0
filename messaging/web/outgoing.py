"""The log of outgoing messages, and why one did or did not go."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from company import queries as company
from ecrm.kernel import access, filters, paging
from ecrm.kernel.errors import DomainError
from ecrm.kernel.htmx import render_page
from messaging import permissions
from messaging.models import OutgoingMessage
from messaging.queries import screens, suppressions
from messaging.queries.screens import Step
from messaging.rules import delivery
from messaging.rules.segments import segments
from messaging.services import outgoing as outgoing_services
from messaging.web import hits, reach, words

if TYPE_CHECKING:
    from company.types import AgentRequest


@require_safe
@access.permission(permissions.VIEW)
def outgoing_list(request: AgentRequest) -> HttpResponse:
    """Messages of the agent's shops, newest first; htmx gets the rows alone."""
    shops = reach.shops(request)
    chosen = filters.read(request.GET, _filter_parts(shops.values()))
    in_sight = (
        frozenset([int(chosen.values["shop"])]) if chosen.values["shop"] else frozenset(shops)
    )
    rows = screens.outgoing_log(
        in_sight,
        with_installation=not chosen.values["shop"] and permissions.sees_installation(request.user),
        words=chosen.words,
        state=chosen.values["state"],
        purpose=chosen.values["purpose"],
        channel=chosen.values["channel"],
    )
    page, count = paging.page_of(request, rows, say=_count)
    context = {
        "page": page,
        "rows": [{"message": row, **_standing(row)} for row in page],
        "filters": chosen,
        "count": count,
        "has_several_shops": len(shops) > 1,
        "servers": _servers(),
        "topics": reach.topics(request),
        "tab": "outgoing",
    }
    return render_page(request, "messaging/outgoing_list.html", context, partials={"list": "rows"})


@require_safe
@access.permission(permissions.VIEW)
def outgoing_page(request: AgentRequest, message_id: int) -> HttpResponse:
    """One message: where it stands, everything that happened to it, and what it says."""
    message = reach.message(request, message_id)
    may_act = company.may(request.user, permissions.MANAGE, shop_id=message.shop_id)
    context = {
        "message": message,
        "standing": _standing(message),
        "segments": segments(message.text) if message.channel == "sms" and message.text else None,
        "servers": _servers() if message.state in {"pending", "deferred"} else [],
        "bans": [
            {"label": row.topic or row.get_scope_display(), "reason": words.reason(row.reason)}
            for row in suppressions.against(message, at=now())
        ],
        "hits": hits.box(message),
        "steps": [_step(step) for step in screens.history(message)],
        "may_cancel": may_act and delivery.may_move(message.state, "cancelled"),
        "may_retry": may_act and message.state in delivery.RETRYABLE,
        "topics": reach.topics(request),
    }
    partials = {"panel": "panel", "message": "body"}
    return render_page(request, "messaging/outgoing_page.html", context, partials=partials)


@require_POST
@access.permission(permissions.MANAGE)
def outgoing_cancel(request: AgentRequest, message_id: int) -> HttpResponse:
    """Stop a waiting message."""
    message = reach.message(request, message_id, code=permissions.MANAGE)
    try:
        outgoing_services.cancel_message(message.pk, by=request.user)
    except DomainError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, _("The message will not be sent."))
    return redirect("messaging:outgoing-page", message.pk)


@require_POST
@access.permission(permissions.MANAGE)
def outgoing_retry(request: AgentRequest, message_id: int) -> HttpResponse:
    """Send a message again that was not sent."""
    message = reach.message(request, message_id, code=permissions.MANAGE)
    try:
        outgoing_services.retry_message(message.pk, by=request.user)
    except DomainError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, _("The message is sent again."))
    return redirect("messaging:outgoing-page", message.pk)


def _count(number: int) -> str:
    return ngettext("%(number)s message", "%(number)s messages", number)


def _filter_parts(shops: Iterable[Any]) -> list[filters.Part]:
    any_one = ("", _("Any"))
    states = [(value, str(label)) for value, label in OutgoingMessage.State.choices]
    known = [state for state in states if state[0] not in {"pending", "claimed", "delivered"}]
    purposes = [(value, str(label)) for value, label in OutgoingMessage.Purpose.choices]
    channels = [(value, str(label)) for value, label in OutgoingMessage.Channel.choices]
    return [
        filters.Part(name="channel", label=_("Channel"), choices=[any_one, *channels]),
        filters.Part(
            name="state", label=_("State"), choices=[any_one, ("waiting", _("Waiting")), *known]
        ),
        filters.Part(name="purpose", label=_("Purpose"), choices=[any_one, *purposes]),
        filters.Part(
            name="shop",
            label=_("Shop"),
            choices=[any_one, *((str(shop.id), shop.name) for shop in shops)],
        ),
    ]


def _standing(message: OutgoingMessage) -> dict[str, Any]:
    """The state in a word, its colour, and the reason in a sentence."""
    return {
        "label": message.get_state_display(),
        "tone": words.STATE_TONES[message.state],
        "reason": words.reason(message.reason) if message.reason else "",
        "detail": message.reason_detail,
        "next_at": message.available_at if message.state == "deferred" else None,
    }


def _servers() -> list[dict[str, Any]]:
    return [
        {
            "host": server.host,
            "since": server.failing_since,
            "error": server.last_error,
            "is_due": server.next_try_at is None or server.next_try_at <= now(),
        }
        for server in screens.failing_servers()
    ]


def _step(step: Step) -> dict[str, Any]:
    if step.attempt is not None:
        attempt = step.attempt
        reply = f"{attempt.reply_code or ''} {attempt.reply_text}".strip()
        return {
            "icon": words.ATTEMPT_ICONS[attempt.outcome],
            "title": words.attempt_title(attempt.outcome, attempt.host),
            "at": step.at,
            "detail": reply,
        }
    who = step.by or _("The system")
    icon, title = {
        "queued": ("mail", _("Written down to be sent")),
        "cancelled": ("ban", _("%(who)s stopped it") % {"who": who}),
        "retried": ("refresh", _("%(who)s sent it again") % {"who": who}),
        "skipped": ("ban", _("Not sent: %(reason)s") % {"reason": words.reason(step.reason)}),
        "expired": ("clock", _("Given up after three days")),
    }[step.kind]
    return {"icon": icon, "title": title, "at": step.at, "detail": ""}
