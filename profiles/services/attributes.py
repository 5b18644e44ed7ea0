"""Defining custom attributes, and writing down what they say of a customer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Max
from django.utils.text import slugify
from django.utils.timezone import now
from django.utils.translation import gettext as _

from company import queries as company
from company.services import record_audit
from ecrm.kernel import outbox
from ecrm.kernel.errors import DomainError
from profiles.events import AttributesChanged
from profiles.models import Attribute, AttributeValue, Profile
from profiles.queries import attributes as queries
from profiles.queries.identities import is_known_to
from profiles.rules import attributes as rules

if TYPE_CHECKING:
    from company.types import Agent

CHANGE = "profiles.change_profile"
MOST = 200
LONGEST_LABEL = 80


class UnusableAttribute(DomainError):
    """The definition can't be used; `fields` says why."""

    code = "unusable_attribute"
    status = 422


class UnusableValues(DomainError):
    """Some values do not fit their attributes; `fields` maps the key of each to the reason."""

    code = "unusable_values"
    status = 422


class NotYourCustomersAttributes(DomainError):
    """None of the shops in which the agent may change customers knows this one."""

    code = "not_your_customer"


# --- What customers' attributes say ---------------------------------------------------------------


@transaction.atomic
def set_attributes(
    profile_id: int,
    *,
    values: Mapping[str, object],
    source: str,
    by: Agent | None,
    at: datetime | None = None,
) -> list[str]:
    """Keep these values, by key; an empty one is removed. Returns the keys of what changed.

    Every door comes through here. Raises UnusableValues, NotYourCustomersAttributes,
    Profile.DoesNotExist; publishes AttributesChanged; the audit log keeps names, never values.
    """
    Profile.objects.select_for_update(of=("self",), no_key=True).get(pk=profile_id)
    _require_right(profile_id, by)
    attributes = {attribute.key: attribute for attribute in queries.definitions()}
    wanted = check_values(values, attributes=attributes, by=by)
    rows = {
        row.attribute_id: row
        for row in AttributeValue.objects.filter(
            profile_id=profile_id, attribute__key__in=list(wanted)
        )
    }
    moment = at or now()
    changed = [
        key
        for key, value in wanted.items()
        if _keep(profile_id, attributes[key], value, rows, source=source, at=moment)
    ]
    if changed:
        _tell(profile_id, changed, source=source, by=by, at=moment)
    return changed


def check_values(
    values: Mapping[str, object],
    *,
    attributes: Mapping[str, Attribute],
    by: Agent | None,
) -> dict[str, rules.Value | None]:
    """The values as they will be kept, by key. Raises UnusableValues naming each that can't be."""
    found: dict[str, rules.Value | None] = {}
    faults: dict[str, str] = {}
    for key, raw in values.items():
        attribute = attributes.get(key)
        if attribute is None:
            faults[key] = _("There is no such attribute.")
            continue
        try:
            found[key] = rules.clean(queries.rule_of(attribute), raw)
        except rules.NoSuchValue as fault:
            faults[key] = _reason(fault.code, attribute)
            continue
        if found[key] is None and _is_required(attribute, by):
            faults[key] = _("This is required.")
    if faults:
        raise UnusableValues(_("Please correct the marked fields."), fields=faults)
    return found


def _is_required(attribute: Attribute, by: Agent | None) -> bool:
    everybody = attribute.required_for == Attribute.Required.EVERYBODY
    return everybody or (by is not None and attribute.required_for == Attribute.Required.AGENTS)


def _keep(
    profile_id: int,
    attribute: Attribute,
    value: rules.Value | None,
    rows: Mapping[int, AttributeValue],
    *,
    source: str,
    at: datetime,
) -> bool:
    """Write one value down; False when it was so before."""
    row = rows.get(attribute.pk)
    if value is None:
        if row is not None:
            row.delete()
        return row is not None
    if row is not None and queries.value_of(attribute, row) == value:
        return False
    row = row or AttributeValue(profile_id=profile_id, attribute=attribute)
    setattr(row, rules.COLUMNS[attribute.kind], value)
    row.source, row.changed_at = source, at
    row.save()
    return True


def _tell(
    profile_id: int, changed: Sequence[str], *, source: str, by: Agent | None, at: datetime
) -> None:
    agent_id = by.pk if by else None
    event = AttributesChanged(
        profile_id=profile_id, keys=" ".join(changed), source=source, agent_id=agent_id
    )
    outbox.publish(event, at=at)
    if by is not None:
        record_audit(
            action="profiles.attributes-changed",
            target=f"profile:{profile_id}",
            by=by,
            changes={"attributes": list(changed)},
            at=at,
        )


def _require_right(profile_id: int, by: Agent | None) -> None:
    if by is not None and not is_known_to(profile_id, company.shop_ids(by, CHANGE)):
        raise NotYourCustomersAttributes(_("You may not change customers of this shop."))


