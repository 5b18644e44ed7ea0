"""Asking for words: is, is one of, contains, begins with, is known at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from django.utils.translation import gettext_lazy as _

from profiles.extensions import Asked, Condition, Input, Operator, Sql, ValueKind
from profiles.queries.criteria.moments import IS_NOT_SET, IS_SET
from profiles.queries.criteria.sql import sql

Choices = Callable[[], Sequence[tuple[str, str]]]


def choice_operators(choices: Choices, *, is_open: bool = False) -> tuple[Operator, ...]:
    """The ways of asking for one of several values."""
    one = Input(kind=ValueKind.CHOICE, choices=choices, is_open=is_open)
    several = Input(kind=ValueKind.TEXTS, choices=choices, is_open=is_open)
    return (
        Operator(key="is", label=_("is"), inputs=(one,)),
        Operator(key="is_not", label=_("is not"), inputs=(one,)),
        Operator(key="one_of", label=_("is one of"), inputs=(several,)),
        IS_SET,
        IS_NOT_SET,
    )


_WORDS = Input(kind=ValueKind.TEXT)
TEXTS = (
    Operator(key="is", label=_("is"), inputs=(_WORDS,)),
    Operator(key="is_not", label=_("is not"), inputs=(_WORDS,)),
    Operator(key="one_of", label=_("is one of"), inputs=(Input(kind=ValueKind.TEXTS),)),
    Operator(key="contains", label=_("contains"), inputs=(_WORDS,)),
    Operator(key="starts_with", label=_("begins with"), inputs=(_WORDS,)),
    IS_SET,
    IS_NOT_SET,
)


def test(text: Sql, asked: Asked) -> Sql:
    """What the operator asks of this text (an expression), whatever the case of its letters."""
    if asked.operator == "is_set":
        return sql("{} > ''", text)
    if asked.operator == "is_not_set":
        return sql("coalesce({}, '') = ''", text)
    folded = sql("lower({})", text)
    if asked.operator == "one_of":
        return sql("{} IN (SELECT lower(w) FROM unnest({}::text[]) w)", folded, asked.value)
    wanted = sql("lower({})", asked.value)
    texts = {
        "is": "{} = {}",
        "is_not": "{} IS DISTINCT FROM {}",
        "contains": "strpos({}, {}) > 0",
        "starts_with": "starts_with({}, {})",
    }
    return sql(texts[asked.operator], folded, wanted)


def code_test(code: Sql, asked: Asked) -> Sql:
    """The same for codes, which are compared as they are, so that an index helps."""
    if asked.operator in ("is_set", "is_not_set"):
        return test(code, asked)
    if asked.operator == "one_of":
        return sql("{} = ANY({})", code, list(asked.value))
    return sql("{} = {}" if asked.operator == "is" else "{} IS DISTINCT FROM {}", code, asked.value)


def of_column(column: str, asked: Asked) -> Condition:
    """What is asked of a text column of the profile."""
    text = Sql(column)
    return Condition(test=test(text, asked), value=text)


def of_code(column: str, asked: Asked) -> Condition:
    """What is asked of a column of the profile that holds a code."""
    code = Sql(column)
    return Condition(test=code_test(code, asked), value=code)
