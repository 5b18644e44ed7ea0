"""Topics of marketing, for pages and for the modules that send it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from django.db.models import Count, Q

from messaging.models import Suppression, Topic


@dataclass(frozen=True, kw_only=True, slots=True)
class TopicRow:
    """A topic, and how many addresses do without it."""

    topic: Topic
    unwanted: int


def topics(shop_id: int) -> list[Topic]:
    """What this shop's customers may choose among now, the oldest first. One query."""
    return list(Topic.objects.offered().filter(shop_id=shop_id).order_by("pk"))


def topic_rows(shop_ids: Collection[int]) -> list[TopicRow]:
    """Every topic of these shops, those put away last. Two queries."""
    rows = list(Topic.objects.filter(shop_id__in=list(shop_ids)).for_list())
    counted = Suppression.objects.filter(
        Q(shop_id__in=list(shop_ids)), scope="topic", lifted_at__isnull=True
    )
    unwanted = {
        (shop_id, code): number
        for shop_id, code, number in counted.values_list("shop_id", "topic")
        .annotate(Count("pk"))
        .order_by()
    }
    return [TopicRow(topic=row, unwanted=unwanted.get((row.shop_id, row.code), 0)) for row in rows]


def topic(topic_id: int, *, shop_ids: Collection[int]) -> Topic | None:
    """One topic of these shops. One query."""
    rows = Topic.objects.filter(pk=topic_id, shop_id__in=list(shop_ids))
    return rows.select_related("shop").first()
