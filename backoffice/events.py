"""Facts which the frame publishes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ecrm.kernel.events import Event


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentNotified(Event):
    """An agent was told something new."""

    name: ClassVar[str] = "backoffice.agent-notified"
    agent_id: int
    notification_id: int
