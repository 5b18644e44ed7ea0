"""Looking at a few customers: which of many segments they are in, and when time alone may change it.

Each condition is asked once, however many segments speak of it; the groups are put together here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.db import connection

from profiles.extensions import Condition, Sql
from profiles.queries.criteria.sql import joined, sql
from profiles.queries.segments_compiling import LIVING, Compiler, Known, Library
from profiles.rules import segments as rules

# Each takes two columns; PostgreSQL knows 1664 of them in a row.
MOST_QUESTIONS = 400
# Once so many conditions ask for behaviour, one reading of a customer's is cheaper than one for each ...
MANY = 4
# ... as long as it is no more than this, and these are the few customers it is read for.
FEW_DEEDS = 5_000
FEW_PROFILES = 3


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a customer is in a segment, and when time alone may change that."""

    is_member: bool
    flips_at: datetime | None


Answers = Sequence[Verdict]


@dataclass(frozen=True, slots=True)
class Question:
    """One condition, by its number among all that are asked at once."""

    number: int


@dataclass(frozen=True, slots=True)
class Together:
    """Questions that hold together: `kind` is and, or, not."""

    kind: str
    parts: tuple[Asked, ...]


Asked = Question | Together
NOBODY = Together("or", ())


@dataclass(kw_only=True)
class Questions:
    """Every condition to ask, each once."""

    library: Library
    found: list[Condition] = field(default_factory=list)
    numbers: dict[tuple[Any, ...], int] = field(default_factory=dict)

    def of_segment(self, segment: Known, *, at: datetime) -> Asked:
        """What a segment asks of a customer, whether he may be in it at all included."""
        if segment.tree is None:
            return NOBODY
        compiler = Compiler(
            at=at,
            shop_id=segment.shop_id,
            is_single=True,
            library=self.library,
            inside=frozenset({segment.id}),
        )
        known = self._number(("everybody", segment.shop_id), Condition(test=compiler.everybody()))
        return Together("and", (known, self._node(segment.tree, compiler)))

    def _node(self, node: rules.Node, compiler: Compiler) -> Asked:
        if isinstance(node, rules.Group):
            return Together(node.kind, tuple(self._node(part, compiler) for part in node.children))
        if node.criterion == rules.MEMBER:
            return self._member(node, compiler)
        key = (node.criterion, node.operator, repr(sorted(node.values.items())), compiler.shop_id)
        if key in self.numbers:
            return Question(self.numbers[key])
        return self._number(key, compiler.leaf(node))

    def _member(self, leaf: rules.Leaf, compiler: Compiler) -> Asked:
        """Another segment's own questions; a list is asked for like any condition."""
        segment_id = leaf.values["segment"]
        other = self.library.get(segment_id)
        found: Asked = NOBODY
        if other is not None and segment_id not in compiler.inside:
            if other.is_list:
                found = self._number(("list", segment_id), compiler.member(segment_id))
            elif other.tree is not None:
                inside = compiler.inside | {segment_id}
                found = self._node(other.tree, replace(compiler, inside=inside))
        return found if leaf.operator == "in" else Together("not", (found,))

    def _number(self, key: tuple[Any, ...], condition: Condition) -> Question:
        if key not in self.numbers:
            self.numbers[key] = len(self.found)
            self.found.append(condition)
        return Question(self.numbers[key])


def verdicts(
    segments: Collection[Known], profile_ids: Collection[int], *, at: datetime, others: Library
) -> dict[int, dict[int, Verdict]]:
    """By segment and profile; a statement for 400 conditions. Profiles that do not exist are left out."""
    questions = Questions(library=others)
    wanted = {
        segment.id: questions.of_segment(segment, at=at)
        for segment in segments
        if segment.tree is not None
    }
    if not wanted or not profile_ids:
        return {segment_id: {} for segment_id in wanted}
    answers = _answers(questions.found, sorted(set(profile_ids)))
    return {
        segment_id: {profile_id: _judge(asked, found) for profile_id, found in answers.items()}
        for segment_id, asked in wanted.items()
    }


def _judge(asked: Asked, answers: Answers) -> Verdict:
    """What is not known to be true is false; the first moment that changes any answer counts."""
    if isinstance(asked, Question):
        return answers[asked.number]
    found = [_judge(part, answers) for part in asked.parts]
    moments = [verdict.flips_at for verdict in found if verdict.flips_at is not None]
    if asked.kind == "not":
        is_member = not found[0].is_member
    elif asked.kind == "and":
        is_member = all(verdict.is_member for verdict in found)
    else:
        is_member = any(verdict.is_member for verdict in found)
    return Verdict(is_member, min(moments, default=None))


def _answers(conditions: Sequence[Condition], profile_ids: Sequence[int]) -> Mapping[int, Answers]:
    found: dict[int, list[Verdict]] = {}
    for first in range(0, len(conditions), MOST_QUESTIONS):
        for row in _rows(_query(conditions[first : first + MOST_QUESTIONS], profile_ids)):
            is_living, answers = row[1], iter(row[2:])
            # Whoever is nobody any more never comes back by time.
            found.setdefault(row[0], []).extend(
                Verdict(is_true, flips_at if is_living else None)
                for is_true, flips_at in zip(answers, answers, strict=True)
            )
    return found


def _query(conditions: Sequence[Condition], profile_ids: Sequence[int]) -> Sql:
    columns = []
    for condition in conditions:
        columns.append(sql("({}) IS TRUE", condition.test))
        columns.append(sql("({})::timestamptz", condition.flip or Sql("NULL")))
    query = sql(
        "SELECT p.id, {}, {} FROM profiles_profile p WHERE p.id = ANY({}::bigint[])",
        LIVING,
        joined(", ", columns),
        list(profile_ids),
    )
    return sql("{}{}", _read_once(query, profile_ids), query)


_DEEDS = "profiles_activity"
_READ_ONCE = """
WITH profiles_activity AS MATERIALIZED (
    SELECT * FROM {} a WHERE a.profile_id = ANY({}::bigint[])
)
"""
_COUNT_DEEDS = """
SELECT count(*) FROM (SELECT 1 FROM profiles_activity WHERE profile_id = ANY({}::bigint[]) LIMIT {}) a
"""


def _read_once(query: Sql, profile_ids: Sequence[int]) -> Sql:
    """What these customers did, read beforehand under the table's own name, where that pays.

    A year of behaviour lies in more than a dozen partitions: each condition would look into all of them.
    """
    asks = query.text.count(f"FROM {_DEEDS}")
    if asks < MANY or len(profile_ids) > FEW_PROFILES:
        return Sql("")
    ids = list(profile_ids)
    ((number,),) = _rows(sql(_COUNT_DEEDS, ids, FEW_DEEDS + 1))
    if number > FEW_DEEDS:
        return Sql("")
    return sql(_READ_ONCE, Sql(_DEEDS), ids)


def _rows(query: Sql) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query.text, query.params)
        return list(cursor.fetchall())
