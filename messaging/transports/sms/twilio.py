"""Twilio: basic authentication towards it, X-Twilio-Signature from it."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Sequence
from typing import Final
from urllib.parse import parse_qs, parse_qsl, urlencode

from django.utils.crypto import constant_time_compare

from messaging.transports.sms import wire
from messaging.transports.sms.parts import Account, Happening, Incoming, Posted, Report, Text
from messaging.transports.smtp import Reply, Result
from messaging.transports.unread import NotUnderstood

BASE: Final = "https://api.twilio.com"
_OF_NUMBER: Final = {
    "21211": "invalid_recipient",
    "21214": "unknown_recipient",
    "21217": "invalid_recipient",
    "21610": "unsubscribed",
    "21612": "refused",
    "21614": "invalid_recipient",
    "30003": "unreachable_phone",
    "30004": "blocked",
    "30005": "unknown_recipient",
    "30006": "invalid_recipient",
    "30007": "blocked",
    "63018": "try_later",
}
_DEAD: Final = frozenset({"21211", "21214", "21217", "21614", "30005", "30006"})
_HAPPENINGS: Final[dict[str, Happening]] = {
    "delivered": "delivered",
    "read": "delivered",
    "undelivered": "failed",
    "failed": "failed",
}


class Twilio:
    """See Adapter. The sender may be a number, a name, or the SID of a messaging service."""

    def send(self, account: Account, text: Text) -> Result:
        """Hand an SMS over; its reports come back with our reference in their address."""
        by_service = account.sender.startswith("MG")
        form = {
            "To": text.recipient,
            "MessagingServiceSid" if by_service else "From": account.sender,
            "Body": text.text,
            "StatusCallback": f"{account.hook_url}?{urlencode({'reference': text.reference})}",
        }
        base = account.url or BASE
        proof = base64.b64encode(f"{account.username}:{account.secret}".encode()).decode()
        try:
            answer = wire.call(
                "POST",
                f"{base}/2010-04-01/Accounts/{account.username}/Messages.json",
                headers={
                    "Authorization": f"Basic {proof}",
                    "Content-Type": "application/x-www-form-urlencoded",
                },
                content=urlencode(form).encode(),
            )
        except wire.NoAnswer as error:
            return wire.without_answer(error)
        sid = str(answer.data.get("sid") or "")
        if answer.is_good and sid:
            reply = Reply(code=answer.status, text=str(answer.data.get("status") or ""))
            return Result(outcome="accepted", reply=reply, provider_id=sid)
        code = str(answer.data.get("code") or "")
        said = f"{code} {answer.data.get('message') or ''}"
        return wire.refused(answer, said=said, reason=_OF_NUMBER.get(code, ""))

    def is_genuine(self, account: Account, posted: Posted) -> bool:
        """Whether X-Twilio-Signature is that of the address and the sorted form, by the auth token."""
        form = parse_qsl(posted.body.decode("utf-8", "replace"), keep_blank_values=True)
        signed = posted.url + "".join(name + value for name, value in sorted(set(form)))
        digest = hmac.digest(account.secret.encode(), signed.encode(), "sha1")
        shown = posted.headers.get("HTTP_X_TWILIO_SIGNATURE", "")
        is_same = constant_time_compare(shown, base64.b64encode(digest).decode())
        return is_same and bool(account.secret)

    def read(self, query: str, body: bytes) -> Sequence[Report | Incoming]:
        """A form: a status of ours, or what somebody wrote."""
        form = {
            name: values[-1]
            for name, values in parse_qs(
                body.decode("utf-8", "replace"), keep_blank_values=True
            ).items()
        }
        sid = form.get("MessageSid") or form.get("SmsSid", "")
        if not sid:
            raise NotUnderstood("not_understood")
        if "MessageStatus" in form:
            return _report(form, sid, parse_qs(query).get("reference", [""])[-1])
        if "From" not in form:
            raise NotUnderstood("not_understood")
        incoming = Incoming(
            provider_id=sid,
            sender=form["From"],
            recipient=form.get("To", ""),
            text=form.get("Body", ""),
        )
        return [incoming]


def _report(form: dict[str, str], sid: str, reference: str) -> list[Report]:
    happening = _HAPPENINGS.get(form["MessageStatus"])
    if happening is None:
        return []
    code = form.get("ErrorCode", "")
    if code == "21610":
        happening = "unsubscribed"
    report = Report(
        happening=happening,
        provider_id=sid,
        reference=reference,
        reason=_OF_NUMBER.get(code, "refused"),
        detail=f"{code} {form.get('ErrorMessage', '')}".strip(),
        is_permanent=code in _DEAD,
    )
    return [report]
