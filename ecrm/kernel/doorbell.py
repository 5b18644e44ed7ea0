"""Waking loops in other processes: fast when it works, never needed for correctness.

A ring is a PostgreSQL notification after commit, which any loop can wait for. Rings of one process are
coalesced by a small thread, so that a thousand commits cost a handful of rings. A lost ring costs
seconds: every loop also looks by itself.
"""

from __future__ import annotations

import logging
import select
import threading
import time
from typing import Any

import psycopg2
from django.db import DatabaseError, connection, transaction

log = logging.getLogger(__name__)

CHANNEL_PREFIX = "ecrm_"
QUIET_SECONDS = 0.05
IDLE_SECONDS = 30.0


def ring(topic: str) -> None:
    """Wake the loops that wait for the topic, once the current transaction (if any) has committed."""
    transaction.on_commit(lambda: _ringer.add(topic), robust=True)


class _Ringer:
    """Collects topics and rings them from its own thread with its own connection."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._topics: set[str] = set()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._is_stopping = False

    def add(self, topic: str) -> None:
        with self._lock:
            self._topics.add(topic)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._work, name="doorbell", daemon=True)
                self._thread.start()
        self._wake.set()

    def stop(self) -> None:
        """End the thread and close its connection; the next ring starts a new one."""
        if thread := self._thread:
            self._is_stopping = True
            self._wake.set()
            thread.join()
            self._is_stopping, self._thread = False, None

    def _work(self) -> None:
        while not self._is_stopping:
            if not self._wake.wait(timeout=IDLE_SECONDS):
                connection.close()
                continue
            self._wake.clear()
            with self._lock:
                topics, self._topics = self._topics, set()
            for topic in topics:
                self._notify(topic)
            time.sleep(QUIET_SECONDS)
        connection.close()

    def _notify(self, topic: str) -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_notify(%s, '')", [CHANNEL_PREFIX + topic])
        except DatabaseError:
            log.warning("ring_failed", extra={"topic": topic}, exc_info=True)
            connection.close()


_ringer = _Ringer()


def stop() -> None:
    """End the ringing thread of this process (shutdown and tests)."""
    _ringer.stop()


class Listener:
    """Waits for rings of one topic on a connection of its own thread."""

    def __init__(self, topic: str) -> None:
        self._topic = topic
        self._listening_on: Any = None

    def wait(self, timeout: float) -> bool:
        """True as soon as the topic rings, False after the timeout (seconds) or a lost connection."""
        try:
            raw = self._listen()
            if not raw.notifies:
                select.select([raw], [], [], timeout)
                raw.poll()
            has_rung = bool(raw.notifies)
            raw.notifies.clear()
        except (DatabaseError, psycopg2.Error, OSError, ValueError):
            self._listening_on = None
            connection.close()
            time.sleep(min(timeout, 1.0))
            return False
        return has_rung

    def _listen(self) -> Any:
        if self._listening_on is not None and self._listening_on is connection.connection:
            return self._listening_on
        with connection.cursor() as cursor:
            cursor.execute(f'LISTEN "{CHANNEL_PREFIX}{self._topic}"')
        self._listening_on = connection.connection
        return self._listening_on
