"""Any provider or gateway that speaks our own small dialect of HTTP and JSON.

See docs/how-to/connect-an-sms-gateway.md.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Sequence
from typing import Any, Final

from django.utils.crypto import constant_time_compare

from messaging.transports.sms import proofs, wire
from messaging.transports.sms.parts import Account, Happening, Incoming, Posted, Report, Text
from messaging.transports.smtp import Reply, Result
from messaging.transports.unread import NotUnderstood

_HAPPENINGS: Final[dict[str, Happening]] = {
    "delivered": "delivered",
    "failed": "failed",
    "unsubscribed": "unsubscribed",
}
_OF_NUMBER: Final = frozenset(
    {"invalid_recipient", "unknown_recipient", "blocked", "unsubscribed", "refused"}
)
_DEAD: Final = frozenset({"invalid_recipient", "unknown_recipient"})


class Generic:
    """See Adapter. `url` is where SMS are posted to."""

    def send(self, account: Account, text: Text) -> Result:
        """Post an SMS; our reference is also the key by which a gateway knows the same again."""
        order = {
            "from": account.sender,
            "to": text.recipient,
            "text": text.text,
            "reference": text.reference,
            "purpose": "marketing" if text.is_marketing else "service",
            "callback": account.hook_url,
        }
        try:
            answer = wire.call(
                "POST",
                account.url,
                headers={
                    "Authorization": f"Bearer {account.secret}",
                    "Content-Type": "application/json",
                    "Idempotency-Key": text.reference,
                },
                content=json.dumps(order).encode(),
            )
        except wire.NoAnswer as error:
            return wire.without_answer(error)
        number = str(answer.data.get("id") or "")
        if answer.is_good and number:
            reply = Reply(code=answer.status, text=str(answer.data.get("status") or ""))
            return Result(outcome="accepted", reply=reply, provider_id=number)
        reason = str(answer.data.get("reason") or "")
        said = f"{reason} {answer.data.get('message') or ''}"
        return wire.refused(answer, said=said, reason=reason if reason in _OF_NUMBER else "")

    def is_genuine(self, account: Account, posted: Posted) -> bool:
        """Whether X-Signature is the HMAC-SHA256 of the body by our key, or the call shows the key."""
        shown = posted.headers.get("HTTP_X_SIGNATURE", "").removeprefix("sha256=")
        signed = [
            constant_time_compare(shown, hmac.new(key.encode(), posted.body, "sha256").hexdigest())
            for key in account.hook_keys
        ]
        return any(signed) or proofs.shows_key(account, posted)

    def read(self, query: str, body: bytes) -> Sequence[Report | Incoming]:
        """One JSON object: `status` is a report, `text` is what somebody wrote."""
        del query
        try:
            said = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise NotUnderstood("not_understood") from error
        if not isinstance(said, dict) or not said.get("id"):
            raise NotUnderstood("not_understood")
        if "status" in said:
            return _report(said)
        if "text" in said and said.get("from"):
            incoming = Incoming(
                provider_id=str(said["id"]),
                sender=str(said["from"]),
                recipient=str(said.get("to") or ""),
                text=str(said["text"]),
            )
            return [incoming]
        raise NotUnderstood("not_understood")


def _report(said: dict[str, Any]) -> list[Report]:
    happening = _HAPPENINGS.get(str(said["status"]))
    if happening is None:
        return []
    reason = str(said.get("reason") or "")
    report = Report(
        happening=happening,
        provider_id=str(said["id"]),
        reference=str(said.get("reference") or ""),
        reason=reason if reason in _OF_NUMBER else "refused",
        detail=str(said.get("message") or reason),
        is_permanent=reason in _DEAD,
    )
    return [report]
