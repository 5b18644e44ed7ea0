"""The columns of the customer list, and of the file made of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import TYPE_CHECKING

from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from backoffice.types import Column, cells
from ecrm.kernel.drawing import filled
from ecrm.kernel.spreadsheets import Cell
from ecrm.kernel.templatetags import ecrm_ui
from profiles.queries.listing import CustomerRow
from profiles.web import words

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

    from company.types import ShopInfo
    from ecrm.kernel.templatetags.ecrm_ui import Reader

CustomerColumn = Column[CustomerRow]

# What a file says of everybody, whatever the list shows.
ALWAYS: Sequence[tuple[str | _StrPromise, Callable[[CustomerRow], Cell]]] = (
    (_("Number"), lambda row: row.card.id),
    (_("Customer"), lambda row: row.card.name),
    (_("E-mail"), lambda row: row.card.email),
    (_("Telephone"), lambda row: row.card.phone),
    (_("Currency"), lambda row: row.card.revenue.currency if row.card.revenue else None),
)

_SHOPS = '<div class="ec-row">{}</div>'
_SHOP = (
    '<span class="ec-row"><span class="ec-dot" data-ecrm-colour="{}"></span>'
    '<span class="ec-clip">{}</span></span>'
)
# What stands in every row; its box only for who may do something with the selected.
_ROW = '<tr data-ecrm-row="{id}">'
_BOX = (
    '<td class="ec-fit ec-desk-only"><input class="ec-check" type="checkbox" name="selected"'
    ' value="{id}" form="customers-tagging" data-ecrm-select aria-label="{select} {name}"></td>'
)
_CELLS = (
    '<td><div class="ec-row">'
    '<span class="ec-avatar ec-avatar-sm ec-hue-{hue}" aria-hidden="true">{initials}</span>'
    '<span class="ec-grow"><a class="ec-cell-main" href="{list_url}{id}/">{name}</a>'
    '<span class="ec-cell-sub">{contact}</span></span></div></td>{cells}</tr>'
)
_FIGURE = "ec-num ec-wide-only"
_MOMENT = "ec-num ec-fit ec-wide-only"


def _place(row: CustomerRow, _reader: Reader | None = None) -> str:
    return ", ".join(part for part in (row.card.city, row.card.country) if part)


_PLACE: CustomerColumn = Column(key="place", label=_("Place"), show=_place, value=_place)
_AFTER_SHOPS: Sequence[CustomerColumn] = (
    Column(
        key="phone",
        label=_("Telephone"),
        show=lambda row, _reader: words.telephone(row.card.phone) if row.card.phone else "",
        value=lambda row: row.card.phone,
        css="ec-nowrap ec-wide-only",
        is_usual=False,
    ),
    Column(
        key="language",
        label=_("Language"),
        show=lambda row, _reader: words.language(row.card.locale),
        value=lambda row: row.card.locale,
        is_usual=False,
    ),
    Column(
        key="orders",
        label=_("Orders"),
        show=lambda row, reader: (
            reader.number(row.card.orders_count) if row.card.orders_count else ""
        ),
        value=lambda row: row.card.orders_count,
        css=_FIGURE,
    ),
    Column(
        key="revenue",
        label=_("Revenue"),
        show=lambda row, reader: reader.money(row.card.revenue),
        value=lambda row: row.card.revenue,
        css="ec-num",
    ),
    Column(
        key="last_order",
        label=_("Last order"),
        show=lambda row, reader: reader.ago(row.card.last_order_at),
        value=lambda row: row.card.last_order_at,
        css=_MOMENT,
        is_usual=False,
    ),
    Column(
        key="since",
        label=_("Customer since"),
        show=lambda row, reader: reader.ago(row.card.first_seen_at),
        value=lambda row: row.card.first_seen_at,
        css=_MOMENT,
        is_usual=False,
    ),
    Column(
        key="last_seen",
        label=_("Last seen"),
        show=lambda row, reader: reader.ago(row.card.last_seen_at),
        value=lambda row: row.card.last_seen_at,
        css=_MOMENT,
    ),
)


def drawn(
    rows: Iterable[CustomerRow], shown: Sequence[CustomerColumn], *, with_box: bool
) -> SafeString:
    """The rows of the table as HTML."""
    list_url, select = reverse("profiles:profile-list"), gettext("Select")
    reader = ecrm_ui.reader()
    return filled(
        _ROW + (_BOX if with_box else "") + _CELLS,
        (
            {
                "id": card.id,
                "select": select,
                "hue": ecrm_ui.hue(card.name),
                "initials": ecrm_ui.initials(card.name),
                "list_url": list_url,
                "name": card.name,
                "contact": next((c for c in (card.email, card.phone) if c != card.name), ""),
                "cells": cells(shown, row, reader),
            }
            for row in rows
            for card in [row.card]
        ),
    )


def offered(shops: Sequence[ShopInfo]) -> list[CustomerColumn]:
    """The columns there are; which shops know a customer is worth one when there are several."""
    several = [_shops(shops)] if len(shops) > 1 else []
    return [_PLACE, *several, *_AFTER_SHOPS]


def _shops(shops: Sequence[ShopInfo]) -> CustomerColumn:
    """The shops which know the customer, each with its colour."""
    by_id = {shop.id: shop for shop in shops}

    @cache  # few shops, many customers
    def show(shop_ids: tuple[int, ...]) -> SafeString:
        return format_html(
            _SHOPS, format_html_join("", _SHOP, (_parts(by_id[i]) for i in shop_ids))
        )

    return Column(
        key="shops",
        label=_("Shops"),
        show=lambda row, _reader: show(tuple(row.shop_ids)),
        value=lambda row: ", ".join(by_id[shop_id].name for shop_id in row.shop_ids),
    )


def _parts(shop: ShopInfo) -> tuple[str, str]:
    return shop.accent_color, shop.name
