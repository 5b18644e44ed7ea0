"""The columns of the order list, and of the file made of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from functools import cache
from html import escape
from typing import TYPE_CHECKING

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.types import Column, cells
from ecrm.kernel.drawing import filled
from ecrm.kernel.spreadsheets import Cell
from ecrm.kernel.templatetags import ecrm_ui
from orders.models import Order
from orders.queries.screens import OrderLine, OrderRow
from orders.web import words

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

    from company.types import ShopInfo
    from profiles.types import ProfileName


OrderColumn = Column[OrderRow]

# What a file says of every order, whatever the list shows.
ALWAYS: Sequence[tuple[str | _StrPromise, Callable[[OrderRow], Cell]]] = (
    (gettext_lazy("Order"), lambda row: row.order.number),
    (gettext_lazy("Customer"), lambda row: row.customer.name),
    (gettext_lazy("E-mail"), lambda row: row.customer.email),
    (gettext_lazy("Currency"), lambda row: row.order.currency),
)

# What stands in every row: a phone shows the status under the number.
_ROW = (
    '<tr data-ecrm-row="{id}"><td class="ec-nowrap">'
    '<a class="ec-cell-main" href="{list_url}{id}/">{number}</a>'
    '<span class="ec-cell-sub ec-phone-only">{status}</span></td>'
    '<td class="ec-rest"><span class="ec-clip">{customer}</span>{contact}</td>{cells}</tr>'
)
_FIGURE = "ec-num ec-wide-only"
_SHOP = (
    '<span class="ec-row"><span class="ec-dot" data-ecrm-colour="{}"></span>'
    '<span class="ec-clip">{}</span></span>'
)
_STATUS = '<span class="ec-status{}"><span class="ec-clip">{}</span></span>'


def drawn(rows: Iterable[OrderRow], shown: Sequence[OrderColumn]) -> SafeString:
    """The rows of the table as HTML."""
    list_url, reader = reverse("orders:order-list"), ecrm_ui.reader()
    labels = {status.value: str(status.label) for status in Order.Status}
    return filled(
        _ROW,
        (
            {
                "id": row.order.id,
                "list_url": list_url,
                "number": row.order.number,
                "status": labels[row.order.status],
                "customer": row.customer.name,
                "contact": _contact(row.customer),
                "cells": cells(shown, row, reader),
            }
            for row in rows
        ),
    )


def _contact(customer: ProfileName) -> str:
    """The address under the name, unless it is the name."""
    if customer.email in {"", customer.name}:
        return ""
    return SafeString(f'<span class="ec-cell-sub">{escape(customer.email)}</span>')


def offered(shops: Sequence[ShopInfo]) -> list[OrderColumn]:
    """The columns there are; the shop is worth one when there are several."""
    several = [_shop(shops)] if len(shops) > 1 else []
    return [*several, _status(), *_FIGURES, _total(), _PLACED, _CHANGED]


def _amount(key: str, label: _StrPromise, read: Callable[[OrderLine], Decimal]) -> OrderColumn:
    """A part of the total; nothing where there is none."""
    return Column(
        key=key,
        label=label,
        show=lambda row, reader: (
            reader.money(row.order.money(read(row.order))) if read(row.order) else ""
        ),
        value=lambda row: row.order.money(read(row.order)),
        css=_FIGURE,
        is_usual=False,
    )


_FIGURES: Sequence[OrderColumn] = (
    Column(
        key="items",
        label=gettext_lazy("Items"),
        show=lambda row, reader: reader.number(row.order.items_count),
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
    show=lambda row, reader: reader.ago(row.order.placed_at),
    value=lambda row: row.order.placed_at,
    css=_FIGURE,
)
_CHANGED: OrderColumn = Column(
    key="changed",
    label=gettext_lazy("Changed"),
    show=lambda row, reader: reader.ago(row.order.changed_at),
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
        show=lambda row, _reader: shown[row.order.shop_id],
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
        show=lambda row, _reader: show(row.order.status),
        value=lambda row: labels[row.order.status],
        css="ec-desk-only",
    )


def _total() -> OrderColumn:
    """What was asked for, with a warning where the amounts of the order do not add up."""
    mismatch = ecrm_ui.icon(
        "alert-triangle", label=_("The amounts do not add up."), css="ec-icon-sm"
    )
    warning = format_html('<span class="ec-warn">{}</span> ', mismatch)

    def show(row: OrderRow, reader: ecrm_ui.Reader) -> str:
        total = reader.money(row.order.money(row.order.grand_total))
        return format_html("{}{}", warning, total) if row.order.mismatches else total

    return Column(
        key="total",
        label=gettext_lazy("Total"),
        show=show,
        value=lambda row: row.order.money(row.order.grand_total),
        css="ec-num ec-nowrap",
    )
