"""The criteria which profiles itself offers to segments."""

from __future__ import annotations

from profiles.extensions import criteria
from profiles.queries.criteria import (
    addresses,
    consents,
    deeds,
    foresight,
    groups,
    history,
    knowledge,
    people,
)


def register() -> None:
    """Fill our own registry."""
    for source in (people, knowledge, consents, addresses, history, foresight, deeds, groups):
        for criterion in source.all_criteria():
            criteria.register(criterion)
