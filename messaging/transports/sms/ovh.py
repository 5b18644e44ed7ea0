"""OVHcloud: each request signed with the application secret, its callbacks prove themselves by our key."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import parse_qs, quote

from messaging.rules import segments
from messaging.transports.sms import proofs, wire
from messaging.transports.sms.parts import Account, Incoming, Posted, Report, Text
from messaging.transports.smtp import Reply, Result
from messaging.transports.unread import NotUnderstood

BASE: Final = "https://eu.api.ovh.com"
CLOCK_LASTS: Final = 3600.0
_DELIVERED: Final = "4"
_ON_ITS_WAY: Final = frozenset({"0", "1", "2", "3"})
_REASONS: Final = {
    "8": "expired",
    "21": "blocked",
    "22": "blocked",
    "23": "unknown_recipient",
    "24": "unreachable_phone",
    "25": "unreachable_phone",
    "26": "mailbox_full",
    "27": "invalid_recipient",
}
_DEAD: Final = frozenset({"23"})


class Ovh:
    """See Adapter. `username` is the application key, `service` the name of the SMS service."""

    def __init__(self) -> None:
        self._ahead: dict[str, tuple[float, float]] = {}

    def send(self, account: Account, text: Text) -> Result:
        """Hand an SMS over. OVH itself writes how to stop under marketing."""
        order: dict[str, Any] = {
            "message": text.text,
            "receivers": [text.recipient],
            "charset": "UTF-8",
            "coding": "7bit" if segments.is_plain(text.text) else "8bit",
            "noStopClause": not text.is_marketing,
            "priority": "medium" if text.is_marketing else "high",
            "tag": text.reference,
        }
        if account.sender:
            order["sender"] = account.sender
        else:
            order["senderForResponse"] = True
        base = account.url or BASE
        url = f"{base}/1.0/sms/{quote(account.service, safe='')}/jobs"
        try:
            answer = self._signed(account, base, url, json.dumps(order).encode())
        except wire.NoAnswer as error:
            return wire.without_answer(error)
        if not answer.is_good:
            return wire.refused(answer, said=str(answer.data.get("message") or ""))
        if answer.data.get("invalidReceivers"):
            reply = Reply(code=answer.status, text="invalidReceivers")
            return Result(outcome="rejected", reply=reply, reason="invalid_recipient")
        ids = answer.data.get("ids")
        if not isinstance(ids, list) or not ids:
            return wire.refused(answer, said="no id")
        reply = Reply(code=answer.status, text=f"ids {ids[0]}")
        return Result(outcome="accepted", reply=reply, provider_id=str(ids[0]))

    def is_genuine(self, account: Account, posted: Posted) -> bool:
        """Whether the call shows our key; OVH signs nothing it calls."""
        return proofs.shows_key(account, posted)

    def read(self, query: str, body: bytes) -> Sequence[Report | Incoming]:
        """Parameters of the address or a form: `ptt` is a report, `message` is what somebody wrote."""
        text = "&".join(filter(None, [query, body.decode("utf-8", "replace")]))
        said = {name: values[-1] for name, values in parse_qs(text, keep_blank_values=True).items()}
        number = said.get("id", "")
        if number and "ptt" in said:
            return _report(said, number)
        sender = said.get("senderid") or said.get("sender") or said.get("from") or ""
        if number and sender and "message" in said:
            recipient = said.get("receiver") or said.get("to") or ""
            incoming = Incoming(
                provider_id=number, sender=sender, recipient=recipient, text=said["message"]
            )
            return [incoming]
        raise NotUnderstood("not_understood")

    def _signed(self, account: Account, base: str, url: str, body: bytes) -> wire.Answer:
        stamp = str(int(time.time() + self._clock(base)))
        parts = (account.secret, account.consumer_key, "POST", url, body.decode(), stamp)
        digest = hashlib.sha1("+".join(parts).encode(), usedforsecurity=False).hexdigest()
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "X-Ovh-Application": account.username,
            "X-Ovh-Consumer": account.consumer_key,
            "X-Ovh-Timestamp": stamp,
            "X-Ovh-Signature": f"$1${digest}",
        }
        return wire.call("POST", url, headers=headers, content=body)

    def _clock(self, base: str) -> float:
        """How far the provider's clock is ahead of ours: a signature holds for a moment only."""
        asked, ahead = self._ahead.get(base, (float("-inf"), 0.0))
        if time.monotonic() - asked > CLOCK_LASTS:
            try:
                told = wire.call("GET", f"{base}/1.0/auth/time", headers={})
            except wire.NoAnswer as error:
                raise wire.NoAnswer(str(error), may_have_it=False) from error
            ahead = float(told.number - time.time()) if told.number else 0.0
            self._ahead[base] = time.monotonic(), ahead
        return ahead


def _report(said: dict[str, str], number: str) -> list[Report]:
    code = said["ptt"]
    if code in _ON_ITS_WAY:
        return []
    report = Report(
        happening="delivered" if code == _DELIVERED else "failed",
        provider_id=number,
        reference=said.get("tag", ""),
        reason=_REASONS.get(code, "refused"),
        detail=f"{code} {said.get('description', '')}".strip(),
        is_permanent=code in _DEAD,
    )
    return [report]
