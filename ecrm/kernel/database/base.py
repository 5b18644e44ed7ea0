"""Django's PostgreSQL backend for many short statements.

A kept connection is looked at instead of asked, and its statements can share a cursor.
"""

from __future__ import annotations

import select
from typing import TYPE_CHECKING

from django.db.backends.postgresql import base

if TYPE_CHECKING:
    from django.db.backends.utils import CursorWrapper

FIRST_LOOK = 64  # statements executed on a connection before its plans are made anew


class Session:
    """What one connection has prepared, how many prepared statements it has executed, and their cursor."""

    def __init__(self) -> None:
        self.known: set[str] = set()
        self.executed = 0
        self.cursor: CursorWrapper | None = None

    def needs_new_plans(self) -> bool:
        """Count one statement; true at FIRST_LOOK and each time the count has doubled since."""
        self.executed += 1
        looks, rest = divmod(self.executed, FIRST_LOOK)
        return rest == 0 and looks & (looks - 1) == 0


class DatabaseWrapper(base.DatabaseWrapper):
    """Spares each request a round trip: Django would send SELECT 1 before the first statement."""

    session: Session

    def connect(self) -> None:
        """Connect anew; the server knows no statement of ours yet."""
        super().connect()
        self.session = Session()

    def shared_cursor(self) -> CursorWrapper:
        """A cursor for statements whose answer is read at once; it stays open as long as the connection.

        Making and closing a cursor costs as much as a short statement. Where queries are written down
        (tests, debugging) each gets its own.
        """
        self.close_if_health_check_failed()
        self.ensure_connection()
        if self.queries_logged:
            return self.cursor()
        if self.session.cursor is None:
            self.session.cursor = self.cursor()
        return self.session.cursor

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
