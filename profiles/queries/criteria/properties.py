"""Asking for a property of a fact: whether it has one, what it says, what the numbers add up to."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from profiles.extensions import Asked, Input, Sql, ValueKind
from profiles.queries.criteria.sql import NOTHING, sql

_WAYS = (
    ("is", _("is")),
    ("is_not", _("is not")),
    ("contains", _("contains")),
    ("at_least", _("at least")),
    ("at_most", _("at most")),
)
INPUTS = (
    Input(key="property", kind=ValueKind.TEXT, before=_("with"), is_optional=True),
    Input(
        key="how",
        kind=ValueKind.CHOICE,
        label=_("is"),
        choices=lambda: [(key, str(label)) for key, label in _WAYS],
        is_optional=True,
    ),
    Input(key="is", kind=ValueKind.TEXT, before="=", is_optional=True),
)
NUMBER = Input(key="sum_of", kind=ValueKind.TEXT, before=_("of the property"))
_PLAIN_NUMBER = r"^-?[0-9]{1,18}([.][0-9]{1,9})?$"


def test(document: str, asked: Asked) -> Sql:
    """AND the property is as asked; nothing when no property is named.

    Without a value it has to be there at all. "Is not" also holds where the property is missing.
    """
    name, value = asked.values.get("property"), asked.values.get("is")
    if not name:
        return NOTHING
    text = sql("{} ->> {}", Sql(document), name)
    if value is None:
        return sql(" AND {} IS NOT NULL", text)
    how = asked.values.get("how") or "is"
    if how == "is_not":
        return sql(" AND ({}) IS DISTINCT FROM {}", text, value)
    if how == "contains":
        return sql(" AND strpos(lower({}), lower({})) > 0", text, value)
    if how in ("at_least", "at_most"):
        word = ">=" if how == "at_least" else "<="
        return sql(" AND {} {} {}", number(document, name), Sql(word), _number_of(value))
    return sql(" AND {} = {}", text, value)


def number(document: str, name: str) -> Sql:
    """The property as a number; NULL when it is none."""
    text = sql("({} ->> {})", Sql(document), name)
    return sql("CASE WHEN {} ~ {} THEN {}::numeric END", text, _PLAIN_NUMBER, text)


def total(document: str, asked: Asked) -> Sql:
    """What the property named by NUMBER adds up to."""
    return sql("sum({})", number(document, asked.values["sum_of"]))


def _number_of(value: str) -> Sql:
    """What was typed as a number; NULL, which nothing compares with, when it is none."""
    return sql("CASE WHEN {} ~ {} THEN {}::numeric END", value, _PLAIN_NUMBER, value)
