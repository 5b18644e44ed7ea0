"""Who cares for a customer, and at which stage of his life with a shop he is."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import connection, transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _

from company import queries as company
from company.services import record_audit
from ecrm.kernel import outbox
from ecrm.kernel.errors import DomainError
from profiles.events import OwnerChanged, StageChanged
from profiles.models import ProfileShop
from profiles.queries import care as queries
from profiles.queries.criteria.knowledge import STAGES_MOVED
from profiles.rules import stages
from profiles.services import segments_following as following

if TYPE_CHECKING:
    from company.types import Agent

CHANGE = "profiles.change_profile"
VIEW = "profiles.view_profile"


class NotYourCustomersCare(DomainError):
    """The shop does not know the customer, or the agent may not change customers of it."""

    code = "not_your_customer"


class UnusableStage(DomainError):
    """There is no such stage."""

    code = "unusable_stage"
    status = 422


class UnusableOwner(DomainError):
    """There is no such agent, or he may not see customers of this shop."""

    code = "unusable_owner"
    status = 422


@transaction.atomic
def fix_stage(
    profile_id: int,
    *,
    shop_id: int,
    stage: str,
    by: Agent | None,
    at: datetime | None = None,
) -> None:
    """Put a shop's customer on a stage by hand; an empty one lets the rule decide again.

    Raises NotYourCustomersCare, UnusableStage; publishes StageChanged; audited.
    """
    moment = at or now()
    if stage and stage not in stages.STAGES:
        raise UnusableStage(_("There is no such stage."))
    row = _row(profile_id, shop_id, by)
    before = (row.stage, row.is_stage_fixed)
    row.stage = stage or queries.stage_by_rule(profile_id, shop_id=shop_id, at=moment)
    row.is_stage_fixed = bool(stage)
    if (row.stage, row.is_stage_fixed) == before:
        return
    row.save(update_fields=["stage", "is_stage_fixed"])
    event = StageChanged(
        profile_id=profile_id,
        shop_id=shop_id,
        stage=row.stage,
        is_fixed=row.is_stage_fixed,
        agent_id=by.pk if by else None,
    )
    outbox.publish(event, at=moment)
    if by is not None:
        record_audit(
            action="profiles.stage-changed",
            target=f"profile:{profile_id}",
            by=by,
            shop_id=shop_id,
            changes={"stage": row.stage, "by_hand": row.is_stage_fixed},
            at=moment,
        )


@transaction.atomic
def set_owner(
    profile_id: int,
    *,
    shop_id: int,
    owner_id: int | None,
    by: Agent | None,
    at: datetime | None = None,
) -> None:
    """Let an agent care for a shop's customer, or nobody.

    Raises NotYourCustomersCare, UnusableOwner; publishes OwnerChanged; audited.
    """
    moment = at or now()
    row = _row(profile_id, shop_id, by)
    if row.owner_id == owner_id:
        return
    offered = {agent.id for agent in company.agents_with(VIEW, shop_id=shop_id)}
    if owner_id is not None and owner_id not in offered:
        raise UnusableOwner(_("This agent does not see the customers of this shop."))
    row.owner_id = owner_id
    row.save(update_fields=["owner"])
    event = OwnerChanged(
        profile_id=profile_id,
        shop_id=shop_id,
        owner_id=owner_id,
        agent_id=by.pk if by else None,
    )
    outbox.publish(event, at=moment)
    if by is not None:
        record_audit(
            action="profiles.owner-changed",
            target=f"profile:{profile_id}",
            by=by,
            shop_id=shop_id,
            changes={"owner": owner_id},
            at=moment,
        )


def _row(profile_id: int, shop_id: int, by: Agent | None) -> ProfileShop:
    if by is not None and not company.may(by, CHANGE, shop_id=shop_id):
        raise NotYourCustomersCare(_("You may not change customers of this shop."))
    rows = ProfileShop.objects.select_for_update(of=("self",))
    row = rows.filter(profile_id=profile_id, shop_id=shop_id).first()
    if row is None:
        raise NotYourCustomersCare(_("This shop does not know the customer."))
    return row


_MOVE = """
WITH ordered AS (
    SELECT profile_id, shop_id, sum(orders_count) AS orders, max(last_order_at) AS last_at
    FROM profiles_figures WHERE orders_count > 0 GROUP BY profile_id, shop_id
), due AS (
    SELECT s.id,
        CASE
            WHEN o.orders IS NULL THEN 'lead'
            WHEN o.last_at <= %(at)s - %(gone)s THEN 'lost'
            WHEN o.orders = 1 AND o.last_at <= %(at)s - %(quiet_after_one)s THEN 'at_risk'
            WHEN o.orders > 1 AND o.last_at <= %(at)s - %(quiet)s THEN 'at_risk'
            WHEN o.orders >= %(loyal_from)s THEN 'loyal'
            WHEN o.orders = 1 THEN 'new'
            ELSE 'active'
        END AS stage
    FROM profiles_profileshop s
    LEFT JOIN ordered o ON o.profile_id = s.profile_id AND o.shop_id = s.shop_id
    WHERE NOT s.is_stage_fixed
)
UPDATE profiles_profileshop s SET stage = due.stage
FROM due WHERE due.id = s.id AND s.stage <> due.stage
RETURNING s.profile_id
"""


@transaction.atomic
def move_stages(*, at: datetime | None = None) -> int:
    """Move every customer whom nobody fixed to the stage his orders mean. Returns how many moved.

    Segments that ask for stages look at those again.
    """
    values: dict[str, Any] = {
        "at": at or now(),
        "gone": stages.GONE,
        "quiet": stages.QUIET,
        "quiet_after_one": stages.QUIET_AFTER_ONE,
        "loyal_from": stages.LOYAL_FROM,
    }
    with connection.cursor() as cursor:
        cursor.execute(_MOVE, values)
        moved = [profile_id for (profile_id,) in cursor.fetchall()]
    following.touch_where_asked(moved, fact=STAGES_MOVED)
    return len(moved)
