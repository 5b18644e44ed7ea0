"""Which tags there are, and who carries them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ecrm.kernel.prepared import Rows
from profiles.models import ProfileTag, Tag, TagChange
from profiles.rules import tags as rules

SUGGESTED = 8


_TAGS = Rows(
    "tags_of_profile",
    Tag,
    """
WHERE id IN (SELECT tag_id FROM profiles_profiletag WHERE profile_id = %(profile_id)s)
ORDER BY key
""",
)


def tags_of(profile_id: int) -> list[Tag]:
    """The tags of a customer by name. One query."""
    return _TAGS.all(profile_id=profile_id)


def names_of(profile_ids: Iterable[int]) -> dict[int, list[str]]:
    """The tags of many customers, by customer. One query."""
    rows = ProfileTag.objects.filter(profile_id__in=list(profile_ids)).order_by("tag__key")
    found: dict[int, list[str]] = {}
    for profile_id, name in rows.values_list("profile_id", "tag__name"):
        found.setdefault(profile_id, []).append(name)
    return found


def beginning_with(text: str) -> Sequence[str]:
    """The first tags in use that begin so, however it is written. One query."""
    rows = Tag.objects.filter(key__startswith=rules.key_of(text)).order_by("key")
    return list(rows.values_list("name", flat=True)[:SUGGESTED])


def all_names() -> list[str]:
    """Every tag by name. One query."""
    return list(Tag.objects.order_by("key").values_list("name", flat=True))


def change_of(change_id: int, *, agent_id: int) -> TagChange | None:
    """A bulk change of this agent. One query."""
    return TagChange.objects.filter(pk=change_id, agent_id=agent_id).first()
