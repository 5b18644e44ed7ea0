"""Work that takes minutes: a row says how far it has come, and whoever has time goes on from there.

Whoever works holds a lease under a token. Each batch ends with `Lease.advance`, in the transaction of
what the batch wrote: position and effect commit together, and a batch whose lease was lost, or whose row
was paused or given up meanwhile, rolls back. After a kill the lease runs out and another worker goes on;
work that dies again and again at the same place is given up.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Event
from typing import Any, Generic, TypeVar

from django.db import models, transaction
from django.db.models import Q
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from ecrm.kernel import doorbell

LEASE = timedelta(seconds=60)
MOST_ATTEMPTS = 5
PAUSE_SECONDS = 2.0


class LongWork(models.Model):
    """A row of long work: what is done, how far it has come, who holds it.

    `position` is what the work makes of it: where the next batch begins. `attempts` counts the leases
    since the last batch.
    """

    class State(models.TextChoices):
        RESTING = "resting", _("Being prepared")
        WORKING = "working", _("Under way")
        PAUSED = "paused", _("Paused")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")
        CANCELLED = "cancelled", _("Cancelled")

    state = models.CharField(max_length=9, choices=State.choices, default=State.RESTING)
    position = models.BigIntegerField(default=0)
    done_count = models.PositiveIntegerField(default=0)
    total_count = models.PositiveIntegerField(default=0)
    attempts = models.PositiveSmallIntegerField(default=0)
    error = models.CharField(max_length=500, blank=True, default="")
    lease_token = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True

    @property
    def percent_done(self) -> int:
        """How far it has come, 0 to 100."""
        return min(100, self.done_count * 100 // self.total_count) if self.total_count else 0

    @property
    def is_working(self) -> bool:
        """Whether somebody works on it, or will in a moment."""
        return self.state == self.State.WORKING

    @property
    def is_over(self) -> bool:
        """Whether nothing will happen to it any more."""
        return self.state in {self.State.DONE, self.State.FAILED, self.State.CANCELLED}


Row = TypeVar("Row", bound=LongWork)


class LeaseLost(Exception):
    """Somebody else has the work, or it was paused or given up: what this batch wrote must not stay."""


@dataclass(frozen=True, slots=True)
class Lease(Generic[Row]):
    """The right to work on one row, until it is paused or somebody else had to take it over."""

    model: type[Row]
    pk: int
    token: uuid.UUID

    def row(self) -> Row | None:
        """The row as it is now, or None when there is nothing to do on it for us."""
        return self._mine().first()

    def advance(self, row: Row, *, at: datetime | None = None, **changes: Any) -> None:
        """Note how far the work has come, in the transaction of the batch. Raises LeaseLost."""
        fields = {"attempts": 0, "lease_until": (at or now()) + LEASE, **changes}
        if not self._mine().filter(position=row.position).update(**fields):
            raise LeaseLost

    def end(self, row: Row, *, state: str, at: datetime | None = None, **changes: Any) -> None:
        """Note that this work is over, or rests until somebody decides. Raises LeaseLost."""
        moment = at or now()
        over = {LongWork.State.DONE, LongWork.State.FAILED, LongWork.State.CANCELLED}
        finished = {"finished_at": moment} if state in over else {}
        self.advance(row, at=moment, state=state, **finished, **changes)

    def release(self) -> None:
        """Let somebody else go on at once."""
        held = self.model._default_manager.filter(pk=self.pk, lease_token=self.token)  # noqa: SLF001
        held.update(lease_token=None, lease_until=None)

    def _mine(self) -> models.QuerySet[Row]:
        rows = self.model._default_manager.filter(pk=self.pk)  # noqa: SLF001
        return rows.filter(lease_token=self.token, state=LongWork.State.WORKING)


@transaction.atomic
def claim(model: type[Row], *, given_up: str, at: datetime | None = None) -> Lease[Row] | None:
    """The oldest waiting work, ours under a new lease; None when there is none.

    Work that was taken up MOST_ATTEMPTS times and never came further fails, with `given_up` as reason.
    """
    moment = at or now()
    free = Q(lease_until__isnull=True) | Q(lease_until__lt=moment)
    waiting = model._default_manager.filter(free, state=LongWork.State.WORKING)  # noqa: SLF001
    free_rows = waiting.select_for_update(of=("self",), skip_locked=True, no_key=True)
    for row in free_rows.order_by("pk"):
        if row.attempts >= MOST_ATTEMPTS:
            row.state, row.error, row.finished_at = LongWork.State.FAILED, given_up, moment
            row.save(update_fields=["state", "error", "finished_at"])
            continue
        row.attempts += 1
        row.lease_token, row.lease_until = uuid.uuid4(), moment + LEASE
        row.started_at = row.started_at or moment
        row.save(update_fields=["attempts", "lease_token", "lease_until", "started_at"])
        return Lease(model, row.pk, row.lease_token)
    return None


def serve(workers: Sequence[Callable[[Event], bool]], *, topic: str, stop: Event) -> None:
    """Let the workers work until the event is set; each says whether it found something to do."""
    listener = doorbell.Listener(topic)
    while not stop.is_set():
        found = [work(stop) for work in workers]
        if not any(found):
            listener.wait(PAUSE_SECONDS)
