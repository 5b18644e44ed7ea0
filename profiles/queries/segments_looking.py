"""Looking at a few customers: which of many segments they are in, and when time alone may change it.

Each condition is asked once, however many segments speak of it; the groups are put together here.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.db import connection

from profiles.extensions import Condition, Sql, holdings
from profiles.queries.criteria.sql import NOTHING, joined, sql
from profiles.queries.segments_compiling import LIVING, Compiler, Known, Library
from profiles.rules import segments as rules

# Each takes two columns; PostgreSQL knows 1664 of them in a row.
MOST_QUESTIONS = 400
# Once so many conditions read a table, one reading of a customer's rows is cheaper than one for each ...
MANY = 4
# ... as long as these are no more than this, and the customers few.
FEW_ROWS = 5_000
FEW_PROFILES = 3
_TABLES = re.compile(r"(?:FROM|JOIN) (\w+)")


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


def _read_once(query: Sql, profile_ids: Sequence[int]) -> Sql:
    """What is known of these customers, read beforehand under the tables' own names, where that pays.

    PostgreSQL plans a condition on rows that lie ready in a fraction of the time: a year of behaviour
    alone lies in more than a dozen partitions, with several indexes each.
    """
    tables = _asked_often(query.text)
    if not tables or len(profile_ids) > FEW_PROFILES:
        return NOTHING
    ids = list(profile_ids)
    few = "(SELECT count(*) FROM (SELECT 1 FROM {} WHERE {} = ANY({}::bigint[]) LIMIT {}) t)"
    counts = (sql(few, Sql(t), Sql(c), ids, FEW_ROWS + 1) for t, c in tables.items())
    (numbers,) = _rows(sql("SELECT {}", joined(", ", counts)))
    whole = "{} AS MATERIALIZED (SELECT * FROM {} WHERE {} = ANY({}::bigint[]))"
    ready = [
        sql(whole, Sql(table), Sql(table), Sql(column), ids)
        for (table, column), number in zip(tables.items(), numbers, strict=True)
        if number <= FEW_ROWS
    ]
    return sql("WITH {} ", joined(", ", ready)) if ready else NOTHING


def _asked_often(text: str) -> dict[str, str]:
    """The tables that hold something about customers which many conditions read, with their column."""
    words = Counter(_TABLES.findall(text))
    columns = {item.table: item.column for item in holdings.all() if item.column == "profile_id"}
    return {table: columns[table] for table in sorted(columns) if words[table] >= MANY}


def _rows(query: Sql) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query.text, query.params)
        return list(cursor.fetchall())
