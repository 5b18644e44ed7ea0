"""Two customers side by side, in words."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from company import queries as company
from ecrm.kernel.templatetags import ecrm_ui
from profiles import queries
from profiles.queries import choices
from profiles.queries.duplicates import PairView, Side
from profiles.rules import likeness
from profiles.rules import merging as choosing
from profiles.web import attribute_words, words

if TYPE_CHECKING:
    from django.http import QueryDict

    from company.types import AgentInfo
    from profiles.queries.care import Care
    from profiles.queries.merging import Moving

TOO_BIG = 2**63
TAKE = "take-"
MOST_DIGITS = 18
REASONS = {
    likeness.SAME_ID: gettext_lazy("same customer number"),
    likeness.NAME_AND_BIRTHDAY: gettext_lazy("same name and birthday"),
    likeness.SAME_EMAIL: gettext_lazy("same e-mail address"),
    likeness.NEAR_EMAIL: gettext_lazy("nearly the same e-mail address"),
    likeness.SAME_PHONE: gettext_lazy("same telephone"),
    likeness.SAME_ADDRESS: gettext_lazy("same address"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One detail of both; `is_same` when they agree.

    `choice` names the detail where an agent says who is right; empty where both may stay.
    """

    label: str
    texts: Sequence[str]
    choice: str = ""

    @property
    def is_same(self) -> bool:
        """True when there is nothing to choose."""
        one, other = self.texts
        return one.casefold() == other.casefold()

    @property
    def is_open(self) -> bool:
        """True when somebody has to say who is right."""
        return bool(self.choice) and all(self.texts) and not self.is_same


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """The head of one column, and what would move if this one went into the other."""

    id: int
    name: str
    is_suggested: bool
    moving: Sequence[Moving]


@dataclass(frozen=True, kw_only=True, slots=True)
class Compared:
    """Two customers in words."""

    reasons: Sequence[str]
    score: int
    people: Sequence[Person]
    lines: Sequence[Line]


def in_words(view: PairView) -> Compared:
    """What the page shows of a pair."""
    return Compared(
        reasons=[str(REASONS[reason]) for reason in view.reasons if reason in REASONS],
        score=view.score,
        people=[
            Person(
                id=side.card.id,
                name=side.card.name,
                is_suggested=side.card.id == view.suggested,
                moving=queries.preview(side.card.id).moving,
            )
            for side in view.sides
        ],
        lines=_lines(*view.sides),
    )


def _lines(one: Side, other: Side) -> list[Line]:
    sides = (one, other)

    def line(label: str, text: Callable[[Side], str], choice: str = "") -> Line:
        return Line(label=label, texts=[text(side) for side in sides], choice=choice)

    lines = [
        line(_("Name"), lambda s: s.told.name, "name"),
        line(_("E-mail"), lambda s: ", ".join(s.emails)),
        line(_("Telephone"), lambda s: ", ".join(words.telephone(phone) for phone in s.phones)),
        line(_("Birthday"), lambda s: _day(s.told.birthday), "birthday"),
        line(_("Place"), lambda s: words.place(s.told.city, s.told.country), "place"),
        line(_("Address"), lambda s: s.address),
        line(_("Language"), lambda s: words.language(s.told.locale), "locale"),
        line(_("Gender"), lambda s: s.told.gender, "gender"),
        line(_("Time zone"), lambda s: s.told.timezone, "timezone"),
        line(_("Currency"), lambda s: s.told.currency, "currency"),
        *_care_lines(one, other),
        *_attribute_lines(one, other),
        line(_("Orders"), lambda s: ecrm_ui.number(s.card.orders_count)),
        line(_("Revenue"), lambda s: ecrm_ui.money(s.card.revenue)),
        line(_("Customer since"), lambda s: _day(s.card.first_seen_at.date())),
        line(_("Last seen"), lambda s: _day(s.card.last_seen_at.date())),
    ]
    return [line for line in lines if any(line.texts)]


def _care_lines(one: Side, other: Side) -> list[Line]:
    """Stage and owner in the shops that know both; a stage is chosen where somebody fixed one."""
    shops = sorted(one.told.cares.keys() & other.told.cares.keys())
    pairs = [(one.told.cares[shop_id], other.told.cares[shop_id]) for shop_id in shops]
    owners = company.agent_infos(
        {care.owner_id for pair in pairs for care in pair if care.owner_id}
    )
    is_fixed = any(care.is_fixed for pair in pairs for care in pair)
    return [
        Line(
            label=_("Stage"),
            texts=[_joined(attribute_words.stage(pair[i].stage) for pair in pairs) for i in (0, 1)],
            choice=choosing.STAGE if is_fixed else "",
        ),
        Line(
            label=_("Owner"),
            texts=[_joined(_owner(pair[i], owners) for pair in pairs) for i in (0, 1)],
            choice=choosing.OWNER,
        ),
    ]


def _owner(care: Care, owners: Mapping[int, AgentInfo]) -> str:
    found = owners.get(care.owner_id) if care.owner_id else None
    return found.name if found else ""


def _attribute_lines(one: Side, other: Side) -> list[Line]:
    return [
        Line(
            label=attribute.label,
            texts=[
                attribute_words.shown(side.told.values.get(attribute.pk)) for side in (one, other)
            ],
            choice=choosing.choice_of(attribute.pk),
        )
        for attribute in choices.attributes_of([one.told, other.told])
    ]


def _joined(parts: Iterable[str]) -> str:
    return " · ".join(dict.fromkeys(part for part in parts if part))


def taken_from(form: QueryDict, *, profile_id: int) -> list[str]:
    """The details for which a sent form says that this customer is right."""
    wanted = str(profile_id)
    return [
        name.removeprefix(TAKE)
        for name, value in form.items()
        if name.startswith(TAKE) and value == wanted
    ]


def _day(day: date | None) -> str:
    return date_format(day, "DATE_FORMAT") if day else ""


def may_merge(profile_ids: Collection[int], shop_ids: Collection[int]) -> bool:
    """True when these shops know each of them."""
    return all(queries.is_known_to(profile_id, shop_ids) for profile_id in profile_ids)


def number(text: str) -> int | None:
    """An id from an address; None when it is none."""
    is_number = text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS
    return int(text) if is_number else None
