"""What the beat does for the company."""

from __future__ import annotations

from datetime import timedelta

from axes.models import AccessAttempt, AccessLog
from django.conf import settings
from django.contrib.sessions.models import Session
from django.utils.timezone import now

from company.services import sessions
from ecrm.kernel import jobs

SIGN_IN_LOG_DAYS = 180


@jobs.periodic("company.sweep-sessions", every=timedelta(hours=1))
def sweep_sessions() -> None:
    """Remove sessions which have ended, and sign-in tries which no longer count."""
    at = now()
    Session.objects.filter(expire_date__lt=at).delete()
    sessions.forget_ended_sessions()
    AccessAttempt.objects.filter(attempt_time__lt=at - settings.AXES_COOLOFF_TIME).delete()
    AccessLog.objects.filter(attempt_time__lt=at - timedelta(days=SIGN_IN_LOG_DAYS)).delete()
