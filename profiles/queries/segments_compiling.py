"""From rules to SQL: one text for the set of all customers, for a handful of them, and for why."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from itertools import islice
from typing import Any

from django.conf import settings
from django.db import connection

from profiles import extensions
from profiles.extensions import Asked, Condition, Sql
from profiles.models import Segment
from profiles.queries.criteria.sql import FALSE, NOTHING, earliest, joined, sql
from profiles.rules import segments as rules

# Whoever was merged away or erased is nobody any more.
LIVING = Sql("p.merged_into_id IS NULL AND p.erased_at IS NULL")
# More conditions than this in a segment and all the segments it speaks of would be a plan by itself.
MOST_EXPANDED = 400


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """A segment that rules may speak of: its tree, or None for a list, and its shop."""

    id: int
    name: str
    kind: str
    shop_id: int | None
    tree: rules.Node | None
    facts: frozenset[str] = frozenset()
    uses: tuple[int, ...] = ()

    @property
    def is_list(self) -> bool:
        """Whether somebody put its members there by hand."""
        return self.kind == Segment.Kind.STATIC


Library = Mapping[int, Known]


def library() -> dict[int, Known]:
    """Every segment in use, in one query; rules that were read before are not read again."""
    with connection.cursor() as cursor:
        cursor.execute(_LIBRARY)
        rows = cursor.fetchall()
    return {
        pk: Known(
            id=pk,
            name=name,
            kind=kind,
            shop_id=shop_id,
            tree=_tree(text) if text is not None else None,
            facts=frozenset(facts),
            uses=tuple(uses),
        )
        for pk, name, kind, shop_id, text, facts, uses in rows
    }


_LIBRARY = """
SELECT id, name, kind, shop_id, rules::text, facts, uses FROM profiles_segment
WHERE archived_at IS NULL
"""


@lru_cache(maxsize=2000)
def _tree(text: str) -> rules.Node | None:
    """Stored rules are checked rules: the same text is the same tree for ever."""
    return _read(json.loads(text))


def _read(document: Any) -> rules.Node | None:
    tree, _faults = rules.read_tree(document, look_up=extensions.criteria.get, is_stored=True)
    return tree


def known(row: Segment) -> Known:
    """A segment as rules may speak of it."""
    return Known(
        id=row.pk,
        name=row.name,
        kind=row.kind,
        shop_id=row.shop_id,
        tree=_read(row.rules) if row.rules is not None else None,
        facts=frozenset(row.facts),
        uses=tuple(row.uses),
    )


@dataclass(frozen=True, kw_only=True)
class Compiler:
    """For whom, when and with which other segments rules are compiled. It is their Scope."""

    at: datetime
    shop_id: int | None = None
    is_single: bool = False
    library: Library = field(default_factory=dict)
    inside: frozenset[int] = frozenset()

    @property
    def time_zone(self) -> str:
        """Where days begin: one place for the whole company."""
        return str(settings.TIME_ZONE)

    def who(self, column: str) -> Sql:
        """AND the rows of `p` when a handful of customers is asked about."""
        return self.just(column) if self.is_single else NOTHING

    def just(self, column: str) -> Sql:
        """AND the rows of `p`."""
        return Sql(f" AND {column} = p.id")

    def shops(self, column: str) -> Sql:
        """AND the shop of the segment."""
        return sql(" AND {} = {}", Sql(column), self.shop_id) if self.shop_id else NOTHING

    def member(self, segment_id: int) -> Condition:
        """Membership of another segment: by its rules, or on its list."""
        other = self.library.get(segment_id)
        if other is None or segment_id in self.inside:
            return Condition(test=FALSE)
        if other.is_list:
            text = (
                "p.id IN (SELECT m.profile_id FROM profiles_listmember m WHERE m.segment_id = {}{})"
            )
            return Condition(test=sql(text, segment_id, self.who("m.profile_id")))
        if other.tree is None:
            return Condition(test=FALSE)
        inner = replace(self, inside=self.inside | {segment_id})
        return inner.tree(other.tree)

    def leaf(self, leaf: rules.Leaf) -> Condition:
        """One condition; nobody fulfils one whose criterion is gone."""
        criterion = extensions.criteria.get(leaf.criterion)
        if criterion is None:
            return Condition(test=FALSE)
        return criterion.compile(Asked(operator=leaf.operator, values=leaf.values), self)

    def tree(self, node: rules.Node) -> Condition:
        """A whole tree. What is not known to be true is false."""
        if isinstance(node, rules.Leaf):
            return self.leaf(node)
        parts = [self.tree(child) for child in node.children]
        flip = earliest(part.flip for part in parts)
        if node.kind == "not":
            return Condition(test=sql("(({}) IS NOT TRUE)", parts[0].test), flip=flip)
        word = " AND " if node.kind == "and" else " OR "
        tests = joined(word, (sql("({})", part.test) for part in parts))
        return Condition(test=sql("({})", tests), flip=flip)

    def everybody(self) -> Sql:
        """Who may be in a segment at all: living profiles, of its shop."""
        living = LIVING
        if self.shop_id is None:
            return living
        text = (
            "{} AND p.id IN"
            " (SELECT k.profile_id FROM profiles_profileshop k WHERE k.shop_id = {}{})"
        )
        return sql(text, living, self.shop_id, self.who("k.profile_id"))


def members(node: rules.Node, *, compiler: Compiler) -> Sql:
    """A query for the ids of everybody who fulfils the rules."""
    return sql(
        "SELECT p.id FROM profiles_profile p WHERE {} AND {}",
        compiler.everybody(),
        compiler.tree(node).test,
    )


# --- What may change a segment --------------------------------------------------------------------


def facts_of(node: rules.Node, *, known_segments: Library) -> frozenset[str]:
    """The names of the events that may change who fulfils the rules, other segments included."""
    found: set[str] = set()
    for leaf in _expanded(node, known_segments, frozenset()):
        criterion = extensions.criteria.get(leaf.criterion)
        if criterion is not None:
            asked = Asked(operator=leaf.operator, values=leaf.values)
            found |= criterion.facts_of(asked)
        if leaf.criterion == rules.MEMBER:
            found.add(list_fact(leaf.values["segment"]))
    return frozenset(found)


def size_of(node: rules.Node, *, known_segments: Library) -> int:
    """How many conditions the rules have, other segments included; counts to MOST_EXPANDED + 1."""
    found = islice(_expanded(node, known_segments, frozenset()), MOST_EXPANDED + 1)
    return sum(1 for _leaf in found)


def list_fact(segment_id: int) -> str:
    """What a change of a list is called."""
    return f"list:{segment_id}"


def _expanded(
    node: rules.Node, known_segments: Library, inside: frozenset[int]
) -> Iterator[rules.Leaf]:
    for leaf in rules.leaves(node):
        yield leaf
        segment_id = leaf.values.get("segment") if leaf.criterion == rules.MEMBER else None
        other = known_segments.get(segment_id) if segment_id else None
        if other is not None and other.tree is not None and other.id not in inside:
            yield from _expanded(other.tree, known_segments, inside | {other.id})


# --- Why ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reason:
    """One condition of a tree, for one customer: whether he fulfils it, and what we know of him."""

    leaf: rules.Leaf
    is_true: bool
    value: Any


def reasons(segment: Known, profile_id: int, *, at: datetime, others: Library) -> list[Reason]:
    """Every condition of a segment for one customer, in one statement; empty for lists."""
    if segment.tree is None:
        return []
    compiler = Compiler(
        at=at,
        shop_id=segment.shop_id,
        is_single=True,
        library=others,
        inside=frozenset({segment.id}),
    )
    found = list(rules.leaves(segment.tree))
    columns = []
    for leaf in found:
        condition = compiler.leaf(leaf)
        columns.append(sql("({}) IS TRUE", condition.test))
        columns.append(sql("to_jsonb({})", condition.value or Sql("NULL::text")))
    query = sql(
        "SELECT {} FROM profiles_profile p WHERE p.id = {}", joined(", ", columns), profile_id
    )
    with connection.cursor() as cursor:
        cursor.execute(query.text, query.params)
        rows = cursor.fetchall()
    if not rows:
        return []
    return [
        Reason(leaf, rows[0][2 * number], _loaded(rows[0][2 * number + 1]))
        for number, leaf in enumerate(found)
    ]


def _loaded(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value
