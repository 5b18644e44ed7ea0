"""Moving the rows of one profile to another, and back: a few statements per table, whatever its size.

Everything a merge touches is written into the journal (`MergeEntry`) in the same statement: which rows
moved, and how those looked that were changed or removed. Table and column names come from the registry
of holdings, never from outside.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from django.db import connection

from profiles.extensions import Combine, Holding, Unique, holdings
from profiles.rules import merging as rules

_PROFILE = "profiles.profile"
# A person's own row: gaps are filled, times widen. The merged one only becomes a signpost.
_COLUMNS = tuple(column for columns in rules.DETAILS.values() for column in columns)
_COMBINED = {
    Combine.FIRST: "CASE WHEN {empty} THEN g.{c} ELSE k.{c} END",
    Combine.SUM: "k.{c} + g.{c}",
    Combine.LEAST: "least(k.{c}, g.{c})",
    Combine.GREATEST: "greatest(k.{c}, g.{c})",
}


def moving() -> list[Holding]:
    """What a merge moves, upper modules first."""
    found = [holding for holding in holdings.all() if not holding.stays]
    return sorted(found, key=lambda holding: (holding.order, holding.key))


def move(
    merge_id: int, *, merged_id: int, survivor_id: int, taken: Collection[str] = ()
) -> dict[str, int]:
    """Give everything of one profile to the other. Returns how many rows of each holding moved.

    `taken` are the choices (profiles.rules.merging) in which the one who goes is right.
    """
    _join_details(merge_id, merged_id=merged_id, survivor_id=survivor_id, taken=taken)
    return gather(merge_id, merged_id=merged_id, survivor_id=survivor_id, taken=taken)


def gather(
    merge_id: int, *, merged_id: int, survivor_id: int, taken: Collection[str] = ()
) -> dict[str, int]:
    """Move whatever the merged profile owns now: everything at first, later only stragglers."""
    moved: dict[str, int] = {}
    for holding in moving():
        count = 0
        if holding.unique is not None:
            chosen = rules.attributes_in(taken) if holding.unique.row_choice else []
            if chosen:
                _prefer(merge_id, holding, holding.unique, (merged_id, survivor_id), chosen)
            count += _combine(merge_id, holding, holding.unique, (merged_id, survivor_id), taken)
        count += _move(merge_id, holding, merged_id, survivor_id)
        if count:
            moved[holding.key] = count
    return moved


def has_rows(profile_id: int) -> bool:
    """True when anything that moves points at the profile."""
    parts = " UNION ALL ".join(
        f"(SELECT 1 FROM {holding.table} WHERE {holding.column} = %s LIMIT 1)"  # noqa: S608 - names from the registry
        for holding in moving()
    )
    return bool(_rows(f"SELECT EXISTS ({parts})", *[profile_id] * len(moving()))[0][0])


def move_back(merge_id: int, *, merged_id: int, survivor_id: int) -> None:
    """Undo what the journal says, newest module last, and forget it.

    Sums are what they were: whoever calls must have them counted anew, because what they add up may
    have changed since without changing the sum.
    """
    for holding in reversed(moving()):
        _move_back(merge_id, holding, merged_id, survivor_id)
        if holding.unique is not None:
            restore = _restore if holding.is_sum else _divide
            restore(merge_id, holding.key, holding.table, holding.unique.combine)
            _bring_back(merge_id, holding)
    _part_details(merge_id)
    _run("DELETE FROM profiles_mergeentry WHERE merge_id = %s", merge_id)


# --- There ----------------------------------------------------------------------------------------


def _move(merge_id: int, holding: Holding, merged_id: int, survivor_id: int) -> int:
    return _run(
        f"""
        WITH moved AS (
            UPDATE {holding.table} t SET {holding.column} = %s WHERE t.{holding.column} = %s
            RETURNING t.id
        )
        INSERT INTO profiles_mergeentry (merge_id, holding, kind, row_id)
        SELECT %s, %s, 'moved', id FROM moved
        """,  # noqa: S608 - names from the registry
        survivor_id,
        merged_id,
        merge_id,
        holding.key,
    )


def _prefer(
    merge_id: int, holding: Holding, unique: Unique, pair: tuple[int, int], chosen: Sequence[int]
) -> None:
    """Remove the survivor's row where an agent chose that of the other, which then simply moves."""
    merged_id, survivor_id = pair
    same = " AND ".join(f"k.{c} IS NOT DISTINCT FROM g.{c}" for c in unique.columns)
    _run(
        f"""
        WITH removed AS (
            DELETE FROM {holding.table} k USING {holding.table} g
            WHERE k.{holding.column} = %s AND g.{holding.column} = %s AND {same}
              AND k.{unique.columns[0]} = ANY(%s)
            RETURNING k.id, to_jsonb(k) AS row
        )
        INSERT INTO profiles_mergeentry (merge_id, holding, kind, row_id, before)
        SELECT %s, %s, 'removed', id, row FROM removed
        """,  # noqa: S608 - names from the registry
        survivor_id,
        merged_id,
        list(chosen),
        merge_id,
        holding.key,
    )


