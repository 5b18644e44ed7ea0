"""How the servers are doing that we hand mail to. All senders share the pause of a failing one."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from ecrm.kernel.prepared import Statement
from messaging.models import MailServer
from messaging.rules import delivery

_PAUSED = Statement(
    "server_paused",
    """
SELECT 1 FROM messaging_mailserver WHERE host = %(host)s AND next_try_at > %(at)s::timestamptz
""",
)
_WORKS = Statement(
    "server_works",
    """
UPDATE messaging_mailserver SET failures = 0, failing_since = NULL, next_try_at = NULL
WHERE host = %(host)s AND failures > 0
""",
)


def is_paused(host: str, *, at: datetime) -> bool:
    """Whether the server failed so recently that it is left alone. Runs one query."""
    return bool(_PAUSED.rows(host=host, at=at))


@transaction.atomic
def report_failure(host: str, *, error: str, at: datetime) -> datetime:
    """Remember that the server could not be used. Returns when it is tried again."""
    MailServer.objects.bulk_create([MailServer(host=host)], ignore_conflicts=True)
    server = MailServer.objects.select_for_update(of=("self",)).get(host=host)
    if server.next_try_at is not None and server.next_try_at > at:
        return server.next_try_at  # another sender has just reported the same
    server.failures += 1
    server.failing_since = server.failing_since or at
    server.next_try_at = at + delivery.server_pause(server.failures)
    server.last_error = error[:500]
    server.save()
    return server.next_try_at


def report_success(host: str) -> None:
    """Remember that the server works again. Runs one query."""
    _WORKS.send({"host": host})
