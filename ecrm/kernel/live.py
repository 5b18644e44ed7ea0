"""Hints to open pages: "topic X changed". Content never travels here; pages fetch it by themselves."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from concurrent.futures import Future

from channels.layers import get_channel_layer

SEND_TIMEOUT_SECONDS = 2.0


def group_of(topic: str) -> str:
    """The channel-layer group of a topic; group names allow fewer characters and lengths than topics."""
    return "live." + hashlib.sha256(topic.encode()).hexdigest()[:32]


def hint(*topics: str) -> None:
    """Tell every page that follows one of the topics to look again.

    Talks to Redis: call it from subscribers with `io=True`. Raises when Redis does not answer, so that
    the outbox tries again.
    """
    _sender.submit(topics).result(timeout=SEND_TIMEOUT_SECONDS)


class _Sender:
    """One event loop per process, so that the channel layer keeps its connection."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    def submit(self, topics: tuple[str, ...]) -> Future[None]:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=self._loop.run_forever, name="live", daemon=True).start()
        return asyncio.run_coroutine_threadsafe(self._send(topics), self._loop)

    async def _send(self, topics: tuple[str, ...]) -> None:
        layer = get_channel_layer()
        for topic in topics:
            await layer.group_send(group_of(topic), {"type": "live.hint", "topic": topic})


_sender = _Sender()
