"""What a rule of retention finds: how much, the oldest, a few examples, the next batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from profiles.extensions.privacy import Ageing, ageing
from profiles.models import RetentionRule

EXAMPLES = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Foreseen:
    """What a rule would forget now."""

    count: int = 0
    oldest_at: datetime | None = None
    examples: Sequence[int] = ()


def subjects() -> list[Ageing]:
    """Everything that can be forgotten by age, in the order of the settings page."""
    return sorted(ageing.all(), key=lambda item: (item.order, item.key))


def foresee(rule: RetentionRule, *, at: datetime) -> Foreseen:
    """What the rule would forget at this moment. One query."""
    subject = ageing.get(rule.subject)
    if subject is None:
        return Foreseen()
    where, values = _found(rule, subject, cutoff=at - timedelta(days=rule.days))
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*), min({subject.age}) FROM {subject.table} t WHERE {where}",  # noqa: S608 - from the registry
            values,
        )
        count, oldest_at = cursor.fetchone()
        cursor.execute(
            f"SELECT {subject.example} FROM {subject.table} t WHERE {where}"  # noqa: S608 - from the registry
            f" ORDER BY {subject.age}, t.id LIMIT {EXAMPLES}",
            values,
        )
        examples = [row[0] for row in cursor.fetchall()]
    return Foreseen(count=count, oldest_at=oldest_at, examples=examples)


def batch(rule: RetentionRule, subject: Ageing, *, cutoff: datetime, limit: int) -> list[int]:
    """The next rows to forget, oldest first, left to us by others who work on them. One query."""
    where, values = _found(rule, subject, cutoff=cutoff)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT t.id FROM {subject.table} t WHERE {where}"  # noqa: S608 - from the registry
            f" ORDER BY {subject.age}, t.id LIMIT {limit} FOR UPDATE OF t SKIP LOCKED",
            values,
        )
        return [row[0] for row in cursor.fetchall()]


def is_for_all(rule: RetentionRule) -> bool:
    """Whether the rule is the company's and no shop has one of its own."""
    own = RetentionRule.objects.filter(subject=rule.subject, shop__isnull=False)
    return rule.shop_id is None and not own.exists()


def _found(rule: RetentionRule, subject: Ageing, *, cutoff: datetime) -> tuple[str, dict[str, Any]]:
    """The rows of a rule: of its shop, or of every shop which has no rule of its own."""
    parts = [f"({subject.where})", f"{subject.age} < %(cutoff)s"]
    values: dict[str, Any] = {"cutoff": cutoff}
    if subject.shop and rule.shop_id is not None:
        parts.append(f"{subject.shop} = %(shop_id)s")
        values["shop_id"] = rule.shop_id
    elif subject.shop:
        own = RetentionRule.objects.filter(subject=rule.subject, shop__isnull=False)
        values["others"] = list(own.values_list("shop_id", flat=True))
        parts.append(f"({subject.shop} IS NULL OR NOT {subject.shop} = ANY(%(others)s))")
    return " AND ".join(parts), values
