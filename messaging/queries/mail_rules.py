"""What shops decided about their mails."""

from __future__ import annotations

from collections.abc import Collection

from company import queries as company
from ecrm.kernel.prepared import Statement
from messaging.rules.mail_rules import ShopRules, usual

_RULES = Statement(
    "mail_rules",
    """
SELECT shop_id, tracks_opens, tracks_clicks, tracks_transactional, demands_opt_in
FROM messaging_mailrules WHERE shop_id = ANY(%(shop_ids)s::bigint[])
""",
)


def rules_of(shop_ids: Collection[int]) -> dict[int, ShopRules]:
    """The rules of each of these shops, or what is usual in its market. Runs one query."""
    found = {shop_id: usual(company.shop(shop_id).market) for shop_id in shop_ids}
    rows = _RULES.rows(shop_ids=sorted(shop_ids)) if found else []
    for shop_id, opens, clicks, transactional, opt_in in rows:
        found[shop_id] = ShopRules(
            tracks_opens=found[shop_id].tracks_opens if opens is None else opens,
            tracks_clicks=clicks,
            tracks_transactional=transactional,
            demands_opt_in=opt_in,
        )
    return found
