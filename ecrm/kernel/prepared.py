"""Statements that PostgreSQL parses and plans once per connection, for the few on the hottest paths.

Half of what a short INSERT costs the server is reading its text and planning it. A statement named here is
prepared at its first use on a connection and executed by name from then on. Behind a pooler that hands out
connections per transaction, set ECRM_PREPARED_STATEMENTS=0: the same text then goes out whole each time.

A plan made while its tables were small may read them whole when they have grown. So the plans of a connection
are made anew each time it has executed twice as many statements: often while it is young, hardly ever later.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import Model

if TYPE_CHECKING:
    from django.db.backends.utils import CursorWrapper

    from ecrm.kernel.database.base import DatabaseWrapper

Kind = TypeVar("Kind", bound=Model)
PARAMETER = re.compile(r"%\((\w+)\)s(::\w+(?:\[\])?)?")

_unsent: ContextVar[list[bytes] | None] = ContextVar("unsent", default=None)
_Answers = dict[tuple[str, ...], list[tuple[Any, ...]]]
_answers: ContextVar[_Answers | None] = ContextVar("answers", default=None)


def _database() -> DatabaseWrapper:
    """This thread's connection itself: looking it up behind Django's proxy costs something each time."""
    return cast("DatabaseWrapper", connections[DEFAULT_DB_ALIAS])


def shared_cursor() -> CursorWrapper:
    """The cursor for statements whose answer is read before the next one runs; nobody closes it."""
    return _database().shared_cursor()


class Statement:
    """SQL with `%(name)s` parameters, cast (`%(ids)s::bigint[]`) where their place does not tell the type."""

    def __init__(self, name: str, sql: str) -> None:
        self.name = f"ecrm_{name}"
        self.sql = sql

    def execute(self, cursor: CursorWrapper, values: Mapping[str, Any], *, after: str = "") -> None:
        """Run it on Django's cursor with these values, in one trip with the statement it comes `after`.

        Each of the two sees what was committed when it began.
        """
        first = f"{after}; " if after else ""
        cursor.execute(first + self._ready_on(cursor), values)

    def _ready_on(self, cursor: CursorWrapper) -> str:
        """The text that executes it, once the connection knows its name."""
        if not settings.ECRM_PREPARED_STATEMENTS:
            return self.sql
        session = cast("DatabaseWrapper", cursor.db).session
        if self.name not in session.known:
            cursor.execute(self._prepare)
            session.known.add(self.name)
        return f"DISCARD PLANS; {self._execute}" if session.needs_new_plans() else self._execute

    def send(self, values: Mapping[str, Any]) -> None:
        """Run it without an answer; within `one_trip` at the end of the block."""
        cursor, unsent = shared_cursor(), _unsent.get()
        if unsent is None:
            self.execute(cursor, values)
        else:
            unsent.append(cursor.mogrify(self._ready_on(cursor), values))

    def rows(self, **values: Any) -> list[tuple[Any, ...]]:
        """Everything it finds with these values, at a tenth of what building the query anew would cost."""
        answers = _answers.get()
        if answers is None:
            return self._ask(values)
        question = (self.name, *map(repr, values.values()))
        if question not in answers:
            answers[question] = self._ask(values)
        return list(answers[question])

    def _ask(self, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        cursor = shared_cursor()
        self.execute(cursor, values)
        return list(cursor.fetchall())

    @cached_property
    def _casts(self) -> dict[str, str]:
        """Each parameter, in the order of their numbers, with its cast or nothing."""
        found: dict[str, str] = {}
        for name, suffix in PARAMETER.findall(self.sql):
            found[name] = found.get(name) or suffix
        return found

    @cached_property
    def _prepare(self) -> str:
        numbers = {name: number for number, name in enumerate(self._casts, start=1)}
        text = PARAMETER.sub(lambda found: f"${numbers[found[1]]}{found[2] or ''}", self.sql)
        return f"PREPARE {self.name} AS {text}"

    @cached_property
    def _execute(self) -> str:
        values = ", ".join(f"%({name})s{cast}" for name, cast in self._casts.items())
        return f"EXECUTE {self.name}({values})" if values else f"EXECUTE {self.name}"


@contextmanager
def asked_once() -> Iterator[None]:
    """Within the block the same statement with the same values runs once: for a page of many parts.

    Such a page only reads; what it wrote itself, it might not see.
    """
    token = _answers.set({})
    try:
        yield
    finally:
        _answers.reset(token)


@contextmanager
def one_trip() -> Iterator[None]:
    """What is sent within the block goes to the database at its end, in its order and at once.

    For services on hot paths: each trip costs as much as a short statement. When the block fails, nothing is
    sent; its transaction is to be rolled back.
    """
    unsent: list[bytes] = []
    token = _unsent.set(unsent)
    try:
        yield
    finally:
        _unsent.reset(token)
    if unsent:
        shared_cursor().execute(b"; ".join(unsent).decode())


def numbers(values: Iterable[int]) -> str:
    """Whole numbers as one text for an array (`%(ids)s::bigint[]`).

    A list goes out as an expression of its elements, each of which the server parses and evaluates.
    """
    return f"{{{','.join(map(str, values))}}}"


def texts(values: Iterable[str]) -> str:
    """Texts as one text for an array (`%(words)s::text[]`)."""
    return "{" + ",".join([f'"{_quoted(value)}"' for value in values]) + "}"


def _quoted(value: str) -> str:
    if "\\" in value or '"' in value:
        return value.replace("\\", "\\\\").replace('"', '\\"')
    return value


class Rows(Generic[Kind]):
    """Rows of one model, found by what follows the SELECT: for those that every page asks for.

    Fields `without` which they come are read when somebody looks at them, as those that are deferred.
    """

    def __init__(
        self, name: str, model: type[Kind], clauses: str, *, without: Collection[str] = ()
    ) -> None:
        meta = model._meta  # noqa: SLF001 - Django's documented way to a model's fields
        fields = [field for field in meta.concrete_fields if field.name not in without]
        if changed := [field.name for field in fields if hasattr(field, "from_db_value")]:
            raise TypeError(f"{changed} need more than what the database gives.")
        self._model, self._fields = model, [field.attname for field in fields]
        columns = ", ".join(f'"{field.column}"' for field in fields)
        self._statement = Statement(name, f"SELECT {columns} FROM {meta.db_table} {clauses}")  # noqa: S608 - no value in it

    def all(self, **values: Any) -> list[Kind]:
        """The rows found with these values."""
        rows = self._statement.rows(**values)
        return [self._model.from_db(DEFAULT_DB_ALIAS, self._fields, row) for row in rows]
