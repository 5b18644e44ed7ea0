"""Where sessions are kept: in Django's table, read with a prepared statement."""

from __future__ import annotations

from typing import Any

from django.contrib.sessions.backends import db
from django.utils.timezone import now

from ecrm.kernel.prepared import Statement

_FIND = Statement(
    "session",
    """
SELECT session_data FROM django_session
WHERE session_key = %(key)s AND expire_date > %(at)s::timestamptz
""",
)


class SessionStore(db.SessionStore):
    """Django's sessions; each request begins by reading one."""

    def load(self) -> dict[str, Any]:
        """What the session holds; a key that leads nowhere is forgotten."""
        found = _FIND.rows(key=self.session_key, at=now())
        if not found:
            self._session_key = None
            return {}
        return dict(self.decode(found[0][0]))
