"""What happened with a customer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from django.db.models import Q

from ecrm.kernel import outbox
from profiles import extensions
from profiles.types import TimelineEntry

if TYPE_CHECKING:
    from ecrm.kernel.models import EventRecord


def timeline(
    profile_id: int,
    *,
    kinds: Iterable[str] | None = None,
    before: tuple[datetime, int] | None = None,
    limit: int = 50,
    shop_ids: Iterable[int] | None = None,
) -> list[TimelineEntry]:
    """What happened with a customer, newest first, in words.

    `before` is the (occurred_at, id) of the last entry seen; `shop_ids` leaves out other shops. One
    query for the facts and the constant number which each renderer needs.
    """
    names = extensions.timeline.names(frozenset(kinds) if kinds is not None else None)
    records = outbox.records_of_profile(profile_id).filter(name__in=names)
    if shop_ids is not None:
        records = records.filter(Q(shop_id__in=list(shop_ids)) | Q(shop_id__isnull=True))
    if before is not None:
        moment, last_id = before
        records = records.filter(Q(occurred_at__lt=moment) | Q(occurred_at=moment, id__lt=last_id))
    return _in_words(list(records[:limit]))


def _in_words(records: Sequence[EventRecord]) -> list[TimelineEntry]:
    by_name: dict[str, list[EventRecord]] = {}
    for record in records:
        by_name.setdefault(record.name, []).append(record)
    entries: dict[int, TimelineEntry] = {}
    for name, group in by_name.items():
        renderer = extensions.timeline.get(name)
        texts = renderer.render(group) if renderer else {}
        for record in group:
            if renderer and (text := texts.get(record.pk)):
                entries[record.pk] = TimelineEntry(
                    id=record.pk,
                    name=name,
                    kind=renderer.kind,
                    icon=renderer.icon,
                    title=text.title,
                    detail=text.detail,
                    url=text.url,
                    shop_id=record.shop_id,
                    occurred_at=record.occurred_at,
                )
    return [entries[record.pk] for record in records if record.pk in entries]