"""Who cares for a customer, and at which stage he is."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from ecrm.kernel.prepared import Rows, Statement
from profiles.models import ProfileShop
from profiles.rules import stages
from profiles.types import OrderFigures


@dataclass(frozen=True, kw_only=True, slots=True)
class Care:
    """A shop's hold on a customer; `is_fixed` when somebody chose the stage by hand."""

    shop_id: int
    stage: str
    is_fixed: bool
    owner_id: int | None


def care_of(profile_id: int, *, shop_ids: Iterable[int], at: datetime) -> list[Care]:
    """By shop, the stage and the owner. A stage not decided yet follows the rule. Two queries at most."""
    return [
        Care(
            shop_id=row.shop_id,
            stage=row.stage or stage_by_rule(profile_id, shop_id=row.shop_id, at=at),
            is_fixed=row.is_stage_fixed,
            owner_id=row.owner_id,
        )
        for row in holds_on(profile_id, shop_ids=shop_ids)
    ]


_HOLDS = Rows(
    "holds_on_profile",
    ProfileShop,
    "WHERE profile_id = %(profile_id)s AND shop_id = ANY(%(shop_ids)s::bigint[]) ORDER BY since, id",
)
_ORDERED = Statement(
    "ordered_in_shop",
    """
SELECT coalesce(sum(orders_count), 0), max(last_order_at) FROM profiles_figures
WHERE profile_id = %(profile_id)s AND shop_id = %(shop_id)s
""",
)


def holds_on(profile_id: int, *, shop_ids: Iterable[int]) -> list[ProfileShop]:
    """Those of these shops which know a customer, the first one first. One query."""
    return _HOLDS.all(profile_id=profile_id, shop_ids=list(shop_ids))


def stage_by_rule(profile_id: int, *, shop_id: int, at: datetime) -> str:
    """The stage his orders in this shop mean at this moment. One query."""
    ((orders, last_order_at),) = _ORDERED.rows(profile_id=profile_id, shop_id=shop_id)
    return stages.stage_of(orders, last_order_at=last_order_at, at=at)


def stages_of(
    figures: Mapping[int, Mapping[str, OrderFigures]], *, shop_id: int, at: datetime
) -> dict[int, str]:
    """The stage of the customers with these figures; one not decided yet follows the rule. One query."""
    rows = ProfileShop.objects.filter(profile_id__in=list(figures), shop_id=shop_id)
    decided = dict(rows.values_list("profile_id", "stage"))
    return {
        profile_id: decided.get(profile_id) or _by_rule(per_currency.values(), at)
        for profile_id, per_currency in figures.items()
    }


def _by_rule(figures: Collection[OrderFigures], at: datetime) -> str:
    lasts = [f.last_order_at for f in figures if f.last_order_at is not None]
    orders = sum(f.orders_count for f in figures)
    return stages.stage_of(orders, last_order_at=max(lasts, default=None), at=at)
