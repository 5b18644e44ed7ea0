"""What a shop decides about its mails."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction

from company import services as company
from messaging.models import MailRules
from messaging.queries.mail_rules import rules_of
from messaging.rules.mail_rules import ShopRules

if TYPE_CHECKING:
    from company.types import Agent


@transaction.atomic
def save_rules(
    shop_id: int, *, rules: ShopRules, by: Agent | None, at: datetime | None = None
) -> None:
    """Let these rules hold for the shop's mails from now on; what changed stands in the audit log."""
    before = asdict(rules_of([shop_id])[shop_id])
    wanted = asdict(rules)
    MailRules.objects.update_or_create(shop_id=shop_id, defaults=wanted)
    changes = {
        name: [before[name], wanted[name]] for name in wanted if before[name] != wanted[name]
    }
    if changes:
        company.record_audit(
            action="messaging.mail-rules-changed",
            target=f"shop:{shop_id}",
            by=by,
            shop_id=shop_id,
            changes=changes,
            at=at,
        )
