"""Brevo: an api-key header towards it, our key in the address it calls."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import parse_qs, urlencode

from messaging.rules import segments
from messaging.transports.sms import proofs, wire
from messaging.transports.sms.parts import Account, Happening, Incoming, Posted, Report, Text
from messaging.transports.smtp import Reply, Result
from messaging.transports.unread import NotUnderstood

BASE: Final = "https://api.brevo.com"
_HAPPENINGS: Final[dict[str, Happening]] = {
    "delivered": "delivered",
    "softbounce": "failed",
    "hardbounce": "failed",
    "rejected": "failed",
    "skip": "failed",
    "skipped": "failed",
    "blacklisted": "unsubscribed",
    "unsubscribe": "unsubscribed",
    "unsubscribed": "unsubscribed",
}
_REPLIES: Final = frozenset({"reply", "replied"})
_DEAD: Final = frozenset({"hardbounce"})


class Brevo:
    """See Adapter."""

    def send(self, account: Account, text: Text) -> Result:
        """Hand an SMS over; its reports come back to an address with our key and reference in it."""
        hook = {
            "key": account.hook_keys[0] if account.hook_keys else "",
            "reference": text.reference,
        }
        order = {
            "sender": account.sender,
            "recipient": text.recipient.removeprefix("+"),
            "content": text.text,
            "type": "marketing" if text.is_marketing else "transactional",
            "tag": text.reference,
            "unicodeEnabled": not segments.is_plain(text.text),
            "webUrl": f"{account.hook_url}?{urlencode(hook)}",
        }
        try:
            answer = wire.call(
                "POST",
                f"{account.url or BASE}/v3/transactionalSMS/send",
                headers={"api-key": account.secret, "Content-Type": "application/json"},
                content=json.dumps(order).encode(),
            )
        except wire.NoAnswer as error:
            return wire.without_answer(error)
        number = str(answer.data.get("messageId") or "")
        if answer.is_good and number:
            reply = Reply(code=answer.status, text=str(answer.data.get("reference") or ""))
            return Result(outcome="accepted", reply=reply, provider_id=number)
        code = str(answer.data.get("code") or "")
        said = str(answer.data.get("message") or "")
        is_number = code == "invalid_parameter" and "recipient" in said.lower()
        return wire.refused(
            answer, said=f"{code} {said}", reason="invalid_recipient" if is_number else ""
        )

    def is_genuine(self, account: Account, posted: Posted) -> bool:
        """Whether the call shows our key."""
        return proofs.shows_key(account, posted)

    def read(self, query: str, body: bytes) -> Sequence[Report | Incoming]:
        """One JSON object, or a list of them."""
        try:
            found = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise NotUnderstood("not_understood") from error
        said = found if isinstance(found, list) else [found]
        if not said or not all(isinstance(one, dict) for one in said):
            raise NotUnderstood("not_understood")
        reference = parse_qs(query).get("reference", [""])[-1]
        return [part for one in said for part in _parts(one, reference)]


def _parts(said: dict[str, Any], reference: str) -> list[Report | Incoming]:
    status = str(said.get("msg_status") or said.get("event") or "").replace("_", "").lower()
    number = str(said.get("messageId") or "")
    if not status or not number:
        raise NotUnderstood("not_understood")
    phone = str(said.get("to") or said.get("phoneNumber") or "")
    if status in _REPLIES:
        text = str(said.get("reply") or "")
        # A reply has no number of its own: the same words to the same SMS are the same reply.
        when = said.get("ts_event") or said.get("date") or ""
        named = f"{number}:{when}"
        return [
            Incoming(provider_id=named, sender=f"+{phone.lstrip('+')}", recipient="", text=text)
        ]
    happening = _HAPPENINGS.get(status)
    if happening is None:
        return []
    report = Report(
        happening=happening,
        provider_id=number,
        reference=str(said.get("tag") or reference),
        reason="unknown_recipient" if status in _DEAD else "refused",
        detail=f"{status} {said.get('reason') or said.get('description') or ''}".strip(),
        is_permanent=status in _DEAD,
    )
    return [report]
