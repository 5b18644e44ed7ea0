"""Who may see customers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from company import queries as company
from profiles import queries
from profiles.queries import imports, notes, privacy, segments

if TYPE_CHECKING:
    from company.types import Agent

VIEW = queries.VIEW
CHANGE = "profiles.change_profile"
MERGE = queries.MERGE
EXPORT = "profiles.export_profile"
ERASE = privacy.ERASE
IMPORT = imports.IMPORT
VIEW_SEGMENT = segments.VIEW_SEGMENT
MANAGE_SEGMENT = segments.MANAGE_SEGMENT
WRITE_NOTE = notes.WRITE
MOST_DIGITS = 18


def may_see(agent: Agent, profile_id: int) -> bool:
    """True when one of the agent's shops knows the customer."""
    return queries.is_known_to(profile_id, company.shop_ids(agent, VIEW))


def may_follow_profile(agent: Agent, topic: str) -> bool:
    """True for `profile:<id>` of a customer the agent may see."""
    number = _number_in(topic)
    return number is not None and may_see(agent, number)


def may_follow_shop(agent: Agent, topic: str) -> bool:
    """True for `profiles:shop:<id>` and `wall:shop:<id>` of a shop whose customers the agent may see."""
    number = _number_in(topic)
    return number is not None and company.may(agent, VIEW, shop_id=number)


def _number_in(topic: str) -> int | None:
    number = topic.rpartition(":")[2]
    is_number = number.isascii() and number.isdigit() and len(number) <= MOST_DIGITS
    return int(number) if is_number else None
