"""The facts this module publishes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ecrm.kernel.events import Event


@dataclass(frozen=True, kw_only=True, slots=True)
class ShopCreated(Event):
    """A shop exists."""

    name: ClassVar[str] = "company.shop-created"
    shop_id: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ShopChanged(Event):
    """Name, languages, addresses, hours or another property of a shop changed."""

    name: ClassVar[str] = "company.shop-changed"
    shop_id: int


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentInvited(Event):
    """Somebody was asked to become an agent; the mail with the link is to be written."""

    name: ClassVar[str] = "company.agent-invited"
    invitation_id: int


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentJoined(Event):
    """There is a new agent."""

    name: ClassVar[str] = "company.agent-joined"
    agent_id: int


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentDisabled(Event):
    """An agent may not work here any more: whatever he holds open or was given must go."""

    name: ClassVar[str] = "company.agent-disabled"
    agent_id: int


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentEnabled(Event):
    """A disabled agent may work again."""

    name: ClassVar[str] = "company.agent-enabled"
    agent_id: int


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentSessionsEnded(Event):
    """One or more browsers of an agent were signed out from another one."""

    name: ClassVar[str] = "company.agent-sessions-ended"
    agent_id: int


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentPermissionsChanged(Event):
    """What an agent may do, or where, changed."""

    name: ClassVar[str] = "company.agent-permissions-changed"
    agent_id: int
