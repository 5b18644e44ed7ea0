"""The custom attributes a company defined, and what they say of a customer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ecrm.kernel.prepared import Rows
from profiles.models import Attribute, AttributeValue
from profiles.rules import attributes as rules


@dataclass(frozen=True, kw_only=True, slots=True)
class AttributeLine:
    """One attribute of a customer; `value` is None where nothing is known."""

    attribute: Attribute
    value: rules.Value | None


_IN_USE = Rows("attributes", Attribute, "WHERE archived_at IS NULL ORDER BY position, label, id")


def definitions() -> list[Attribute]:
    """The attributes in use, in the order of forms and pages. One query."""
    return _IN_USE.all()


def all_definitions() -> list[Attribute]:
    """Those that were archived too, last. One query."""
    return sorted(Attribute.objects.for_list(), key=lambda a: a.archived_at is not None)


def rule_of(attribute: Attribute) -> rules.Definition:
    """An attribute as the rules want it."""
    return rules.Definition(attribute.key, attribute.kind, tuple(attribute.choices))


def lines(profile_id: int) -> list[AttributeLine]:
    """Every attribute in use with what it says of the customer. Two queries."""
    defined = definitions()
    if not defined:
        return []
    values = {row.attribute_id: row for row in AttributeValue.objects.filter(profile_id=profile_id)}
    return [
        AttributeLine(attribute=a, value=value_of(a, values[a.pk]) if a.pk in values else None)
        for a in defined
    ]


def values_of(profile_ids: Iterable[int]) -> dict[int, dict[str, object]]:
    """By customer, what is known of the attributes in use, as JSON says it. One query."""
    rows = AttributeValue.objects.filter(
        profile_id__in=list(profile_ids), attribute__archived_at__isnull=True
    ).select_related("attribute")
    found: dict[int, dict[str, object]] = {}
    for row in rows.order_by("attribute__position", "attribute__label"):
        value = rules.plain(value_of(row.attribute, row))
        found.setdefault(row.profile_id, {})[row.attribute.key] = value
    return found


def value_of(attribute: Attribute, row: AttributeValue) -> rules.Value:
    """What the row says, of the attribute's type."""
    found: rules.Value = getattr(row, rules.COLUMNS[attribute.kind])
    return found


def labels(keys: Iterable[str]) -> Mapping[str, str]:
    """The names of attributes by key, archived ones too. One query."""
    rows = Attribute.objects.filter(key__in=list(keys))
    return dict(rows.values_list("key", "label"))


def counts(attributes: Sequence[Attribute]) -> dict[int, bool]:
    """By attribute, whether any customer has a value of it. One query."""
    rows = AttributeValue.objects.filter(attribute__in=attributes)
    used = set(rows.values_list("attribute_id", flat=True).distinct())
    return {attribute.pk: attribute.pk in used for attribute in attributes}
