"""Money arithmetic of one order: does it add up, and what does it count for."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

NOT_COUNTED = frozenset({"cancelled"})
ZERO = Decimal(0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sums:
    """The amounts of an order as the shop wrote them, and the sums of its parts.

    `lines` are the lines' totals, `listed` their prices before discounts; None means: not given.
    """

    lines: Decimal
    listed: Decimal
    items: Decimal | None
    discount: Decimal
    shipping: Decimal
    tax: Decimal
    grand: Decimal
    refunded: Decimal | None
    refunds: Decimal


def mismatches(sums: Sums, *, tolerance: Decimal) -> list[str]:
    """The names of the sums that do not add up: `lines`, `grand`, `refunded`.

    Shops write prices with tax or without, and line totals before or after discounts. An order adds up
    when one of these readings gives the total within the tolerance.
    """
    items = sums.items if sums.items is not None else sums.lines
    found: list[str] = []
    net = items - sums.discount + sums.shipping
    if not _is_near(sums.grand, (net, net + sums.tax, items + sums.shipping), tolerance):
        found.append("grand")
    readings = (items, items - sums.discount, items + sums.tax, items - sums.discount + sums.tax)
    if not any(_is_near(total, readings, tolerance) for total in (sums.lines, sums.listed)):
        found.append("lines")
    refunded = sums.refunded if sums.refunded is not None else sums.refunds
    if refunded - sums.grand > tolerance or (
        sums.refunds and abs(sums.refunds - refunded) > tolerance
    ):
        found.append("refunded")
    return found


def _is_near(value: Decimal, readings: tuple[Decimal, ...], tolerance: Decimal) -> bool:
    return any(abs(value - reading) <= tolerance for reading in readings)


def is_tax_included(
    *, items: Decimal, discount: Decimal, shipping: Decimal, tax: Decimal, grand: Decimal
) -> bool:
    """True when the prices contain the tax, false when it is added to them."""
    net = items - discount + shipping
    return abs(grand - net) <= abs(grand - net - tax)


def is_discount_included(
    *, items: Decimal, discount: Decimal, shipping: Decimal, grand: Decimal
) -> bool:
    """True when the items' total was already lowered by the discount."""
    return discount != 0 and abs(grand - items - shipping) < abs(
        grand - items - shipping + discount
    )


def is_counted(status: str) -> bool:
    """True when the order is one of the customer's orders: all but the cancelled ones."""
    return status not in NOT_COUNTED


def revenue(*, grand: Decimal, refunded: Decimal) -> Decimal:
    """What the order brought in: its total without what was given back."""
    return grand - refunded
