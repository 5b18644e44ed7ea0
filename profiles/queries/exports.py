"""What a table of customers to take along says of each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from company import queries as company
from ecrm.kernel.spreadsheets import Cell
from profiles.models import ConsentState, Export, Identifier, Profile, ProfileTag
from profiles.models.consents import STEP
from profiles.queries import attributes, listing
from profiles.queries.listing import CustomerRow, Selection

if TYPE_CHECKING:
    from company.types import Agent

EXPORT = "profiles.export_profile"
VIEW = "profiles.view_profile"
_GRANTED_BELOW = STEP


@dataclass(frozen=True, kw_only=True, slots=True)
class _Known:
    """Everything about one customer that a row may need."""

    row: CustomerRow
    profile: Profile
    customer_ids: Sequence[str] = ()
    tags: Sequence[str] = ()
    allows: frozenset[str] = frozenset()
    values: Mapping[str, object]


def head() -> list[str]:
    """The titles of the table, in the language of this moment."""
    labels = [attribute.label for attribute in attributes.definitions()]
    return [*(label for label, _value in _columns()), *labels]


def _columns() -> list[tuple[str, Callable[[_Known], Cell]]]:
    return [
        (_("Number"), lambda known: known.profile.pk),
        (_("E-mail"), lambda known: known.row.card.email),
        (_("Telephone"), lambda known: known.row.card.phone),
        (_("Customer id"), lambda known: ", ".join(known.customer_ids)),
        (_("First name"), lambda known: known.profile.first_name),
        (_("Last name"), lambda known: known.profile.last_name),
        (_("Language"), lambda known: known.profile.locale),
        (_("Country"), lambda known: known.profile.country),
        (_("City"), lambda known: known.profile.city),
        (_("Birthday"), lambda known: _iso(known.profile.birthday)),
        (_("Gender"), lambda known: str(known.profile.get_gender_display())),
        (_("Shops"), lambda known: ", ".join(map(_shop_name, known.row.shop_ids))),
        (_("Tags"), lambda known: ", ".join(known.tags)),
        (_("Marketing allowed by"), lambda known: ", ".join(sorted(known.allows))),
        (_("Orders"), lambda known: known.row.card.orders_count),
        (_("Revenue"), lambda known: known.row.card.revenue),
        (_("Currency"), lambda known: known.row.card.revenue and known.row.card.revenue.currency),
        (_("Last order"), lambda known: known.row.card.last_order_at),
        (_("Customer since"), lambda known: known.row.card.first_seen_at),
        (_("Last seen"), lambda known: known.row.card.last_seen_at),
    ]


def rows_after(export: Export, *, limit: int) -> list[tuple[int, list[Cell]]]:
    """The next customers of an export with their cells, by id. A handful of queries."""
    profiles = list(_customers(export).filter(pk__gt=export.position)[:limit])
    columns = [value for _label, value in _columns()]
    keys = [attribute.key for attribute in attributes.definitions()]
    return [
        (
            known.profile.pk,
            [*(value(known) for value in columns), *(_cell(known.values.get(key)) for key in keys)],
        )
        for known in _known(profiles, export.shop_ids)
    ]


def count(export: Export) -> int:
    """How many customers an export is about. One query."""
    return _customers(export).order_by().count()


def for_list(agent: Agent, *, limit: int = 50) -> QuerySet[Export]:
    """The tables an agent asked for, the latest first."""
    return mine(agent).select_related("file").order_by("-created_at")[:limit]


def mine(agent: Agent) -> QuerySet[Export]:
    """The tables an agent asked for, of shops whose customers he may still take along."""
    allowed = company.shop_ids(agent, EXPORT) & company.shop_ids(agent, VIEW)
    return Export.objects.filter(created_by_id=agent.pk, shop_ids__contained_by=sorted(allowed))


def selection_as_json(selection: Selection) -> dict[str, Any]:
    """What a list was narrowed to, to be kept."""
    since = selection.since.isoformat() if selection.since else None
    return asdict(replace(selection, since=None)) | {"since": since}


def _customers(export: Export) -> QuerySet[Profile]:
    kept = dict(export.selection)
    if kept.get("since"):
        kept["since"] = datetime.fromisoformat(kept["since"])
    return listing.customers(export.shop_ids, Selection(**kept)).order_by("pk")


def _known(profiles: Sequence[Profile], shop_ids: Sequence[int]) -> Iterable[_Known]:
    ids = [profile.pk for profile in profiles]
    rows = {row.card.id: row for row in listing.rows_of(profiles, shop_ids=shop_ids)}
    tags = _grouped(
        ProfileTag.objects.filter(profile__in=ids)
        .order_by("tag__name")
        .values_list("profile_id", "tag__name")
    )
    customer_ids = _grouped(
        Identifier.objects.filter(profile__in=ids, kind="customer_id", shop__in=shop_ids)
        .order_by("id")
        .values_list("profile_id", "value")
    )
    allows = _grouped(
        ConsentState.objects.filter(
            profile__in=ids, shop__in=shop_ids, purpose="marketing", stand__lt=_GRANTED_BELOW
        ).values_list("profile_id", "channel")
    )
    values = attributes.values_of(ids)
    for profile in profiles:
        yield _Known(
            row=rows[profile.pk],
            profile=profile,
            tags=tags.get(profile.pk, ()),
            customer_ids=customer_ids.get(profile.pk, ()),
            allows=frozenset(allows.get(profile.pk, ())),
            values=values.get(profile.pk, {}),
        )


def _grouped(pairs: Iterable[tuple[int, str]]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for profile_id, text in pairs:
        found.setdefault(profile_id, []).append(text)
    return found


def _shop_name(shop_id: int) -> str:
    return company.shop(shop_id).name


def _iso(day: Any) -> str:
    return day.isoformat() if day else ""


def _cell(value: object) -> Cell:
    if value is None:
        return None
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return ", ".join(value) if isinstance(value, list) else str(value)
