"""The sender of SMS: claims what is due of a shop, hands it to the shop's provider, settles each.

As careful as the sender of single mails: an attempt row is committed before the provider hears of an
SMS, and a call without an answer is never made again for marketing.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final

from django.db import transaction
from django.utils.timezone import now

from company import queries as company
from ecrm.kernel import crypto, failpoints
from messaging.models import OutgoingMessage, SmsAccount
from messaging.rules import quiet_hours
from messaging.services import attempts, claims, servers, sms_accounts, suppressions
from messaging.services.attempts import Finished
from messaging.transports.sms import registry
from messaging.transports.sms.parts import Account, Text
from messaging.transports.smtp import Result

AFTER_ATTEMPT_ROW = failpoints.declare("messaging.after-sms-attempt-row")
AFTER_ACCEPTED = failpoints.declare("messaging.after-sms-before-commit")
BATCH: Final = 3
"""So many that each may wait for its answer as long as it can before the lease of the last runs out."""
QUIET: Final = "quiet_hours"
WITHOUT_US: Final = frozenset({"closed", "unknown"})


class SmsSender:
    """One thread's way to the providers."""

    def __init__(self, *, clock: Callable[[], datetime] = now) -> None:
        self._clock = clock

    def send_due(self) -> bool:
        """Send a few SMS of each shop. True when there was something to send."""
        did = claims.recover_abandoned(at=self._clock()) > 0
        for account in SmsAccount.objects.filter(is_active=True).order_by("pk"):
            did = self._send_some(account) or did
        return did

    def _send_some(self, account: SmsAccount) -> bool:
        if servers.is_paused(account.host, at=self._clock()):
            return False
        token = uuid.uuid4()
        batch = claim_due(token, account=account, at=self._clock())
        for position, message in enumerate(batch):
            if error := self._send(account, message, token):
                self._give_back(account, batch[position + 1 :], token, error)
                return False
        if batch:
            servers.report_success(account.host)
        return bool(batch)

    def _send(self, account: SmsAccount, message: OutgoingMessage, token: uuid.UUID) -> str:
        """Hand one over. Returns what is wrong with the provider, or ""."""
        attempt = attempts.advance(
            None, following=message, token=token, host=account.host, at=self._clock()
        )
        if attempt is None:
            return ""
        AFTER_ATTEMPT_ROW.hit()
        result = _handed(account, message)
        AFTER_ACCEPTED.hit()
        attempts.advance(
            Finished(message, attempt, result),
            following=None,
            token=token,
            host=account.host,
            at=self._clock(),
        )
        if result.reason == suppressions.UNSUBSCRIBED:
            spare(message, at=self._clock())
        if result.outcome not in WITHOUT_US:
            return ""
        said = f"{result.reply.code} {result.reply.text}" if result.reply else result.text
        return said.strip() or "no answer"

    def _give_back(
        self,
        account: SmsAccount,
        rest: Iterable[OutgoingMessage],
        token: uuid.UUID,
        error: str,
    ) -> None:
        until = servers.report_failure(account.host, error=error, at=self._clock())
        claims.release(
            token,
            message_ids=[message.pk for message in rest],
            reason="server_unreachable",
            detail=error,
            available_at=until,
        )


@transaction.atomic
def claim_due(
    token: uuid.UUID, *, account: SmsAccount, limit: int = BATCH, at: datetime
) -> list[OutgoingMessage]:
    """The most urgent waiting SMS of the account's shop, leased to the caller under this token.

    Marketing waits for an hour at which it may ring, by the clock of the shop. What nobody may receive
    is skipped, what waited too long fails. Publishes MessageFailed for the latter.
    """
    due = OutgoingMessage.objects.due_sms(account.shop_id, at)
    taken = list(due.select_for_update(skip_locked=True, of=("self",))[:limit])
    sendable = claims.sift(_awake(taken, account.shop_id, at=at), at=at)
    claims.lease(sendable, token=token, at=at)
    return sendable


def spare(message: OutgoingMessage, *, at: datetime) -> None:
    """Send no more SMS of this shop to the number: its provider says that the customer stopped them."""
    suppressions.suppress(
        message.recipient,
        scope="channel",
        channel=OutgoingMessage.Channel.SMS,
        reason=suppressions.UNSUBSCRIBED,
        shop_id=message.shop_id,
        message_id=message.pk,
        at=at,
    )


def _awake(taken: list[OutgoingMessage], shop_id: int, *, at: datetime) -> list[OutgoingMessage]:
    shop = company.shop(shop_id)
    opens = quiet_hours.opening(at, zone=shop.time_zone, market=shop.market)
    awake = []
    for message in taken:
        if opens > at and message.purpose == OutgoingMessage.Purpose.MARKETING:
            attempts.postpone(message, until=opens, reason=QUIET)
        else:
            awake.append(message)
    return awake


def _handed(account: SmsAccount, message: OutgoingMessage) -> Result:
    try:
        prepared: Account = sms_accounts.prepared(account)
    except crypto.Undecipherable:
        text = "the stored secret cannot be read any more"
        return Result(outcome="closed", text=text, reason="account_refused")
    return registry.ADAPTERS[account.provider].send(
        prepared,
        Text(
            recipient=message.recipient,
            text=message.text,
            reference=message.uuid.hex,
            is_marketing=message.purpose == OutgoingMessage.Purpose.MARKETING,
        ),
    )
