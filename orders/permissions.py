"""Who may see orders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from company import queries as company
from orders import queries

if TYPE_CHECKING:
    from company.types import Agent

VIEW = queries.VIEW
CHANGE = "orders.change_order"
EXPORT = "orders.export_order"


def may_follow(agent: Agent, topic: str) -> bool:
    """True for `orders:shop:<id>` of a shop whose orders the agent may see."""
    _, _, number = topic.rpartition(":")
    is_shop = topic.startswith("orders:shop:") and number.isascii() and number.isdigit()
    return is_shop and company.may(agent, VIEW, shop_id=int(number))
