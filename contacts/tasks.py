"""What the clock does: waking snoozed tickets."""

from __future__ import annotations

from datetime import timedelta

from contacts.services import triage
from ecrm.kernel import jobs


@jobs.periodic("contacts.wake-snoozed", every=timedelta(minutes=1))
def wake_snoozed() -> None:
    """Open the tickets whose snooze is over."""
    while triage.wake_due():
        pass
