"""Writing down that two profiles may be one person, and what was decided about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import connection, transaction
from django.utils.timezone import now

from company.services import record_audit
from profiles import rules
from profiles.models import DuplicatePair, Identifier
from profiles.rules import likeness

if TYPE_CHECKING:
    from company.types import Agent

LATER = timedelta(days=30)
_REASONS = {
    rules.EMAIL: likeness.SAME_EMAIL,
    rules.PHONE: likeness.SAME_PHONE,
    rules.CUSTOMER_ID: likeness.SAME_ID,
    rules.SOCIAL: likeness.SAME_ID,
}

_SUGGEST = """
INSERT INTO profiles_duplicatepair AS pair (low_id, high_id, score, reasons, state, found_at)
SELECT low, high, score, string_to_array(reasons, ' '), 'open', %s
FROM unnest(%s::bigint[], %s::bigint[], %s::int[], %s::text[]) AS new (low, high, score, reasons)
ON CONFLICT (low_id, high_id) DO UPDATE SET
    score = greatest(pair.score, excluded.score),
    reasons = ARRAY(SELECT DISTINCT r FROM unnest(pair.reasons || excluded.reasons) AS r ORDER BY r)
WHERE NOT pair.reasons @> excluded.reasons OR pair.score < excluded.score
"""


def suggest(
    pairs: Mapping[tuple[int, int], likeness.Likeness], *, at: datetime | None = None
) -> None:
    """Record pairs of profiles which resemble each other; what was decided before stays decided."""
    if not pairs:
        return
    rows = sorted((min(pair), max(pair), found) for pair, found in pairs.items())
    columns = (
        [low for low, _high, _found in rows],
        [high for _low, high, _found in rows],
        [found.score for _low, _high, found in rows],
        [" ".join(found.reasons) for _low, _high, found in rows],
    )
    with connection.cursor() as cursor:
        cursor.execute(_SUGGEST, [at or now(), *columns])


def note_shared(
    profile_id: int,
    *,
    keys: Sequence[rules.Key],
    found: Mapping[rules.Key, int],
    source: str,
    at: datetime,
) -> None:
    """A contact of one profile used identifiers of others: remember them, and suggest a look.

    A repetition of what is known costs one SELECT.
    """
    noted = Identifier.objects.filter(profile_id=profile_id, is_key=False)
    known = set(noted.values_list("kind", "value"))
    new = [key for key in keys if (key.kind, key.value) not in known]
    if not new:
        return
    Identifier.objects.bulk_create(
        [
            Identifier(
                profile_id=profile_id,
                kind=key.kind,
                value=key.value,
                shop_id=key.shop_id,
                is_key=False,
                source=source,
                first_seen_at=at,
                last_seen_at=at,
            )
            for key in new
        ],
        ignore_conflicts=True,
    )
    reasons: dict[tuple[int, int], set[str]] = {}
    for key in new:
        reasons.setdefault((profile_id, found[key]), set()).add(_REASONS[key.kind])
    suggest(
        {
            pair: likeness.Likeness(likeness.combined(why), tuple(sorted(why)))
            for pair, why in reasons.items()
        },
        at=at,
    )


def note_claimed(profile_id: int, *, others: Mapping[int, str], at: datetime) -> None:
    """Suggest a look at those who claimed what is proven to be this customer's: kinds by profile."""
    suggest(
        {
            (profile_id, other): likeness.Likeness(
                likeness.combined({_REASONS[kind]}), (_REASONS[kind],)
            )
            for other, kind in others.items()
            if other != profile_id
        },
        at=at,
    )


@transaction.atomic
def decide_different(pair_id: int, *, by: Agent | None, at: datetime | None = None) -> None:
    """These are two people: never suggest them again. Raises DuplicatePair.DoesNotExist."""
    _decide(pair_id, DuplicatePair.State.DIFFERENT, until=None, by=by, at=at or now())


@transaction.atomic
def decide_later(pair_id: int, *, by: Agent | None, at: datetime | None = None) -> None:
    """Ask again in LATER. Raises DuplicatePair.DoesNotExist."""
    moment = at or now()
    _decide(pair_id, DuplicatePair.State.LATER, until=moment + LATER, by=by, at=moment)


@transaction.atomic
def reopen(pair_id: int, *, by: Agent | None, at: datetime | None = None) -> None:
    """Take a decision back: the pair waits for a look again. Raises DuplicatePair.DoesNotExist."""
    _decide(pair_id, DuplicatePair.State.OPEN, until=None, by=by, at=at or now())


def _decide(
    pair_id: int, state: str, *, until: datetime | None, by: Agent | None, at: datetime
) -> None:
    pair = DuplicatePair.objects.select_for_update(of=("self",)).get(pk=pair_id)
    pair.state, pair.later_until = state, until
    pair.decided_by_id, pair.decided_at = by.pk if by else None, at
    pair.save(update_fields=["state", "later_until", "decided_by", "decided_at"])
    record_audit(
        action="profiles.duplicate-decided",
        target=f"profile:{pair.low_id}",
        by=by,
        changes={"other": pair.high_id, "decision": str(state)},
        at=at,
    )
