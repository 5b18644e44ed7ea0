"""What the company wants of each kind of identifier."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _

from company.services import record_audit
from ecrm.kernel.errors import DomainError
from profiles import queries
from profiles.models import Identifier, IdentityRule
from profiles.rules.policies import MOST, Policy

if TYPE_CHECKING:
    from company.types import Agent

LONGEST_LIST = 500


class UnusableRules(DomainError):
    """A limit or a list of blocked values makes no sense; `fields` says of which kind."""

    code = "unusable_rules"
    status = 422


@transaction.atomic
def save_policies(
    wanted: Sequence[Policy], *, by: Agent | None, at: datetime | None = None
) -> None:
    """Put these rules in force for whatever arrives from now on; what is stored stays as it is.

    Raises UnusableRules; leaves the kinds, not the values, in the audit log.
    """
    check_policies(wanted)
    for policy in wanted:
        IdentityRule.objects.update_or_create(
            kind=policy.kind,
            defaults={
                "limit": policy.limit,
                "priority": policy.priority,
                "blocked": sorted(policy.blocked),
                "joins_visitors": policy.joins_visitors,
            },
        )
    transaction.on_commit(queries.forget_policies)
    record_audit(
        action="profiles.identity-rules-changed",
        target="company:rules",
        by=by,
        changes={"kinds": sorted(policy.kind for policy in wanted)},
        at=at or now(),
    )


def check_policies(wanted: Sequence[Policy]) -> None:
    """Raises UnusableRules when the rules cannot be put in force."""
    faults: dict[str, str] = {}
    for policy in wanted:
        if policy.kind not in Identifier.Kind.values:
            raise ValueError(f"{policy.kind} is no kind of identifier.")
        if not 1 <= policy.limit <= MOST:
            faults[f"{policy.kind}-limit"] = _("Between 1 and %(most)s.") % {"most": MOST}
        if any(not entry.strip("*@. ") for entry in policy.blocked):
            faults[f"{policy.kind}-blocked"] = _("This would block everybody.")
        elif len(policy.blocked) > LONGEST_LIST:
            faults[f"{policy.kind}-blocked"] = _("At most %(most)s values.") % {
                "most": LONGEST_LIST
            }
    if faults:
        raise UnusableRules(_("Please correct the marked fields."), fields=faults)
