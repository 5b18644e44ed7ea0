"""Words and SQL which the declarations of our tables share."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

STRAIGHT_FROM = _("Made by us from your other data; it is made anew or falls away with it.")
SEARCHED = "~* ANY(%(patterns)s)"
EVENTS = (
    "SELECT e.id FROM kernel_eventrecord e WHERE e.profile_id = ANY(%(profiles)s)"
    " OR (e.profile_id IS NULL AND e.payload ->> 'profile_id' = ANY(%(profiles)s::bigint[]::text[]))"
)


def shop_name(column: str) -> str:
    """The name of the shop in this column."""
    return f"(SELECT s.name FROM company_shop s WHERE s.id = {column})"  # noqa: S608 - a column of ours
