"""The sender: claims messages, hands them to the mail server one after another, settles each.

Transactional and service mail goes through this careful gear: one attempt row per mail, committed before
the server hears of it; for mass mail see `mass.py`. The commit that begins an attempt also settles the
one before, so that each mail costs one commit.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from django.db import connection
from django.utils.timezone import now

from ecrm.kernel import failpoints
from messaging.mime import writing
from messaging.models import DeliveryAttempt, OutgoingMessage
from messaging.rules import delivery
from messaging.services import attempts, carriers, claims, drafts, pace, returning, servers
from messaging.services.attempts import Finished
from messaging.transports.smtp import Hooks, Patience, Result, Unreachable

AFTER_ATTEMPT_ROW = failpoints.declare("messaging.after-attempt-row")
AFTER_RCPT = failpoints.declare("messaging.after-rcpt")
AFTER_DATA = failpoints.declare("messaging.after-data-before-reply")
AFTER_ACCEPTED = failpoints.declare("messaging.after-250-before-commit")
HOOKS = Hooks(after_recipient=AFTER_RCPT.hit, after_data=AFTER_DATA.hit)
KEEP_EVERY_SECONDS = delivery.LEASE.total_seconds() / 4


class Sender:
    """One thread's way to the mail server or provider; keeps its connection between calls."""

    def __init__(
        self,
        url: str,
        *,
        patience: Patience | None = None,
        batch: int = claims.BATCH,
        clock: Callable[[], datetime] = now,
    ) -> None:
        self.url = url
        self._batch = batch
        self._clock = clock
        self._keeper = _LeaseKeeper()
        self._fared: list[tuple[str, Result]] = []
        self._is_proven = False
        self._carrier = carriers.carrier_to(url, patience=patience)

    @property
    def host(self) -> str:
        """The server mail is handed to."""
        return self._carrier.name

    def send_due(self) -> bool:
        """Send one batch. True when there was something to send and the server could be used."""
        recovered = claims.recover_abandoned(at=self._clock())
        if servers.is_paused(self.host, at=self._clock()):
            return recovered > 0
        token = uuid.uuid4()
        batch = claims.claim_due(token, limit=self._batch, at=self._clock())
        if not batch:
            return recovered > 0
        self._fared.clear()
        with self._keeper.keeping(token):
            is_usable = self._send_batch(batch, token)
        pace.learn(self._fared, at=self._clock())
        return is_usable

    def close(self) -> None:
        """Say goodbye to the server and stop keeping leases."""
        self._carrier.close()
        self._keeper.stop()

    def _send_batch(self, batch: list[OutgoingMessage], token: uuid.UUID) -> bool:
        finished: Finished | None = None
        plus = returning.plus_addresses(message.from_address for message in batch)
        for position, message in enumerate(batch):
            if error := self._connect():
                self._advance(finished, None, token)
                self._give_back(batch[position:], token, error)
                return False
            attempt = self._advance(finished, message, token)
            finished = None
            if attempt is None:
                continue
            AFTER_ATTEMPT_ROW.hit()
            result = self._carrier.carry(
                _draft(message, plus),
                envelope_sender=returning.envelope_sender(message, plus=plus),
                hooks=HOOKS,
            )
            finished = Finished(message, attempt, result)
            self._fared.append((message.recipient, result))
            AFTER_ACCEPTED.hit()
            if result.outcome in {"closed", "unknown"}:
                self._advance(finished, None, token)
                error = result.reply.text if result.reply else result.text
                self._give_back(batch[position + 1 :], token, error)
                return False
            self._note_success()
        self._advance(finished, None, token)
        return True

    def _connect(self) -> str:
        """What keeps us from the server, or "" when the session is ready."""
        if self._carrier.is_ready():
            return ""
        try:
            self._carrier.open()
        except Unreachable as error:
            return str(error) or "unreachable"
        return ""

    def _note_success(self) -> None:
        """The server answers: whatever was wrong is over. Once until it fails again."""
        if not self._is_proven:
            servers.report_success(self.host)
            self._is_proven = True

    def _advance(
        self, finished: Finished | None, following: OutgoingMessage | None, token: uuid.UUID
    ) -> DeliveryAttempt | None:
        if finished is None and following is None:
            return None
        return attempts.advance(
            finished, following=following, token=token, host=self.host, at=self._clock()
        )

    def _give_back(self, rest: list[OutgoingMessage], token: uuid.UUID, error: str) -> None:
        self._is_proven = False
        until = servers.report_failure(self.host, error=error, at=self._clock())
        claims.release(
            token,
            message_ids=[message.pk for message in rest],
            reason="server_unreachable",
            detail=error,
            available_at=until,
        )


def _draft(message: OutgoingMessage, plus: frozenset[str]) -> writing.Draft:
    parts = drafts.parts(message)
    parts["reply_to"] = returning.reply_to(message, plus=plus)
    return writing.Draft(**parts)


class _LeaseKeeper:
    """Extends the lease of a batch from a thread of its own while a slow server keeps its sender waiting."""

    def __init__(self) -> None:
        self._token: uuid.UUID | None = None
        self._change = threading.Condition()
        self._is_stopped = False
        self._thread: threading.Thread | None = None

    @contextmanager
    def keeping(self, token: uuid.UUID) -> Iterator[None]:
        self._hold(token)
        try:
            yield
        finally:
            self._hold(None)

    def stop(self) -> None:
        with self._change:
            self._is_stopped = True
            self._change.notify()
        if self._thread is not None:
            self._thread.join(timeout=5)

    def _hold(self, token: uuid.UUID | None) -> None:
        with self._change:
            self._token = token
            if token is not None and self._thread is None:
                self._thread = threading.Thread(target=self._work, name="lease-keeper", daemon=True)
                self._thread.start()

    def _work(self) -> None:
        before: uuid.UUID | None = None
        while True:
            with self._change:
                if self._is_stopped:
                    return
                self._change.wait(timeout=KEEP_EVERY_SECONDS)
                token = self._token
            if token is not None and token == before:
                claims.extend_lease(token)
                connection.close()
            before = token
