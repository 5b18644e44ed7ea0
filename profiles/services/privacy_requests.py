"""Requests about one's own data, from the letter to the answer."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _

from company.services import record_audit
from ecrm.kernel.errors import DomainError
from profiles.models import PrivacyRequest
from profiles.rules import deadlines
from profiles.services import erasing, handing_out

if TYPE_CHECKING:
    from company.types import Agent

State = PrivacyRequest.State


class AlreadyAnswered(DomainError):
    """The request was answered, is being carried out, or was extended before."""

    code = "already_answered"


class UnusableRequest(DomainError):
    """There is no such kind of request, or it lies in the future."""

    code = "unusable_request"
    status = 422


@transaction.atomic
def note_request(
    profile_id: int, *, kind: str, received_at: datetime, by: Agent | None, source: str = "agent"
) -> PrivacyRequest:
    """Write down what a customer asked for, so that nobody forgets to answer within a month.

    Raises UnusableRequest, AlreadyErased, NotYoursToErase, NotYoursToHandOut; audited.
    """
    if kind not in PrivacyRequest.Kind.values or received_at > now():
        raise UnusableRequest(
            _("Please correct the marked fields."),
            fields={"received_on": _("This lies in the future.")},
        )
    if kind == PrivacyRequest.Kind.ERASURE:
        row = erasing.ask_erasure(
            profile_id, by=by, source=source, is_decided=False, received_at=received_at
        )
    else:
        row = handing_out.ask_access(profile_id, by=by, received_at=received_at, source=source)
    _audit(row, "profiles.request-noted", by=by)
    return row


@transaction.atomic
def extend(request_id: int, *, by: Agent | None) -> PrivacyRequest:
    """Take two further months, once, for a request that is complex (art. 12(3) GDPR).

    Raises AlreadyAnswered and what the right to answer raises; audited.
    """
    row = _open(request_id, by)
    if row.is_extended:
        raise AlreadyAnswered(_("This request was extended before."))
    row.due_at, row.is_extended = deadlines.extended(row.due_at), True
    row.save(update_fields=["due_at", "is_extended"])
    _audit(row, "profiles.request-extended", by=by)
    return row


@transaction.atomic
def refuse(request_id: int, *, by: Agent | None, at: datetime | None = None) -> PrivacyRequest:
    """Answer that it will not be done: withdrawn, or clearly unfounded (art. 12(5) GDPR).

    Raises AlreadyAnswered and what the right to answer raises; audited.
    """
    row = _open(request_id, by)
    row.state, row.answered_at = State.REFUSED, at or now()
    row.agent_id = by.pk if by else None
    row.save(update_fields=["state", "answered_at", "agent"])
    _audit(row, "profiles.request-refused", by=by)
    return row


def _open(request_id: int, by: Agent | None) -> PrivacyRequest:
    row = PrivacyRequest.objects.select_for_update(of=("self",)).get(pk=request_id)
    if row.kind == PrivacyRequest.Kind.ERASURE:
        erasing.require_right(by, shop_ids=row.shop_ids)
    else:
        handing_out.require_right(by, shop_ids=row.shop_ids)
    if row.state != State.WAITING or row.is_decided:
        raise AlreadyAnswered(_("This request was answered meanwhile."))
    return row


def _audit(row: PrivacyRequest, action: str, *, by: Agent | None) -> None:
    record_audit(
        action=action,
        target=f"profile:{row.profile_id}",
        by=by,
        changes={"request": row.pk, "kind": row.kind},
    )
