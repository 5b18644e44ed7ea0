"""Asking about one shop, or about any that the segment may see."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from company import queries as company
from profiles.extensions import Asked, Input, Sql, ValueKind
from profiles.queries.criteria.sql import TRUE, sql


def shop_input(*, is_optional: bool = True) -> Input:
    """A choice of shops; without one it is any shop."""
    return Input(
        key="shop",
        kind=ValueKind.CHOICE,
        label=_("Any shop"),
        choices=lambda: [(str(shop.id), shop.name) for shop in company.all_shops()],
        is_optional=is_optional,
    )


def of_shop(asked: Asked, alias: str) -> Sql:
    """A test: the row is of the shop asked for."""
    shop = asked.values.get("shop")
    return sql("{}.shop_id = {}", Sql(alias), int(shop)) if shop else TRUE
