"""Telling colleagues that somebody called them by name."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from backoffice import services as frame
from company import queries as company
from profiles import queries
from profiles.rules import mentions

KIND = "profiles.mentioned"


def mentioned_in(text: str, *, shop_id: int) -> list[int]:
    """The agents whom the text calls by name and who may see the shop's customers."""
    if "@" not in text:
        return []
    people = {agent.id: agent.name for agent in company.agents_with(queries.VIEW, shop_id=shop_id)}
    return mentions.mentioned(text, people)


@transaction.atomic(savepoint=False)
def tell(
    agent_ids: Iterable[int],
    *,
    title_key: str,
    values: dict[str, str | int],
    url: str,
    about: str,
    at: datetime,
) -> None:
    """Notify each agent once about this; `about` names the note or comment."""
    for agent_id in agent_ids:
        frame.notify(
            agent_id,
            kind=KIND,
            title_key=title_key,
            values=values,
            url=url,
            dedupe_key=f"mention:{about}",
            at=at,
        )
