"""The sender of mass mail: claims batches, has a courier carry them, settles each from its journal.

While the courier, a process of its own, hands one batch over, the database work of the batches before and
after is done here. See docs/adr/0011-mass-mail-by-courier.md.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.timezone import now

from ecrm.kernel import failpoints
from messaging.rules import delivery
from messaging.services import claims, mass_claims, mass_settling, pace, servers
from messaging.services.keys import signing_key
from messaging.services.mass_claims import Batch
from messaging.transports import carriage, courier, journal
from messaging.transports.carriage import Carriage, CourierDied, Done
from messaging.transports.smtp import Patience, Result, SmtpServer

failpoints.declare(courier.AFTER_STARTED)
AFTER_CARRIED = failpoints.declare("messaging.after-carried-before-settle")
OUT_WITHIN: Final = 1.0
"""Seconds between the claim, which asks who may be written to, and the last mail of the batch."""
FILLED: Final = 0.75
"""The part of it that a batch is to take: what has not begun by then was claimed in vain."""
LEAST, MOST = 10, 500
FLYING: Final = 2
LOOK_SECONDS: Final = delivery.LEASE.total_seconds() / 4
_TAKEN: Final = Result(outcome="accepted")


@dataclass(slots=True)
class _Flight:
    """A batch with the courier."""

    batch: Batch
    path: Path
    claimed_at: float


class MassSender:
    """One courier and the database work around it. Not shared between threads."""

    def __init__(
        self,
        url: str,
        *,
        journals: Path | None = None,
        patience: Patience | None = None,
        connections: int = 4,
        clock: Callable[[], datetime] = now,
    ) -> None:
        self.url = url
        self.host = SmtpServer.from_url(url).name
        self._journals = journals or settings.ECRM_STATE_DIR / "mail-journals"
        self._patience = patience
        self._connections = connections
        self._clock = clock
        self._carriage: Carriage | None = None
        self._flights: dict[str, _Flight] = {}
        self._size = LEAST * 5
        self._recovered_at = float("-inf")

    @property
    def courier_pid(self) -> int | None:
        """The courier's process, while there is one."""
        return self._carriage.pid if self._carriage else None

    def send_due(self) -> bool:
        """Keep the courier busy and settle what it has finished. True when there was something to do."""
        recovered = self._recover()
        if not servers.is_paused(self.host, at=self._clock()):
            while len(self._flights) < FLYING and self._take_off():
                pass
        if not self._flights:
            return recovered > 0
        self._land(LOOK_SECONDS)
        return True

    def close(self) -> None:
        """Let the courier finish what it has, dismiss it, and settle that."""
        if self._carriage is not None:
            self._carriage.close()
            self._carriage = None
        for token in list(self._flights):
            self._settle(Done(token, ""))

    def _recover(self) -> int:
        if time.monotonic() - self._recovered_at < (LOOK_SECONDS if self._flights else 1.0):
            return 0
        self._recovered_at = time.monotonic()
        return mass_settling.recover_abandoned(self._journals, at=self._clock())

    def _take_off(self) -> bool:
        """Claim a batch and give it to the courier. False when nothing waits."""
        ready = self._courier()
        token, begun, claimed_at = uuid.uuid4(), time.monotonic(), time.time()
        path = ready.prepare(str(token))
        batch = mass_claims.claim(token, limit=self._size, at=self._clock())
        if batch is None or not batch.mails:
            path.unlink()
            return batch is not None
        self._flights[str(token)] = _Flight(batch, path, claimed_at)
        with suppress(CourierDied):  # heard of when its answer is awaited
            ready.submit(
                str(token),
                deadline=begun + OUT_WITHIN,
                mails=batch.mails,
                words=mass_claims.words(ready.unknown(batch.wordings)),
                plus=batch.plus,
            )
        return True

    def _land(self, seconds: float) -> None:
        """Wait for the courier and settle what it has finished, or all it had when it died."""
        try:
            done = self._carriage.wait(seconds) if self._carriage else None
        except CourierDied:
            if self._carriage is not None:
                self._carriage.leave()
            self._carriage = None
            for token in list(self._flights):
                self._settle(Done(token, ""))
            return
        if done is None:
            for flight in self._flights.values():
                claims.extend_lease(flight.batch.token, at=self._clock())
            return
        AFTER_CARRIED.hit()
        self._settle(done)

    def _settle(self, done: Done) -> None:
        flight = self._flights[done.token]
        story = journal.read(flight.path)
        until = None
        if done.trouble:
            until = servers.report_failure(self.host, error=done.trouble, at=self._clock())
        mass_settling.settle(
            flight.batch.token,
            story=story,
            message_ids=flight.batch.message_ids,
            host=self.host,
            trouble=done.trouble,
            available_at=until,
            at=self._clock(),
        )
        pace.learn(_fared(flight.batch, story), at=self._clock())
        del self._flights[done.token]
        flight.path.unlink(missing_ok=True)
        if story.ended and not done.trouble:
            servers.report_success(self.host)
        self._fit(flight, story)

    def _fit(self, flight: _Flight, story: journal.Story) -> None:
        """As many as leave well within the time allowed, the wait for the batch before included."""
        last = max((entry.milliseconds for entry in story.ended.values()), default=0)
        seconds = max(last / 1000 - flight.claimed_at, 0.001)
        fitting = int(len(story.ended) / seconds * FILLED)
        self._size = max(LEAST, min(MOST, fitting, self._size * 2))

    def _courier(self) -> Carriage:
        if self._carriage is None:
            base = settings.ECRM_BASE_URL.rstrip("/")
            self._carriage = Carriage(
                carriage.Setup(
                    url=self.url,
                    own_name=urlsplit(base).hostname or "localhost",
                    key=signing_key(),
                    unsubscribe_url=f"{base}/preferences/TOKEN/one-click/",
                    base=base,
                    journals=self._journals,
                    connections=self._connections,
                    patience=self._patience,
                    failpoint=settings.ECRM_FAILPOINT,
                )
            )
            journal.tidy(self._journals)
        return self._carriage


def _fared(batch: Batch, story: journal.Story) -> Iterator[tuple[str, Result]]:
    """Each recipient of a batch of whom the server said something."""
    for mail in batch.mails:
        if entry := story.ended.get(mail[0]):
            is_taken = entry.kind == "accepted"
            yield mail[2], _TAKEN if is_taken else mass_settling.result_of(entry)
