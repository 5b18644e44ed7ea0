"""Two customers side by side, in words."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ecrm.kernel.templatetags import ecrm_ui
from profiles import queries
from profiles.queries.duplicates import PairView, Side
from profiles.rules import likeness
from profiles.web import words

if TYPE_CHECKING:
    from profiles.queries.merging import Moving

TOO_BIG = 2**63
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
    """One detail of both; `is_same` when they agree."""

    label: str
    texts: Sequence[str]
    is_same: bool


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
    texts = {
        _("Name"): [_name(side) for side in (one, other)],
        _("E-mail"): [", ".join(side.emails) for side in (one, other)],
        _("Telephone"): [
            ", ".join(words.telephone(phone) for phone in side.phones) for side in (one, other)
        ],
        _("Birthday"): [_day(side.birthday) for side in (one, other)],
        _("Place"): [words.place(side.card.city, side.card.country) for side in (one, other)],
        _("Address"): [side.address for side in (one, other)],
        _("Language"): [words.language(side.card.locale) for side in (one, other)],
        _("Orders"): [ecrm_ui.number(side.card.orders_count) for side in (one, other)],
        _("Revenue"): [ecrm_ui.money(side.card.revenue) for side in (one, other)],
        _("Customer since"): [_day(side.card.first_seen_at.date()) for side in (one, other)],
        _("Last seen"): [_day(side.card.last_seen_at.date()) for side in (one, other)],
    }
    return [
        Line(label=label, texts=pair, is_same=pair[0].casefold() == pair[1].casefold())
        for label, pair in texts.items()
        if any(pair)
    ]


def _name(side: Side) -> str:
    name = side.card.name
    return "" if name in {side.card.email, side.card.phone} else name


def _day(day: date | None) -> str:
    return date_format(day, "DATE_FORMAT") if day else ""


def may_merge(profile_ids: Collection[int], shop_ids: Collection[int]) -> bool:
    """True when these shops know each of them."""
    return all(queries.is_known_to(profile_id, shop_ids) for profile_id in profile_ids)


def number(text: str) -> int | None:
    """An id from an address; None when it is none."""
    is_number = text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS
    return int(text) if is_number else None
