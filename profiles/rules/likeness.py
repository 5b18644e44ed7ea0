"""Who may be the same person: blocking keys, and how much two people resemble. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache

NAME_AND_BIRTHDAY = "name_and_birthday"
SAME_EMAIL = "same_email"
NEAR_EMAIL = "near_email"
SAME_PHONE = "same_phone"
SAME_ADDRESS = "same_address"
SAME_ID = "same_id"

# What each reason says alone; a second one adds half of what is missing to certainty.
WEIGHTS = {
    SAME_ID: 90,
    NAME_AND_BIRTHDAY: 85,
    SAME_EMAIL: 80,
    NEAR_EMAIL: 70,
    SAME_PHONE: 60,
    SAME_ADDRESS: 50,
}
WORTH_A_LOOK = 50
# A block with more people than this says nothing about any two of them (a placeholder, an office).
LARGEST_BLOCK = 20

PROVIDERS = (
    "gmail.com", "googlemail.com", "hotmail.com", "hotmail.fr", "outlook.com", "outlook.fr", "live.fr",
    "yahoo.com", "yahoo.fr", "icloud.com", "orange.fr", "wanadoo.fr", "free.fr", "sfr.fr",
    "laposte.net", "bluewin.ch", "gmx.ch", "gmx.de", "gmx.net", "web.de", "protonmail.com", "proton.me",
)  # fmt: skip
_ONE_PROVIDER = {"googlemail.com": "gmail.com"}
_VOWELS = re.compile(r"[aeiouy]")
_DOUBLES = re.compile(r"(.)\1+")
_SHORTEST_LOCAL = 4


@dataclass(frozen=True, slots=True, order=True)
class Block:
    """People with the same block are compared with each other."""

    kind: str
    value: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """What two people are compared by; names and addresses already in their plain form."""

    profile_id: int
    name: str
    birthday: date | None = None
    emails: Sequence[str] = ()
    phones: frozenset[str] = field(default_factory=frozenset)
    places: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True)
class Likeness:
    """How sure we are (0 to 100), and why."""

    score: int
    reasons: tuple[str, ...]


def blocks(person: Person) -> frozenset[Block]:
    """Where to look for people like this one."""
    found = {Block("phone", phone) for phone in person.phones}
    found |= {Block("address", place) for place in person.places}
    for email in person.emails:
        found.add(Block("email", canonical_email(email)))
        found.add(Block("sound", _sound(email)))
    if person.name and person.birthday:
        found.add(Block("born", f"{_sorted_words(person.name)}|{person.birthday.isoformat()}"))
    return frozenset(found)


def compare(one: Person, other: Person) -> Likeness | None:
    """Why two people may be one, or None when nothing worth a look says so."""
    reasons = tuple(sorted(_reasons(one, other), key=lambda r: (-WEIGHTS[r], r)))
    score = combined(reasons)
    if not reasons or _contradict(one, other):
        return None
    return Likeness(score, reasons) if score >= WORTH_A_LOOK else None


def combined(reasons: Iterable[str]) -> int:
    """The weight of several reasons: each further one halves the distance to certainty, by its part."""
    doubt = 1.0
    for reason in reasons:
        doubt *= 1 - WEIGHTS[reason] / 100
    return min(99, round((1 - doubt) * 100))


def canonical_email(address: str) -> str:
    """An address without what most providers ignore: dots, `+tags`, and a mistyped well-known domain."""
    local, _at, domain = address.casefold().rpartition("@")
    local = local.partition("+")[0] or local
    return f"{local.replace('.', '').replace('_', '').replace('-', '')}@{_domain(domain)}"


def distance(one: str, other: str, *, most: int = 2) -> int:
    """How many letters to change, add, drop or swap; `most + 1` when more than `most`."""
    if abs(len(one) - len(other)) > most:
        return most + 1
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, left in enumerate(one, start=1):
        before_last, before = before, row
        row = [i]
        for j, right in enumerate(other, start=1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (left != right))
            if before_last and j > 1 and left == other[j - 2] and one[i - 2] == right:
                cost = min(cost, before_last[j - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return most + 1
    return min(row[-1], most + 1)


def _reasons(one: Person, other: Person) -> Iterable[str]:
    if one.birthday and one.birthday == other.birthday and _same_name(one, other):
        yield NAME_AND_BIRTHDAY
    near = _nearest(one.emails, other.emails)
    if near:
        yield near
    if one.phones & other.phones and not _are_household(one, other):
        yield SAME_PHONE
    if one.places & other.places and _similar_name(one, other):
        yield SAME_ADDRESS


def _contradict(one: Person, other: Person) -> bool:
    """Two known birthdays which differ, and names which do: whatever they share, they are two."""
    differ = one.birthday and other.birthday and one.birthday != other.birthday
    return bool(differ) and not _same_name(one, other)


def _nearest(ours: Iterable[str], theirs: Iterable[str]) -> str:
    best = ""
    others = [canonical_email(email) for email in theirs]
    for email in map(canonical_email, ours):
        if email in others:
            return SAME_EMAIL
        if any(_is_near(email, other) for other in others):
            best = NEAR_EMAIL
    return best


def _is_near(one: str, other: str) -> bool:
    """One letter apart, two in long names; digits tell people apart (ana1, ana2)."""
    local, _at, domain = one.rpartition("@")
    other_local, _at, other_domain = other.rpartition("@")
    if domain != other_domain or min(len(local), len(other_local)) < _SHORTEST_LOCAL:
        return False
    if re.sub(r"\D", "", local) != re.sub(r"\D", "", other_local):
        return False
    return distance(local, other_local) <= (1 if len(local) < 9 else 2)  # noqa: PLR2004


def _same_name(one: Person, other: Person) -> bool:
    return bool(one.name) and _sorted_words(one.name) == _sorted_words(other.name)


def _similar_name(one: Person, other: Person) -> bool:
    """The same words in any order, or a letter apart; never for nameless people."""
    if not one.name or not other.name:
        return False
    return distance(_sorted_words(one.name), _sorted_words(other.name), most=1) <= 1


def _are_household(one: Person, other: Person) -> bool:
    """A telephone in common and two different full names: a family rather than one person."""
    return bool(one.name and other.name) and not _similar_name(one, other)


def _sorted_words(name: str) -> str:
    return " ".join(sorted(re.findall(r"[^\W_]+", name)))


def _sound(email: str) -> str:
    """The address without vowels and doubled letters: what most slips of the finger keep."""
    local, _at, domain = canonical_email(email).rpartition("@")
    bones = _DOUBLES.sub(r"\1", local[:1] + _VOWELS.sub("", local[1:]))
    return f"{''.join(sorted(bones))}@{domain}"


@lru_cache(maxsize=4096)
def _domain(domain: str) -> str:
    """A well-known domain where a letter is wrong, the domain itself elsewhere."""
    if domain in PROVIDERS:
        return _ONE_PROVIDER.get(domain, domain)
    for provider in PROVIDERS:
        if domain[:1] == provider[:1] and distance(domain, provider, most=1) <= 1:
            return _ONE_PROVIDER.get(provider, provider)
    return domain
