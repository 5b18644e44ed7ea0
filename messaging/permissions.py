"""Who may see mail and set up mailboxes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from company import queries as company

if TYPE_CHECKING:
    from company.types import Agent

VIEW = "messaging.view_message"
MANAGE = "messaging.manage_mailbox"
TEMPLATES = "messaging.manage_template"


def sees_installation(agent: Agent) -> bool:
    """Whether the agent also sees mail of the installation itself, such as invitations."""
    return company.may(agent, VIEW, shop_id=None)


def may_follow(agent: Agent, topic: str) -> bool:
    """True for `mail:shop:<id>` of a shop whose mail the agent may see."""
    _, _, number = topic.rpartition(":")
    is_shop = topic.startswith("mail:shop:") and number.isascii() and number.isdigit()
    return is_shop and company.may(agent, VIEW, shop_id=int(number))
