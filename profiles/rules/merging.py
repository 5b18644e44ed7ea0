"""Which details an agent may choose between when two records become one. Pure functions."""

from __future__ import annotations

from collections.abc import Collection, Mapping

# What is chosen, and the columns of a profile which belong to it.
DETAILS: Mapping[str, tuple[str, ...]] = {
    "name": ("first_name", "last_name", "search_name"),
    "birthday": ("birthday",),
    "gender": ("gender",),
    "locale": ("locale",),
    "place": ("country", "city"),
    "timezone": ("timezone",),
    "currency": ("currency",),
}
STAGE, OWNER, ATTRIBUTE = "stage", "owner", "attribute"
MOST_DIGITS = 18


def choice_of(attribute_id: int) -> str:
    """The choice about one custom attribute."""
    return f"{ATTRIBUTE}:{attribute_id}"


def is_choice(name: str) -> bool:
    """True for the name of something that can be chosen."""
    kind, _colon, number = name.partition(":")
    if kind == ATTRIBUTE:
        return number.isascii() and number.isdigit() and len(number) <= MOST_DIGITS
    return name in DETAILS or name in {STAGE, OWNER}


def attributes_in(taken: Collection[str]) -> list[int]:
    """The attributes among what is taken from the one who goes."""
    parts = (name.partition(":") for name in taken)
    return sorted(int(number) for kind, _colon, number in parts if kind == ATTRIBUTE)
