"""What runs by the clock."""

from __future__ import annotations

from datetime import timedelta
from importlib import import_module
from threading import Event

from django.utils.timezone import now

from ecrm.kernel import longwork
from ecrm.kernel.jobs import periodic
from ecrm.kernel.loops import loop, service
from profiles.services import (
    care,
    erasing,
    exports,
    finding,
    imports,
    imports_working,
    merging,
    months,
    parking,
    retention,
    segments_computing,
    segments_following,
    standings,
)

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


@periodic("profiles.sweep-erased", every=timedelta(minutes=1))
def sweep_erased() -> None:
    """Erase what transactions that had begun before wrote about somebody erased."""
    erasing.sweep_stragglers()


@periodic("profiles.begin-retention", every=timedelta(days=1))
def begin_retention() -> None:
    """Let every rule of retention that is on forget what grew too old."""
    retention.begin_runs()


@loop("privacy", topic=erasing.BELL, every=5.0)
def erase_people() -> bool:
    """Carry out erasures that were decided."""
    return erasing.carry_out_next()


@loop("privacy", topic=retention.BELL, every=5.0)
def keep_retention() -> bool:
    """Make reports of what rules would forget, and forget batch by batch."""
    return retention.foresee_next() or retention.run_next()


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


@periodic("profiles.settle-the-night", every=timedelta(days=1))
def settle_the_night() -> None:
    """Check the figures, then what is made of them: marks, stages, predictions."""
    standings.check_figures()
    standings.score()
    care.move_stages()
    # Loaded here only: scipy is heavy, and every process imports this file.
    import_module("profiles.services.predictions").predict_all()


@loop("segments", topic=segments_following.BELL, every=1.0)
def follow_facts() -> bool:
    """Look at the segments which the newest facts touch."""
    return segments_following.follow()


@loop("segments", every=5.0)
def flip_segments() -> bool:
    """Let time change who is in which segment."""
    return segments_following.flip_due()


@loop("segments", topic=segments_following.BELL, every=5.0)
def compute_segments() -> bool:
    """Work out segments whose rules are new, a batch of customers at a time."""
    return segments_computing.compute_next()


@periodic("profiles.audit-segments", every=timedelta(days=1))
def audit_segments() -> None:
    """Compare the kept members of every segment with a full query."""
    segments_computing.audit_segments()


@service("transfers")
def transfer(stop: Event) -> None:
    """Check and import tables of customers, and write those to take along."""
    longwork.serve([imports_working.work, exports.work], topic=imports.BELL, stop=stop)


@periodic("profiles.purge-transfers", every=timedelta(hours=6))
def purge_transfers() -> None:
    """Forget what old imports and exports hold."""
    moment = now()
    while imports.purge_imports(at=moment):
        pass
    exports.purge_exports(at=moment)
