"""Rules, customers and a clock for the tests of segments."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from profiles.models import ListMember, Membership, Profile, Segment
from profiles.queries import segments_checking as checking
from profiles.queries import segments_compiling as compiling
from profiles.queries import segments_counting as counting
from profiles.queries import segments_looking as looking
from profiles.services import segments as editing
from profiles.services import segments_computing as computing
from profiles.services import segments_following as following


def rule(criterion: str, operator: str, value: Any = None, **more: Any) -> dict[str, Any]:
    """A condition; `value` is left out when it is None."""
    values = {} if value is None else {"value": value}
    return {"criterion": criterion, "operator": operator, **values, **more}


def all_of(*rules: dict[str, Any]) -> dict[str, Any]:
    return {"and": list(rules)}


def any_of(*rules: dict[str, Any]) -> dict[str, Any]:
    return {"or": list(rules)}


def none_of(*rules: dict[str, Any]) -> dict[str, Any]:
    return {"not": {"or": list(rules)}}


FROM_FRANCE = rule("profile.country", "is", "FR")


def full_set(rules: dict[str, Any], *, at: datetime, shop_id: int | None = None) -> set[int]:
    """Who fulfils rules, by the query about everybody."""
    found = checking.checked(rules, shop_id=shop_id)
    return set(counting.sample(found.tree, at=at, shop_id=shop_id, limit=1_000_000))


def single_set(rules: dict[str, Any], *, at: datetime, shop_id: int | None = None) -> set[int]:
    """Who fulfils rules, by the query about one customer after the other."""
    found = checking.checked(rules, shop_id=shop_id)
    known = compiling.Known(id=0, name="", kind="dynamic", shop_id=shop_id, tree=found.tree)
    others = compiling.library()
    members = set()
    for profile_id in Profile.objects.values_list("pk", flat=True):
        verdict = looking.verdicts([known], [profile_id], at=at, others=others)[0][profile_id]
        if verdict.is_member:
            members.add(profile_id)
    return members


def kept(segment: Segment) -> set[int]:
    """Who is kept as a member."""
    rows = Membership if segment.is_dynamic else ListMember
    return set(rows.objects.filter(segment=segment).values_list("profile_id", flat=True))


def make(rules: dict[str, Any] | None, *, at: datetime, name: str = "", **more: Any) -> Segment:
    """A segment, computed."""
    number = Segment.objects.count()
    segment = editing.create_segment(name or f"Segment {number}", rules=rules, at=at, **more)
    compute(at=at)
    segment.refresh_from_db()
    return segment


def compute(*, at: datetime) -> None:
    while computing.compute_next(at=at):
        pass


def keep_up(*, at: datetime) -> None:
    """What the loops do until nothing is left to do at this moment."""
    while any([following.follow(at=at), following.flip_due(at=at), computing.compute_next(at=at)]):
        pass


def pass_time(start: datetime, end: datetime, *, step: timedelta) -> Iterable[datetime]:
    """Moments up to the end, at each of which the loops ran."""
    moment = start
    while moment < end:
        moment = min(end, moment + step)
        keep_up(at=moment)
        yield moment
