"""Django's PostgreSQL backend, except that a kept connection is looked at instead of asked."""

from __future__ import annotations

import select

from django.db.backends.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
    """Spares each request a round trip: Django would send SELECT 1 before the first statement."""

    def is_usable(self) -> bool:
        """Whether the server still holds the other end of an idle connection.

        A server that restarts, or ends our session, says good-bye or closes: then there is something
        to read where nothing was asked. After an error the server is asked.
        """
        if self.connection is None or self.connection.closed:
            return False
        if self.errors_occurred:
            return bool(super().is_usable())
        poll = select.poll()
        poll.register(self.connection.fileno(), select.POLLIN | select.POLLRDHUP)
        return not poll.poll(0)