def _combine(
    merge_id: int,
    holding: Holding,
    unique: Unique,
    pair: tuple[int, int],
    taken: Collection[str],
) -> int:
    """Where both have a row of which there may be one: change the survivor's, remove the other.

    Returns how many. Both happen on the same snapshot, in one statement.
    """
    merged_id, survivor_id = pair
    table, column = holding.table, holding.column
    same = " AND ".join(f"k.{c} IS NOT DISTINCT FROM g.{c}" for c in unique.columns)
    changes = ", ".join(
        f"{c} = g.{c}" if unique.choices.get(c) in taken else f"{c} = {_combined(c, how)}"
        for c, how in unique.combine.items()
    )
    changes = changes or f"{column} = k.{column}"
    return _run(
        f"""
        WITH pair AS (
            SELECT k.id AS kept_id, g.id AS gone_id, to_jsonb(k) AS kept, to_jsonb(g) AS gone
            FROM (SELECT * FROM {table} WHERE {column} = %s AND {unique.condition}) k
            JOIN (SELECT * FROM {table} WHERE {column} = %s AND {unique.condition}) g ON {same}
        ), changed AS (
            UPDATE {table} t SET {changes} FROM pair, {table} k, {table} g
            WHERE t.id = pair.kept_id AND k.id = pair.kept_id AND g.id = pair.gone_id
            RETURNING t.id, to_jsonb(t) AS after
        ), removed AS (
            DELETE FROM {table} t USING pair WHERE t.id = pair.gone_id RETURNING t.id
        ), noted AS (
            INSERT INTO profiles_mergeentry (merge_id, holding, kind, row_id, before, after)
            SELECT %s, %s, 'changed', pair.kept_id, pair.kept, changed.after
            FROM pair JOIN changed ON changed.id = pair.kept_id
        )
        INSERT INTO profiles_mergeentry (merge_id, holding, kind, row_id, before)
        SELECT %s, %s, 'removed', pair.gone_id, pair.gone
        FROM pair JOIN removed ON removed.id = pair.gone_id
        """,  # noqa: S608 - names from the registry
        survivor_id,
        merged_id,
        merge_id,
        holding.key,
        merge_id,
        holding.key,
    )


def _combined(column: str, how: Combine) -> str:
    return _COMBINED[how].format(c=column, empty=f"coalesce(k.{column}::text, '') = ''")


def _detail(choice: str, column: str, *, is_taken: bool) -> str:
    """What a column of a person's own row becomes: the right one's, or the other's where he is silent.

    A name and a place are taken whole: never the first name of one with the last name of the other.
    """
    right, other = ("g", "k") if is_taken else ("k", "g")
    columns = ("search_name",) if choice == "name" else rules.DETAILS[choice]
    silent = " AND ".join(f"coalesce({right}.{c}::text, '') = ''" for c in columns)
    return f"{column} = CASE WHEN {silent} THEN {other}.{column} ELSE {right}.{column} END"


