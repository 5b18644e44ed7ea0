"""Comments of colleagues under facts on the wall."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from company import queries as company
from ecrm.kernel import outbox
from ecrm.kernel.errors import DomainError
from ecrm.kernel.models import EventRecord
from profiles import queries
from profiles.events import WallCommented
from profiles.models import WallComment
from profiles.queries import wall
from profiles.queries.notes import WRITE
from profiles.services import mentions
from profiles.services.notes import usable_text

if TYPE_CHECKING:
    from company.types import Agent

MENTIONED = gettext_noop("%(who)s mentioned you on the wall, about %(customer)s")


class NotYourComment(DomainError):
    """The agent may not read the fact or write there, or the comment is somebody else's."""

    code = "not_your_comment"


@transaction.atomic
def comment(fact_id: int, *, text: str, by: Agent, at: datetime | None = None) -> WallComment:
    """Say something under a fact which the agent may read.

    Raises NotYourComment, UnusableText; publishes WallCommented and tells whom the text mentions.
    """
    moment = at or now()
    fact = wall.facts_for(by).filter(pk=fact_id).first()
    if fact is None or not company.may(by, WRITE, shop_id=fact.shop_id):
        raise NotYourComment(_("You may not comment on this."))
    words = usable_text(text)
    row = WallComment.objects.create(
        event=fact,
        author_id=by.pk,
        text=words,
        mentions=mentions.mentioned_in(words, shop_id=fact.shop_id or 0),
        created_at=moment,
    )
    _publish(row, fact, by=by, at=moment)
    _tell(row, fact, by=by, at=moment)
    return row


@transaction.atomic
def remove_comment(comment_id: int, *, by: Agent, at: datetime | None = None) -> WallComment:
    """Take an own comment away; restore_comment brings it back. A second time changes nothing.

    Raises WallComment.DoesNotExist, NotYourComment; publishes WallCommented.
    """
    return _set_removed(comment_id, removed_at=at or now(), by=by, at=at or now())


@transaction.atomic
def restore_comment(comment_id: int, *, by: Agent, at: datetime | None = None) -> WallComment:
    """Bring an own comment back.

    Raises WallComment.DoesNotExist, NotYourComment; publishes WallCommented.
    """
    return _set_removed(comment_id, removed_at=None, by=by, at=at or now())


def _set_removed(
    comment_id: int, *, removed_at: datetime | None, by: Agent, at: datetime
) -> WallComment:
    rows = WallComment.objects.select_for_update(of=("self",)).select_related("event")
    row = rows.get(pk=comment_id)
    if row.author_id != by.pk or not wall.facts_for(by).filter(pk=row.event_id).exists():
        raise NotYourComment(_("Only the author changes a comment."))
    if (row.removed_at is None) != (removed_at is None):
        row.removed_at = removed_at
        row.save(update_fields=["removed_at"])
        _publish(row, row.event, by=by, at=at)
    return row


def _publish(row: WallComment, fact: EventRecord, *, by: Agent, at: datetime) -> None:
    outbox.publish(
        WallCommented(
            fact_id=fact.pk, shop_id=fact.shop_id or 0, comment_id=row.pk, agent_id=by.pk
        ),
        at=at,
    )


def _tell(row: WallComment, fact: EventRecord, *, by: Agent, at: datetime) -> None:
    others = [agent_id for agent_id in row.mentions if agent_id != by.pk]
    if not others:
        return
    mentions.tell(
        others,
        title_key=MENTIONED,
        values={"who": by.name, "customer": queries.card(fact.profile_id or 0).name},
        url=reverse("profiles:wall") + f"?fact={fact.pk}",
        about=f"comment:{row.pk}",
        at=at,
    )
