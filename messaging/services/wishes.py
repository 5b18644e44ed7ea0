"""Which topics a recipient wants and how often: what he chooses within the marketing he allows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from messaging.models import MailPace, Suppression
from messaging.queries import topics as queries
from messaging.services import paces, suppressions

PACES = (paces.EVERYTHING, paces.WEEKLY, paces.MONTHLY)


@dataclass(frozen=True, kw_only=True, slots=True)
class TopicChoice:
    """A topic in the recipient's language, and whether he wants it."""

    code: str
    name: str
    is_wanted: bool


def topic_choices(
    shop_id: int, *, address: str, languages: tuple[str, ...], at: datetime
) -> list[TopicChoice]:
    """The topics a shop offers, as this address chose. Two queries, or one without topics."""
    offered = queries.topics(shop_id)
    if not offered:
        return []
    spared = Suppression.objects.active(at).filter(address=address, scope="topic", shop_id=shop_id)
    unwanted = set(spared.values_list("topic", flat=True))
    return [
        TopicChoice(
            code=topic.code, name=topic.name_in(*languages), is_wanted=topic.code not in unwanted
        )
        for topic in offered
    ]


@transaction.atomic
def choose_topics(
    shop_id: int,
    *,
    address: str,
    wanted: Mapping[str, bool],
    message_id: int | None,
    at: datetime,
) -> list[str]:
    """Spare the address from topics it does not want, and from no other. Returns the codes that changed.

    Codes which the shop does not offer are left alone. Publishes AddressSuppressed, SuppressionLifted.
    """
    changed = []
    for choice in topic_choices(shop_id, address=address, languages=(), at=at):
        if wanted.get(choice.code, choice.is_wanted) == choice.is_wanted:
            continue
        changed.append(choice.code)
        if choice.is_wanted:
            suppressions.suppress(
                address,
                scope="topic",
                topic=choice.code,
                reason=suppressions.UNSUBSCRIBED,
                shop_id=shop_id,
                message_id=message_id,
                at=at,
            )
        else:
            suppressions.lift_own(address, scope="topic", topic=choice.code, shop_id=shop_id, at=at)
    return changed


def pace(profile_id: int, *, shop_id: int) -> int:
    """How many days the customer wants between two marketing mails of the shop. One query."""
    rows = MailPace.objects.filter(profile_id=profile_id, shop_id=shop_id)
    return rows.values_list("days", flat=True).first() or paces.EVERYTHING


@transaction.atomic
def choose_pace(profile_id: int, *, shop_id: int, days: int, at: datetime) -> bool:
    """Keep how often he wants marketing; one of PACES. True when it changed."""
    if days not in PACES or pace(profile_id, shop_id=shop_id) == days:
        return False
    MailPace.objects.update_or_create(
        profile_id=profile_id, shop_id=shop_id, defaults={"days": days, "changed_at": at}
    )
    return True
