"""Statements that PostgreSQL parses and plans once per connection, for the few on the hottest paths.

Half of what a short INSERT costs the server is reading its text and planning it. A statement named here is
prepared at its first use on a connection and executed by name from then on. Behind a pooler that hands out
connections per transaction, set ECRM_PREPARED_STATEMENTS=0: the same text then goes out whole each time.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from weakref import WeakKeyDictionary

from django.conf import settings
from django.db import connection
from django.db.models import Model

if TYPE_CHECKING:
    from django.db.backends.utils import CursorWrapper

Kind = TypeVar("Kind", bound=Model)
PARAMETER = re.compile(r"%\((\w+)\)s(::\w+(?:\[\])?)?")

_prepared: WeakKeyDictionary[Any, set[str]] = WeakKeyDictionary()
_Answers = dict[tuple[str, ...], list[tuple[Any, ...]]]
_answers: ContextVar[_Answers | None] = ContextVar("answers", default=None)


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
        if not settings.ECRM_PREPARED_STATEMENTS:
            cursor.execute(first + self.sql, values)
            return
        known = _prepared.setdefault(connection.connection, set())
        if self.name not in known:
            cursor.execute(self._prepare)
            known.add(self.name)
        cursor.execute(first + self._execute, values)

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
        with connection.cursor() as cursor:
            self.execute(cursor, values)
            return list(cursor.fetchall())

    @cached_property
    def _casts(self) -> dict[str, str]:
        """Each parameter, in the order of their numbers, with its cast or nothing."""
        found: dict[str, str] = {}
        for name, cast in PARAMETER.findall(self.sql):
            found[name] = found.get(name) or cast
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
        return [self._model.from_db(connection.alias, self._fields, row) for row in rows]
