"""Checking rules before they are counted or saved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from ecrm.kernel.errors import DomainError
from profiles import extensions
from profiles.queries import segments_compiling as compiling
from profiles.queries.segments_compiling import Library
from profiles.rules import segments as rules


class FaultyRules(DomainError):
    """The rules cannot be understood; `fields` says where and why, by JSON pointer."""

    code = "faulty_rules"
    status = 422


@dataclass(frozen=True, kw_only=True, slots=True)
class Checked:
    """Rules that can be used, and what follows from them."""

    tree: rules.Node
    facts: frozenset[str]
    uses: tuple[int, ...]


def checked(
    document: Any,
    *,
    shop_id: int | None = None,
    segment_id: int | None = None,
    others: Library | None = None,
) -> Checked:
    """The rules of a segment (`segment_id`, or a new one) of a shop or the company. Raises FaultyRules."""
    tree, faults = rules.read_tree(document, look_up=extensions.criteria.get)
    if tree is None:
        raise _faulty(faults)
    known = compiling.library() if others is None else others
    uses = rules.references(tree)
    for pointer, other_id in uses.items():
        if fault := _reference_fault(other_id, known, shop_id=shop_id, segment_id=segment_id):
            faults[f"{pointer}/segment"] = fault
    if not faults and compiling.size_of(tree, known_segments=known) > compiling.MOST_EXPANDED:
        text = _(
            "With the segments they speak of, these rules have more than %(number)s conditions."
        )
        faults[""] = text % {"number": compiling.MOST_EXPANDED}
    if faults:
        raise _faulty(faults)
    facts = compiling.facts_of(tree, known_segments=known)
    return Checked(tree=tree, facts=facts, uses=tuple(sorted(set(uses.values()))))


def _reference_fault(
    other_id: int, known: Library, *, shop_id: int | None, segment_id: int | None
) -> str:
    other = known.get(other_id)
    if other is None or other.shop_id != shop_id:
        return _("There is no such segment among those of the same shop.")
    if segment_id is None:
        return ""
    uses = {item.id: item.uses for item in known.values()} | {segment_id: (other_id,)}
    way = rules.way_round(segment_id, uses)
    if not way:
        return ""
    names = " → ".join(known[step].name if step in known else f"#{step}" for step in way)
    return _("The segment would contain itself: %(way)s.") % {"way": names}


def _faulty(faults: dict[str, str]) -> FaultyRules:
    return FaultyRules(_("The rules cannot be used as they are."), fields=faults)
