"""Where a customer stands in his life with a shop, as his orders say it."""

from __future__ import annotations

from datetime import datetime, timedelta

LEAD, NEW, ACTIVE, LOYAL, AT_RISK, LOST = "lead", "new", "active", "loyal", "at_risk", "lost"
STAGES = (LEAD, NEW, ACTIVE, LOYAL, AT_RISK, LOST)
# After this long without another order a customer is at risk: after one order, after several.
QUIET_AFTER_ONE = timedelta(days=90)
QUIET = timedelta(days=180)
GONE = timedelta(days=365)
LOYAL_FROM = 4


def stage_of(orders: int, *, last_order_at: datetime | None, at: datetime) -> str:
    """The stage which so many orders, the last one then, mean at this moment."""
    if not orders or last_order_at is None:
        return LEAD
    quiet = at - last_order_at
    if quiet >= GONE:
        return LOST
    if quiet >= (QUIET_AFTER_ONE if orders == 1 else QUIET):
        return AT_RISK
    if orders >= LOYAL_FROM:
        return LOYAL
    return NEW if orders == 1 else ACTIVE
