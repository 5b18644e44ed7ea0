"""The criteria which profiles itself offers to segments."""

from __future__ import annotations

from profiles.extensions import criteria
from profiles.queries.criteria import deeds, groups, history, people


def register() -> None:
    """Fill our own registry."""
    for source in (people, history, deeds, groups):
        for criterion in source.all_criteria():
            criteria.register(criterion)
