"""What runs by the clock."""

from __future__ import annotations

from datetime import timedelta

from django.utils.timezone import now

from ecrm.kernel.jobs import periodic
from profiles.services import finding, merging, months, parking

MOST_ROUNDS = 20


@periodic("profiles.find-duplicates", every=timedelta(minutes=1))
def find_duplicates() -> None:
    """Compare who is new or changed with whoever stands in the same blocks."""
    for _round in range(MOST_ROUNDS):
        if not finding.catch_up():
            return


@periodic("profiles.sweep-duplicates", every=timedelta(days=1))
def sweep_duplicates() -> None:
    """Compare everybody again."""
    finding.sweep()


@periodic("profiles.gather-stragglers", every=timedelta(minutes=1))
def gather_stragglers() -> None:
    """Move what was written to a merged profile by transactions that had begun before."""
    merging.gather_stragglers()


@periodic("profiles.activity-months", every=timedelta(hours=6))
def make_months() -> None:
    """Make the partitions of the next months before somebody needs them."""
    months.ensure_ahead(at=now())


@periodic("profiles.purge-parked-calls", every=timedelta(days=1))
def purge_parked_calls() -> None:
    """Forget old parked calls."""
    moment = now()
    while parking.purge_parked(at=moment):
        pass
