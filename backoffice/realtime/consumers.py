"""The live socket: hints that a topic changed, and nothing else.

Frames from the browser: `follow {topics}` (the whole set each time), `beat`.
Frames to the browser: `hello`, `hint {topic}`, `refused {topics}`, `missed`, `beat`.
frontend/src/behaviours/live.ts speaks the other side.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING, Any

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer

from backoffice import rules, services
from backoffice.realtime import doorkeeper
from ecrm.kernel.live import group_of

if TYPE_CHECKING:
    from company.types import Agent

RECHECK_SECONDS = 10.0
BEAT_EVERY = 2  # rechecks
LARGEST_FRAME = 16 * 1024
SIGNED_OUT = 4401
STRANGER = 4403
TOO_MUCH = 4413


class LiveConsumer(AsyncWebsocketConsumer):
    """One open page of one agent."""

    agent: Agent | None = None
    followed: frozenset[str] = frozenset()
    beats_sent = 0
    beats_back = 0
    watch: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        """Let in agents who come from our own pages."""
        if not doorkeeper.is_own_page(self.scope):
            await self.close(code=STRANGER)
            return
        self.agent = await database_sync_to_async(doorkeeper.agent_of)(self.scope)
        await self.accept()
        if self.agent is None:
            await self.close(code=SIGNED_OUT)
            return
        await self.channel_layer.group_add(group_of(self._own_topic), self.channel_name)
        self.watch = asyncio.create_task(self._keep_watch())
        await database_sync_to_async(services.mark_seen)(self.agent.id)
        await self._tell(type="hello")

    async def disconnect(self, code: int) -> None:
        """Leave every group."""
        if self.watch is not None:
            self.watch.cancel()
        if self.agent is None:
            return
        with contextlib.suppress(ConnectionError, OSError):
            for topic in {*self.followed, self._own_topic}:
                await self.channel_layer.group_discard(group_of(topic), self.channel_name)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Take one frame; what isn't understood is ignored."""
        if text_data is None or len(text_data) > LARGEST_FRAME:
            await self.close(code=TOO_MUCH)
            return
        try:
            frame = json.loads(text_data)
        except ValueError:
            return
        if isinstance(frame, dict) and frame.get("type") == "follow":
            topics = frame.get("topics")
            await self._follow(rules.sound_topics(topics if isinstance(topics, list) else []))

    async def live_hint(self, message: dict[str, Any]) -> None:
        """Pass a hint on; a hint about the agent himself may mean that he may less than before."""
        topic = message["topic"]
        if self.agent is None:
            return
        if topic == self._own_topic and not await self._recheck():
            return
        if topic in self.followed:
            await self._tell(type="hint", topic=topic)

    async def live_beat(self, message: dict[str, Any]) -> None:
        """Pass on the beat that came back through the channel layer: the whole way works."""
        has_missed = message["number"] != self.beats_back + 1
        self.beats_back = message["number"]
        if has_missed:
            await self._tell(type="missed")
        await self._tell(type="beat")

    @property
    def _own_topic(self) -> str:
        return f"agent:{self.agent.id}" if self.agent else ""

    async def _follow(self, topics: list[str]) -> None:
        allowed = await database_sync_to_async(doorkeeper.allowed_topics)(self.agent, topics)
        for topic in self.followed - allowed - {self._own_topic}:
            await self.channel_layer.group_discard(group_of(topic), self.channel_name)
        for topic in allowed - self.followed:
            await self.channel_layer.group_add(group_of(topic), self.channel_name)
        self.followed = allowed
        if refused := sorted(set(topics) - allowed):
            await self._tell(type="refused", topics=refused)

    async def _recheck(self) -> bool:
        """Look again whether this is still an agent, and what he may follow."""
        self.agent = await database_sync_to_async(doorkeeper.agent_of)(self.scope)
        if self.agent is None:
            await self._end(SIGNED_OUT)
            return False
        await self._follow(sorted(self.followed))
        return True

    async def _keep_watch(self) -> None:
        round_number = 0
        while True:
            await asyncio.sleep(RECHECK_SECONDS)
            round_number += 1
            if not await self._recheck():
                return
            if round_number % BEAT_EVERY == 0 and self.agent is not None:
                self.beats_sent += 1
                beat = {"type": "live.beat", "number": self.beats_sent}
                with contextlib.suppress(ConnectionError, OSError):
                    await self.channel_layer.send(self.channel_name, beat)
                await database_sync_to_async(services.mark_seen)(self.agent.id)

    async def _tell(self, **frame: Any) -> None:
        with contextlib.suppress(OSError):  # the browser left a moment ago
            await self.send(text_data=json.dumps(frame))

    async def _end(self, code: int) -> None:
        with contextlib.suppress(OSError):
            await self.close(code=code)
