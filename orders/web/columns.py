"""The columns of the order list, and of the file made of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.types import Column
from ecrm.kernel.money import Money
from ecrm.kernel.spreadsheets import Cell
from ecrm.kernel.templatetags import ecrm_ui
from orders.models import Order
from orders.web import words
from profiles.types import ProfileCard

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

    from company.types import ShopInfo


@dataclass(frozen=True, slots=True)
class OrderRow:
    """An order and who placed it."""

    order: Order
    customer: ProfileCard

    def money(self, amount: Decimal) -> Money:
        """An amount of this order."""
        return Money(amount, self.order.currency)


OrderColumn = Column[OrderRow]

# What a file says of every order, whatever the list shows.
ALWAYS: Sequence[tuple[str | _StrPromise, Callable[[OrderRow], Cell]]] = (
    (gettext_lazy("Order"), lambda row: row.order.number),
    (gettext_lazy("Customer"), lambda row: row.customer.name),
    (gettext_lazy("E-mail"), lambda row: row.customer.email),
    (gettext_lazy("Currency"), lambda row: row.order.currency),
)

_FIGURE = "ec-num ec-wide-only"
_SHOP = (
    '<span class="ec-row"><span class="ec-dot" data-ecrm-colour="{}"></span>'
    '<span class="ec-clip">{}</span></span>'
)
_STATUS = '<span class="ec-status{}"><span class="ec-clip">{}</span></span>'


def offered(shops: Sequence[ShopInfo]) -> list[OrderColumn]:
    """The columns there are; the shop is worth one when there are several."""
    several = [_shop(shops)] if len(shops) > 1 else []
    return [*several, _status(), *_FIGURES, _total(), _PLACED, _CHANGED]


def _amount(key: str, label: _StrPromise, read: Callable[[Order], Decimal]) -> OrderColumn:
    """A part of the total; nothing where there is none."""
    return Column(
        key=key,
        label=label,
        show=lambda row: ecrm_ui.money(row.money(read(row.order))) if read(row.order) else "",
        value=lambda row: row.money(read(row.order)),
        css=_FIGURE,
        is_usual=False,
    )


_FIGURES: Sequence[OrderColumn] = (
    Column(
        key="items",
        label=gettext_lazy("Items"),
        show=lambda row: ecrm_ui.number(row.order.items_count),
        value=lambda row: row.order.items_count,
        css=_FIGURE,
    ),
    _amount("discount", gettext_lazy("Discount"), lambda order: order.discount_total),
    _amount("shipping", gettext_lazy("Shipping"), lambda order: order.shipping_total),
    _amount("tax", gettext_lazy("Tax"), lambda order: order.tax_total),
    _amount("refunded", gettext_lazy("Refunded"), lambda order: order.refunded_total),
)
_PLACED: OrderColumn = Column(
    key="placed",
    label=gettext_lazy("Placed"),
    show=lambda row: ecrm_ui.ago(row.order.placed_at),
    value=lambda row: row.order.placed_at,
    css=_FIGURE,
)
_CHANGED: OrderColumn = Column(
    key="changed",
    label=gettext_lazy("Changed"),
    show=lambda row: ecrm_ui.ago(row.order.changed_at),
    value=lambda row: row.order.changed_at,
    css=_FIGURE,
    is_usual=False,
)


def _shop(shops: Sequence[ShopInfo]) -> OrderColumn:
    names = {shop.id: shop.name for shop in shops}
    shown = {shop.id: format_html(_SHOP, shop.accent_color, shop.name) for shop in shops}
    return Column(
        key="shop",
        label=gettext_lazy("Shop"),
        show=lambda row: shown[row.order.shop_id],
        value=lambda row: names[row.order.shop_id],
    )


def _status() -> OrderColumn:
    """The status in words and colour; it stays when a panel stands beside the list."""
    labels = {status.value: str(status.label) for status in Order.Status}

    @cache  # eight of them, however many rows
    def show(status: str) -> SafeString:
        tone = words.TONES[status]
        return format_html(_STATUS, f" ec-status-{tone}" if tone else "", labels[status])

    return Column(
        key="status",
        label=gettext_lazy("Status"),
        show=lambda row: show(row.order.status),
        value=lambda row: labels[row.order.status],
        css="ec-desk-only",
    )


def _total() -> OrderColumn:
    """What was asked for, with a warning where the amounts of the order do not add up."""
    mismatch = ecrm_ui.icon(
        "alert-triangle", label=_("The amounts do not add up."), css="ec-icon-sm"
    )
    warning = format_html('<span class="ec-warn">{}</span> ', mismatch)

    def show(row: OrderRow) -> str:
        total = ecrm_ui.money(row.order.total)
        return format_html("{}{}", warning, total) if row.order.mismatches else total

    return Column(
        key="total",
        label=gettext_lazy("Total"),
        show=show,
        value=lambda row: row.order.total,
        css="ec-num ec-nowrap",
    )
