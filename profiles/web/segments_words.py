"""Rules in words, and everything the builder in the browser needs to know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.formats import date_format, number_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from company import queries as company
from ecrm.kernel.money import Money
from ecrm.kernel.templatetags import ecrm_ui
from profiles import extensions
from profiles.extensions import Criterion, Input, Variant
from profiles.models import Segment
from profiles.queries.segments_compiling import Known, Reason
from profiles.rules import segments as rules


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """A node of a tree to show: a group with its children, or a condition in words.

    `is_true` and `value` are known when one customer is asked about.
    """

    text: str
    kind: str = ""
    children: Sequence[Line] = field(default_factory=tuple)
    is_true: bool | None = None
    value: str = ""


def lines_of(
    segment: Known, reasons: Sequence[Reason] = (), *, names: Mapping[int, str]
) -> Line | None:
    """The rules of a segment to read, with what is known of one customer; None for a list."""
    if segment.tree is None:
        return None
    found = {reason.leaf.pointer: reason for reason in reasons}
    return _line(segment.tree, found, names, is_negated=False)


def _line(
    node: rules.Node, reasons: Mapping[str, Reason], names: Mapping[int, str], *, is_negated: bool
) -> Line:
    if isinstance(node, rules.Leaf):
        reason = reasons.get(node.pointer)
        return Line(
            text=sentence(node, names),
            is_true=reason.is_true if reason else None,
            value=_known(reason.value) if reason else "",
        )
    if node.kind == "not":
        return _not(node, reasons, names)
    words = {"and": _("All of these"), "or": _("At least one of these")}
    children = [_line(child, reasons, names, is_negated=is_negated) for child in node.children]
    return Line(
        text=words[node.kind],
        kind=node.kind,
        children=children,
        is_true=_together(node.kind, children),
    )


def _not(node: rules.Group, reasons: Mapping[str, Reason], names: Mapping[int, str]) -> Line:
    child = node.children[0]
    inner = child.children if isinstance(child, rules.Group) and child.kind == "or" else (child,)
    children = [_line(item, reasons, names, is_negated=True) for item in inner]
    fulfilled = _together("or", children)
    return Line(
        text=_("None of these"),
        kind="not",
        children=children,
        is_true=None if fulfilled is None else not fulfilled,
    )


def _together(kind: str, children: Sequence[Line]) -> bool | None:
    if any(child.is_true is None for child in children):
        return None
    return all(c.is_true for c in children) if kind == "and" else any(c.is_true for c in children)


def sentence(leaf: rules.Leaf, names: Mapping[int, str]) -> str:
    """`Country is one of France, Belgium`."""
    criterion = extensions.criteria.get(leaf.criterion)
    operator = criterion and next(
        (item for item in criterion.operators if item.key == leaf.operator), None
    )
    if criterion is None or operator is None:
        return leaf.criterion
    told = [_told(item, leaf.values.get(item.key), names) for item in operator.inputs]
    more = [
        _told(item, leaf.values.get(item.key), names)
        for item in criterion.inputs
        if item.key != criterion.varied
    ]
    label = _label(criterion, leaf)
    return " ".join(part for part in (label, str(operator.label), *told, *more) if part)


def _label(criterion: Criterion, leaf: rules.Leaf) -> str:
    """The name of the criterion, or of the variant that is asked for; an old one says what it was."""
    if criterion.variants is None:
        return str(criterion.label)
    value = leaf.values.get(criterion.varied)
    return next((item.label for item in criterion.variants() if item.value == value), str(value))


def _told(item: Input, value: Any, names: Mapping[int, str]) -> str:
    if value is None or value == []:
        return ""
    shown = _shown(item, value, names)
    return " ".join(part for part in (str(item.before), shown, str(item.after)) if part)


def _shown(item: Input, value: Any, names: Mapping[int, str]) -> str:
    if item.kind == "segment":
        return _("“%(name)s”") % {"name": names.get(value, f"#{value}")}
    if item.choices is not None:
        labels = dict(item.choices())
        if isinstance(value, list):
            return ", ".join(str(labels.get(entry, entry)) for entry in value)
        return str(labels.get(value, value))
    if isinstance(value, tuple):
        return ecrm_ui.money(Money(*value))
    return _plain(value)


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, list):
        return ", ".join(str(entry) for entry in value)
    if isinstance(value, datetime):
        return date_format(localtime(value), "SHORT_DATETIME_FORMAT")
    if isinstance(value, date):
        return date_format(value, "SHORT_DATE_FORMAT")
    if isinstance(value, Decimal | int | float):
        return str(number_format(value.normalize() if isinstance(value, Decimal) else value))
    return str(value)


def _known(value: Any) -> str:
    """What we know of a customer, as the database told it."""
    if value is None or value == "":
        return _("not known")
    if isinstance(value, str):
        moment = parse_datetime(value) if "T" in value else None
        return _plain(moment) if moment else value
    return _plain(Decimal(str(value)) if isinstance(value, float) else value)


# --- What the builder knows -----------------------------------------------------------------------


def schema(segments: Sequence[Segment], *, besides: int | None = None) -> dict[str, Any]:
    """Criteria, segments to choose from, currencies and words, as JSON for the builder."""
    ordered = sorted(extensions.criteria.all(), key=lambda item: (item.order, str(item.label)))
    return {
        "criteria": [entry for item in ordered for entry in _entries(item)],
        "segments": [
            {"id": row.pk, "name": row.name, "shop": str(row.shop_id or "")}
            for row in segments
            if row.pk != besides
        ],
        "currencies": sorted({shop.currency for shop in company.all_shops()}),
        "words": _words(),
        "limits": {"depth": rules.DEEPEST, "leaves": rules.MOST_LEAVES},
    }


def _entries(item: Criterion) -> list[dict[str, Any]]:
    """What the builder offers for a criterion: itself, or each of its variants by its own name."""
    if item.variants is None:
        return [_criterion(item)]
    return [_criterion(item, variant) for variant in item.variants()]


def _criterion(item: Criterion, variant: Variant | None = None) -> dict[str, Any]:
    fixed = {item.varied: variant.value} if variant else {}
    return {
        "key": item.key,
        "fixed": fixed,
        "label": variant.label if variant else str(item.label),
        "group": str(item.group),
        "operators": [
            {
                "key": operator.key,
                "label": str(operator.label),
                "inputs": [_input(entry, variant) for entry in operator.inputs],
            }
            for operator in item.operators
        ],
        "inputs": [_input(entry, variant) for entry in item.inputs if entry.key not in fixed],
    }


def _input(item: Input, variant: Variant | None = None) -> dict[str, Any]:
    choices = item.choices() if item.choices else []
    if variant and choices:
        choices = variant.choices
    return {
        "key": item.key,
        "kind": str(item.kind),
        "label": str(item.label),
        "before": str(item.before),
        "after": str(item.after),
        "choices": [[key, str(label)] for key, label in choices],
        "open": item.is_open,
        "optional": item.is_optional,
        "least": item.least,
        "most": item.most,
    }


def _words() -> dict[str, str]:
    return {
        "all": _("All of these"),
        "any": _("At least one of these"),
        "none": _("None of these"),
        "group": _("Group"),
        "condition": _("Condition"),
        "addCondition": _("Add a condition"),
        "addGroup": _("Add a group"),
        "remove": _("Remove"),
        "removeGroup": _("Remove this group"),
        "criterion": _("Criterion"),
        "operator": _("Operator"),
        "value": _("Value"),
        "choose": _("Choose…"),
        "any_value": pgettext("no choice made", "any"),
        "currency": _("Currency"),
        "separate": _("Several, separated by commas"),
        "about": _("about"),
        "customer": _("customer"),
        "customers": _("customers"),
        "counting": _("Counting…"),
        "incomplete": _("Complete the conditions to see who fulfils them."),
        "failed": _("Could not be counted. It is tried again with the next change."),
        "preview": _("For example"),
        "unreadable": _("This is not JSON. The builder shows the rules as they were before."),
        "nobody": _("Nobody fulfils these rules today."),
        "yes": _("yes"),
        "no": _("no"),
    }
