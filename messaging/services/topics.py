"""Topics of marketing: what a shop's customers may choose among."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.text import slugify
from django.utils.timezone import now
from django.utils.translation import gettext as _

from company import queries as companies
from company import services as company
from ecrm.kernel.errors import DomainError
from messaging.models import Topic

if TYPE_CHECKING:
    from company.types import Agent

LONGEST_NAME = 80


class UnusableTopic(DomainError):
    """The topic has no name in the shop's main language, or another one has it already."""

    code = "unusable_topic"
    status = 422


@transaction.atomic
def add_topic(
    shop_id: int, *, names: Mapping[str, str], by: Agent | None, at: datetime | None = None
) -> int:
    """The id of a new topic, offered at once; its code is made of its name. Raises UnusableTopic."""
    kept = _usable(shop_id, names)
    main = kept[companies.shop(shop_id).default_language]
    row = Topic(shop_id=shop_id, names=kept, created_at=at or now(), code=_free_code(shop_id, main))
    row.save(force_insert=True)
    _note("messaging.topic-added", row, by=by, at=at)
    return row.pk


@transaction.atomic
def rename_topic(
    topic_id: int, *, names: Mapping[str, str], by: Agent | None, at: datetime | None = None
) -> None:
    """Call a topic something else; its code stays, and with it who chose it. Raises UnusableTopic."""
    row = Topic.objects.select_for_update(of=("self",)).get(pk=topic_id)
    kept = _usable(row.shop_id, names)
    if kept == row.names:
        return
    row.names = kept
    row.save(update_fields=["names"])
    _note("messaging.topic-renamed", row, by=by, at=at)


@transaction.atomic
def archive_topic(
    topic_id: int, *, is_archived: bool, by: Agent | None, at: datetime | None = None
) -> None:
    """Offer a topic no longer, or again. Who did not want it is still spared from it."""
    row = Topic.objects.select_for_update(of=("self",)).get(pk=topic_id)
    if (row.archived_at is not None) == is_archived:
        return
    row.archived_at = (at or now()) if is_archived else None
    row.save(update_fields=["archived_at"])
    action = "messaging.topic-archived" if is_archived else "messaging.topic-restored"
    _note(action, row, by=by, at=at)


def _usable(shop_id: int, names: Mapping[str, str]) -> dict[str, str]:
    shop = companies.shop(shop_id)
    kept = {language: " ".join(names.get(language, "").split()) for language in shop.languages}
    if not kept.get(shop.default_language):
        text = _("Give it a name in the shop's main language.")
        raise UnusableTopic(text, fields={f"name_{shop.default_language}": text})
    return {language: name[:LONGEST_NAME] for language, name in kept.items() if name}


def _free_code(shop_id: int, name: str) -> str:
    wanted = slugify(name)[:50] or "topic"
    taken = set(Topic.objects.filter(shop_id=shop_id).values_list("code", flat=True))
    numbered = (f"{wanted}-{number}" for number in range(2, len(taken) + 3))
    return next(code for code in (wanted, *numbered) if code not in taken)


def _note(action: str, row: Topic, *, by: Agent | None, at: datetime | None) -> None:
    company.record_audit(
        action=action,
        target=f"mail-topic:{row.pk}",
        by=by,
        shop_id=row.shop_id,
        at=at,
    )