def _join_details(
    merge_id: int, *, merged_id: int, survivor_id: int, taken: Collection[str]
) -> None:
    """Fill the survivor's gaps, widen his times, and make the other a signpost to him."""
    parts = [
        _detail(choice, column, is_taken=choice in taken)
        for choice, columns in rules.DETAILS.items()
        for column in columns
    ]
    changed = """
        INSERT INTO profiles_mergeentry (merge_id, holding, kind, row_id, before, after)
        SELECT %s, %s, 'changed', was.id, was.row, changed.after
        FROM changed JOIN was ON was.id = changed.id
        """
    _run(
        f"""
        WITH was AS (SELECT id, to_jsonb(p) AS row FROM profiles_profile p WHERE id = %s),
        changed AS (
            UPDATE profiles_profile t SET {", ".join(parts)},
                first_seen_at = least(k.first_seen_at, g.first_seen_at),
                last_seen_at = greatest(k.last_seen_at, g.last_seen_at)
            FROM profiles_profile k, profiles_profile g
            WHERE t.id = %s AND k.id = t.id AND g.id = %s
            RETURNING t.id, to_jsonb(t) AS after
        ) {changed}
        """,  # noqa: S608 - names from this file
        survivor_id,
        survivor_id,
        merged_id,
        merge_id,
        _PROFILE,
    )
    _run(
        f"""
        WITH was AS (SELECT id, to_jsonb(p) AS row FROM profiles_profile p WHERE id = %s),
        changed AS (
            UPDATE profiles_profile t SET merged_into_id = %s WHERE id = %s
            RETURNING t.id, to_jsonb(t) AS after
        ) {changed}
        """,  # noqa: S608 - names from this file
        merged_id,
        survivor_id,
        merged_id,
        merge_id,
        _PROFILE,
    )


# --- And back -------------------------------------------------------------------------------------


def _move_back(merge_id: int, holding: Holding, merged_id: int, survivor_id: int) -> None:
    """Return the moved rows as they are now; what somebody gave to a third person stays there."""
    _run(
        f"""
        UPDATE {holding.table} t SET {holding.column} = %s FROM profiles_mergeentry e
        WHERE e.merge_id = %s AND e.holding = %s AND e.kind = 'moved' AND t.id = e.row_id
          AND t.{holding.column} = %s
        """,  # noqa: S608 - names from the registry
        merged_id,
        merge_id,
        holding.key,
        survivor_id,
    )


_CHANGED = """(
    SELECT e.row_id, (array_agg(e.before ORDER BY e.id))[1] AS before,
           (array_agg(e.after ORDER BY e.id DESC))[1] AS after
    FROM profiles_mergeentry e
    WHERE e.merge_id = %s AND e.holding = %s AND e.kind = 'changed' GROUP BY e.row_id
)"""


def _divide(merge_id: int, key: str, table: str, columns: Iterable[str]) -> None:
    """Give changed rows their old values, column by column, where nobody has changed them since."""
    changes = ", ".join(
        f"{c} = CASE WHEN t.{c} IS NOT DISTINCT FROM a.{c} THEN b.{c} ELSE t.{c} END"
        for c in columns
    )
    _rewrite(merge_id, key, table, changes)


def _restore(merge_id: int, key: str, table: str, columns: Iterable[str]) -> None:
    """Give changed rows their old values, whatever they are now: they are counted anew next."""
    _rewrite(merge_id, key, table, ", ".join(f"{c} = b.{c}" for c in columns))


def _rewrite(merge_id: int, key: str, table: str, changes: str) -> None:
    if not changes:
        return
    _run(
        f"""
        UPDATE {table} t SET {changes}
        FROM {_CHANGED} e,
             jsonb_populate_record(NULL::{table}, e.before) b,
             jsonb_populate_record(NULL::{table}, e.after) a
        WHERE t.id = e.row_id
        """,  # noqa: S608 - names from the registry
        merge_id,
        key,
    )


def _bring_back(merge_id: int, holding: Holding) -> None:
    """Insert the removed rows again; a straggler that was a double of one of them stays away."""
    _run(
        f"""
        INSERT INTO {holding.table}
        SELECT was.* FROM profiles_mergeentry e,
             jsonb_populate_record(NULL::{holding.table}, e.before) was
        WHERE e.merge_id = %s AND e.holding = %s AND e.kind = 'removed' ORDER BY e.id
        ON CONFLICT DO NOTHING
        """,  # noqa: S608 - names from the registry
        merge_id,
        holding.key,
    )


def _part_details(merge_id: int) -> None:
    columns = (*_COLUMNS, "merged_into_id", "first_seen_at", "last_seen_at")
    _divide(merge_id, _PROFILE, "profiles_profile", columns)


def _run(sql: str, *values: Any) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return int(cursor.rowcount)


def _rows(sql: str, *values: Any) -> Sequence[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return list(cursor.fetchall())