def _reason(code: str, attribute: Attribute) -> str:
    sentences = {
        "no_text": _("This is no text."),
        "too_long": _("This is too long."),
        "no_number": _("This is no number."),
        "too_large": _("This number is too large."),
        "too_precise": _("At most six digits after the point."),
        "no_boolean": _("Yes or no?"),
        "no_date": _("This is no date (2026-12-31)."),
        "no_list": _("This is no list of texts."),
        "too_many": _("At most 50 entries."),
    }
    known = ", ".join(attribute.choices)
    return sentences.get(code) or _("Choose one of: %(choices)s") % {"choices": known}


# --- Definitions ----------------------------------------------------------------------------------


@transaction.atomic
def define_attribute(
    label: str,
    *,
    kind: str,
    by: Agent | None,
    key: str = "",
    choices: Sequence[str] = (),
    required_for: str = Attribute.Required.NOBODY,
    at: datetime | None = None,
) -> Attribute:
    """A new attribute. Without a key it gets one from its label. Raises UnusableAttribute; audited."""
    moment = at or now()
    key = key.strip() or slugify(label).replace("-", "_")[:40]
    _require_definition(label, kind, choices, required_for)
    if not rules.KEY.fullmatch(key):
        _refuse("key", _("Small letters, digits and _, beginning with a letter."))
    if Attribute.objects.filter(key=key).exists():
        _refuse("key", _("There is an attribute with this key, perhaps an archived one."))
    if Attribute.objects.count() >= MOST:
        _refuse("key", _("At most %(number)s attributes.") % {"number": MOST})
    last = Attribute.objects.aggregate(last=Max("position"))["last"] or 0
    row = Attribute.objects.create(
        key=key,
        label=label.strip(),
        kind=kind,
        choices=_choices(choices) if kind == Attribute.Kind.CHOICE else [],
        required_for=required_for,
        position=last + 1,
        created_at=moment,
    )
    _audit(row, "profiles.attribute-defined", by=by, at=moment)
    return row


@transaction.atomic
def change_attribute(
    attribute_id: int,
    *,
    label: str,
    by: Agent | None,
    choices: Sequence[str] = (),
    required_for: str = Attribute.Required.NOBODY,
    at: datetime | None = None,
) -> Attribute:
    """Another label, more or fewer choices, required or not; key and type stay for ever.

    A value whose choice is no longer offered stays as it is. Raises UnusableAttribute,
    Attribute.DoesNotExist; audited.
    """
    row = Attribute.objects.select_for_update(of=("self",)).get(pk=attribute_id)
    _require_definition(label, row.kind, choices, required_for)
    row.label, row.required_for = label.strip(), required_for
    if row.kind == Attribute.Kind.CHOICE:
        row.choices = _choices(choices)
    row.save(update_fields=["label", "required_for", "choices"])
    _audit(row, "profiles.attribute-changed", by=by, at=at or now())
    return row


@transaction.atomic
def archive_attribute(
    attribute_id: int, *, by: Agent | None, is_archived: bool = True, at: datetime | None = None
) -> Attribute:
    """Put an attribute away, or take it out again; its values are kept. Raises Attribute.DoesNotExist."""
    row = Attribute.objects.select_for_update(of=("self",)).get(pk=attribute_id)
    moment = at or now()
    if is_archived != (row.archived_at is not None):
        row.archived_at = moment if is_archived else None
        row.save(update_fields=["archived_at"])
        action = "profiles.attribute-archived" if is_archived else "profiles.attribute-restored"
        _audit(row, action, by=by, at=moment)
    return row


def _choices(choices: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(text for choice in choices if (text := choice.strip())))


def _require_definition(label: str, kind: str, choices: Sequence[str], required_for: str) -> None:
    found = _choices(choices)
    if not label.strip() or len(label.strip()) > LONGEST_LABEL:
        _refuse("label", _("Give it a name of at most 80 characters."))
    if kind not in Attribute.Kind.values:
        _refuse("kind", _("There is no such type."))
    if required_for not in Attribute.Required.values:
        _refuse("required_for", _("Required for whom?"))
    if kind == Attribute.Kind.CHOICE and not found:
        _refuse("choices", _("Give at least one choice."))
    if len(found) > rules.MOST_CHOICES or any(len(text) > rules.LONGEST_ITEM for text in found):
        _refuse("choices", _("At most 100 choices of at most 100 characters."))


def _refuse(field: str, text: str) -> None:
    raise UnusableAttribute(_("Please correct the marked fields."), fields={field: text})


def _audit(row: Attribute, action: str, *, by: Agent | None, at: datetime) -> None:
    record_audit(
        action=action,
        target=f"attribute:{row.pk}",
        by=by,
        changes={"key": row.key, "kind": row.kind},
        at=at,
    )
