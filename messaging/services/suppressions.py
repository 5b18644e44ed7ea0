"""Sparing addresses, and writing to them again."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Final

from django.db import IntegrityError, transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _

from company import services as company
from ecrm.kernel import outbox
from ecrm.kernel.errors import DomainError
from messaging.events import AddressSuppressed, SuppressionLifted
from messaging.mime import addresses
from messaging.models import Suppression
from messaging.types import SuppressionScope

if TYPE_CHECKING:
    from company.types import Agent

UNSUBSCRIBED: Final = "unsubscribed"
_PHONE: Final = re.compile(r"\A\+[1-9]\d{5,14}\Z")


class UnusableAddress(DomainError):
    """The text is neither one e-mail address nor a phone number in international form."""

    code = "unusable_address"


class AlreadyLifted(DomainError):
    """The suppression was lifted before, perhaps by a colleague a second ago."""

    code = "suppression_already_lifted"


class ReasonMissing(DomainError):
    """Whoever writes to a spared address again has to say why."""

    code = "reason_missing"


@transaction.atomic
def suppress(  # noqa: PLR0913 - what an entry says; all but the address are keywords
    address: str,
    *,
    scope: SuppressionScope,
    reason: str,
    shop_id: int | None = None,
    topic: str = "",
    channel: str = "",
    message_id: int | None = None,
    expires_at: datetime | None = None,
    by: Agent | None = None,
    at: datetime | None = None,
) -> int:
    """The id of the entry that spares this address from now on; an entry that says the same is kept.

    `shop_id` None spares it from every shop. `topic` belongs to the scope "topic", `channel` to
    "channel". `message_id` is the message that showed it (a bounce, a complaint, a one-click link).
    Of two expiry dates the later one counts, and none is the latest.

    Raises UnusableAddress; publishes AddressSuppressed for a new entry.
    """
    plain = plain_address(address)
    same = Suppression.objects.filter(
        address=plain,
        scope=scope,
        shop=shop_id,
        topic=topic,
        channel=channel,
        lifted_at__isnull=True,
    )
    row = Suppression(
        address=plain,
        scope=scope,
        shop_id=shop_id,
        topic=topic,
        channel=channel,
        reason=reason,
        message_id=message_id,
        created_at=at or now(),
        by_id=by.pk if by else None,
        expires_at=expires_at,
    )
    if (known := same.select_for_update().first()) is None:
        try:
            with transaction.atomic():
                row.save(force_insert=True)
        except IntegrityError:
            known = same.select_for_update().get()
    if known is not None:
        _prolong(known, row)
        return known.pk
    outbox.publish(
        AddressSuppressed(
            suppression_id=row.pk, shop_id=shop_id, scope=scope, reason=reason, topic=topic
        ),
        at=at,
    )
    if by is not None:
        company.record_audit(
            action="messaging.address-suppressed",
            target=f"suppression:{row.pk}",
            by=by,
            shop_id=shop_id,
            at=at,
        )
    return row.pk


@transaction.atomic
def lift(suppression_id: int, *, reason: str, by: Agent, at: datetime | None = None) -> None:
    """Write to an address again. The entry stays, with who lifted it and why.

    Raises AlreadyLifted and ReasonMissing; publishes SuppressionLifted.
    """
    row = Suppression.objects.select_for_update(of=("self",)).get(pk=suppression_id)
    if row.lifted_at is not None:
        raise AlreadyLifted(_("This address is already written to again."))
    if not reason.strip():
        message = _("Please say why this address may be written to again.")
        raise ReasonMissing(message, fields={"reason": message})
    _lift(row, reason=reason.strip(), by=by, at=at or now())
    company.record_audit(
        action="messaging.suppression-lifted",
        target=f"suppression:{row.pk}",
        by=by,
        shop_id=row.shop_id,
        at=at,
    )


@transaction.atomic
def lift_own(
    address: str,
    *,
    scope: SuppressionScope,
    shop_id: int | None,
    topic: str = "",
    channel: str = "",
    at: datetime | None = None,
) -> int:
    """What a customer stopped himself he may allow again. Returns how many entries were lifted.

    Bounces, complaints and what an agent entered stay. Publishes SuppressionLifted.
    """
    rows = list(
        Suppression.objects.select_for_update(of=("self",))
        .filter(
            address=plain_address(address),
            scope=scope,
            shop=shop_id,
            topic=topic,
            channel=channel,
            reason=UNSUBSCRIBED,
            lifted_at__isnull=True,
        )
        .order_by("pk")
    )
    for row in rows:
        _lift(row, reason="", by=None, at=at or now())
    return len(rows)


def plain_address(text: str) -> str:
    """An e-mail address or a phone number as suppressions know it. Raises UnusableAddress."""
    plain = addresses.single(text) if "@" in text else re.sub(r"[\s().-]", "", text)
    if plain is None or not ("@" in plain or _PHONE.match(plain)):
        message = _("This is neither an e-mail address nor a phone number like +33612345678.")
        raise UnusableAddress(message, fields={"address": message})
    return plain


def _prolong(known: Suppression, wanted: Suppression) -> None:
    if known.expires_at is None:
        return
    known.expires_at = (
        None if wanted.expires_at is None else max(known.expires_at, wanted.expires_at)
    )
    known.reason = wanted.reason
    known.save(update_fields=["expires_at", "reason"])


def _lift(row: Suppression, *, reason: str, by: Agent | None, at: datetime) -> None:
    row.lifted_at, row.lift_reason = at, reason[:200]
    row.lifted_by_id = by.pk if by else None
    row.save(update_fields=["lifted_at", "lift_reason", "lifted_by"])
    outbox.publish(
        SuppressionLifted(suppression_id=row.pk, shop_id=row.shop_id, scope=row.scope), at=at
    )
