"""Who may see customers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from company import queries as company
from profiles import queries

if TYPE_CHECKING:
    from company.types import Agent

VIEW = queries.VIEW
CHANGE = "profiles.change_profile"


def may_see(agent: Agent, profile_id: int) -> bool:
    """True when one of the agent's shops knows the customer."""
    return queries.is_known_to(profile_id, company.shop_ids(agent, VIEW))


def may_follow(agent: Agent, topic: str) -> bool:
    """True for `profile:<id>` of a customer the agent may see."""
    _, _, number = topic.partition(":")
    return number.isascii() and number.isdigit() and may_see(agent, int(number))
