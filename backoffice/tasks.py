"""Work of the frame that returns by the clock."""

from __future__ import annotations

from datetime import timedelta

from django.utils.timezone import now

from backoffice import services
from ecrm.kernel import jobs

KEEP_NOTIFICATIONS = timedelta(days=90)


@jobs.periodic("backoffice-forget-notifications", every=timedelta(hours=24))
def forget_notifications() -> None:
    services.delete_notifications(older_than=now() - KEEP_NOTIFICATIONS)
