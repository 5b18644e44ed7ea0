"""Identity arithmetic: what counts as the same identifier, and whose it is. Pure functions."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any

import phonenumbers

EMAIL = "email"
PHONE = "phone"
CUSTOMER_ID = "customer_id"
ANONYMOUS_ID = "anonymous_id"
DEVICE = "device"
SOCIAL = "social"

# Strongest first: of several profiles an identity points at, the one of the first kind wins.
PRIORITY = (CUSTOMER_ID, EMAIL, PHONE, SOCIAL, DEVICE, ANONYMOUS_ID)
STRONG = frozenset({CUSTOMER_ID, EMAIL})
# Belong to a computer, not to a person: one of them alone leaves its holder anonymous.
OF_MACHINES = frozenset({ANONYMOUS_ID, DEVICE})

MAX_LENGTH = 254
MIN_DIALLED = 4
LONGEST_NUMBER = 40
# What programs send when they know nobody. Zeros and repeated digits are caught by a pattern.
BLOCKED = frozenset(
    {
        "",
        "null",
        "none",
        "nil",
        "undefined",
        "nan",
        "n/a",
        "na",
        "unknown",
        "anonymous",
        "guest",
        "-1",
    }
    | {"false", "true", "test", "deleted", "[object object]", "(null)", "xxx", "-", "."}
)
_ZEROS = re.compile(r"[0\s.\-+()]*")
_REPEATED = re.compile(r"(\d)\1{3,}")
# What copying from pages and tables leaves behind; nobody sees it.
_UNSEEN = dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u2060\ufeff"))
_COUNTED_UP = frozenset({"123456789", "1234567890", "12345678", "987654321", "9876543210"})
_NIL_UUID = "00000000-0000-0000-0000-000000000000"
_EMAIL = re.compile(r"^[^\s@<>()\[\],;:\\\"\x00-\x1f\x7f]+@[^\s@<>()\[\],;:\\\"\x00-\x1f\x7f]+$")
_DIALLED = re.compile(r"^[+(]?[\d\s.\-()/]{4,24}$", re.ASCII)
_AT_HOME = re.compile(r"0[1-9][0-9]+$", re.ASCII)
_GAPS = str.maketrans("", "", " .-")
_COUNTRY = re.compile(r"^[A-Z]{2}$")
_HANDLE = re.compile(r"^([a-z][a-z0-9_.-]{0,29}):@?([^\s:/@][^\s/]{0,120})$")
_LOCALE = re.compile(r"^([A-Za-z]{2,3})(?:[-_]([A-Za-z]{2}))?(?:[-_.@].*)?$")


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """A normalised identifier; `shop_id` only where the kind belongs to a shop."""

    kind: str
    value: str
    shop_id: int | None = None

    def __reduce__(self) -> tuple[type[Key], tuple[str, str, int | None]]:
        """Pickled by its parts: millions travel between processes, and a dataclass alone takes its time."""
        return Key, (self.kind, self.value, self.shop_id)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A profile which holds one of the keys; `is_identified` when it has an e-mail or customer id."""

    profile_id: int
    is_identified: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Details:
    """What we know of a person beside identifiers."""

    first_name: str = ""
    last_name: str = ""
    locale: str = ""
    country: str = ""
    city: str = ""
    birthday: date | None = None
    gender: str = ""
    timezone: str = ""
    currency: str = ""


def is_blocked(value: str) -> bool:
    """True for values which identify nobody: "null", "guest", zeros."""
    folded = value.strip().casefold()
    return folded in BLOCKED or folded == _NIL_UUID or _ZEROS.fullmatch(folded) is not None


def normalise_email(raw: str | None) -> str | None:
    """The address in the form that makes it unique (NFKC, case folded), or None when it is none."""
    if not raw:
        return None
    value = unicodedata.normalize("NFKC", raw.translate(_UNSEEN)).strip().casefold()
    if len(value) > MAX_LENGTH or not _EMAIL.match(value):
        return None
    local, _, domain = value.rpartition("@")
    if is_blocked(local) or ".." in domain or domain.startswith(".") or domain.endswith("."):
        return None
    return value


def normalise_phone(raw: str | None, *, region: str) -> str | None:
    """The number in E.164 (`+33612345678`), read as one of the region, or None when it is none."""
    if not raw or len(raw) > LONGEST_NUMBER or _is_filler(raw):
        return None
    return _e164(raw, region.upper() or None)


def _is_filler(number: str) -> bool:
    """True for what people type who give no number; an account may well have the number 1111."""
    return is_blocked(number) or _REPEATED.fullmatch(number.strip()) is not None


@lru_cache(maxsize=4096)
def _e164(raw: str, region: str | None) -> str | None:
    if found := _dialled_at_home(raw, region):
        return found
    try:
        number = phonenumbers.parse(raw, region)
    except phonenumbers.NumberParseException:
        return None
    # Possible, not valid: numbering plans grow faster than libraries, and reserved ranges are in use.
    if not phonenumbers.is_possible_number(number):
        return None
    if _is_filler(str(number.national_number)) or str(number.national_number) in _COUNTED_UP:
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _dialled_at_home(raw: str, region: str | None) -> str | None:
    """The answer of the library for `06 12 34 56 78`, ten times as fast; None where it has to be asked."""
    digits = raw.translate(_GAPS)
    if not _AT_HOME.match(digits) or not (plan := _numbering(region)):
        return None
    number = digits[1:]
    is_sound = len(number) in plan.lengths and plan.pattern.fullmatch(number)
    if not is_sound or plan.abroad.match(digits) or number in _COUNTED_UP or is_blocked(number):
        return None
    return f"+{plan.country_code}{number}"


@dataclass(frozen=True, slots=True)
class _Numbering:
    """How numbers of a country look behind the zero with which they are dialled at home."""

    country_code: int
    lengths: frozenset[int]
    pattern: re.Pattern[str]
    abroad: re.Pattern[str]


@lru_cache(maxsize=256)
def _numbering(region: str | None) -> _Numbering | None:
    """None of countries which dial otherwise, or whose numbers another country decides on."""
    if region is None or region not in phonenumbers.SUPPORTED_REGIONS:
        return None
    plan: Any = phonenumbers.PhoneMetadata.metadata_for_region(region)
    main = phonenumbers.region_code_for_country_code(plan.country_code)
    if plan.national_prefix_for_parsing != "0" or plan.national_prefix_transform_rule:
        return None
    if main != region or not plan.international_prefix:
        return None
    return _Numbering(
        country_code=plan.country_code,
        lengths=frozenset(plan.general_desc.possible_length),
        pattern=re.compile(plan.general_desc.national_number_pattern),
        abroad=re.compile(plan.international_prefix),
    )


def normalise_opaque(raw: str | None) -> str | None:
    """A customer or visitor id as the shop knows it, or None when it identifies nobody."""
    if not raw:
        return None
    value = raw.strip()
    return None if len(value) > MAX_LENGTH or is_blocked(value) else value


def normalise_social(raw: str | None) -> str | None:
    """A handle as `network:name` in small letters, or None when it names nobody."""
    if not raw:
        return None
    found = _HANDLE.match(unicodedata.normalize("NFKC", raw).strip().casefold())
    if not found or is_blocked(found.group(2)):
        return None
    return f"{found.group(1)}:{found.group(2)}"


def normalise_locale(raw: str) -> str:
    """`fr_ch.UTF-8` as `fr-CH`; empty when it is no locale."""
    found = _LOCALE.match(raw.strip())
    if not found:
        return ""
    language, territory = found.groups()
    return f"{language.lower()}-{territory.upper()}" if territory else language.lower()


def normalise_country(raw: str) -> str:
    """An ISO country code in capitals; empty when it is none."""
    value = raw.strip().upper()
    return value if _COUNTRY.match(value) else ""


def searchable(*words: str) -> str:
    """Words as the customer search compares them: without accents, in small letters."""
    text = unicodedata.normalize("NFKD", " ".join(word for word in words if word))
    return "".join(char for char in text if not unicodedata.combining(char)).casefold()


def dialled_digits(text: str) -> str:
    """The digits of a telephone number as somebody typed it, as far as E.164 keeps them; else empty.

    `06 39 98` gives `63998` and `+33 6` gives `336`: what stands inside the stored number.
    """
    if not _DIALLED.match(text):
        return ""
    digits = "".join(char for char in text if char.isdigit()).lstrip("0")
    return digits if len(digits) >= MIN_DIALLED else ""


def choose(
    keys: Sequence[Key],
    found: Mapping[Key, Candidate],
    *,
    priority: Sequence[str] = PRIORITY,
) -> int | None:
    """The profile an identity with these keys belongs to, or None when it is somebody new.

    The first kind in the order of priority wins. A weak match alone (phone, visitor id) does not
    count when the identity names a person whom the matched profile is not: households share
    telephones and computers.
    """
    is_named = any(key.kind in STRONG for key in keys)
    for kind in priority:
        for key in keys:
            candidate = found.get(key) if key.kind == kind else None
            if candidate is None:
                continue
            if kind in STRONG or not (is_named and candidate.is_identified):
                return candidate.profile_id
    return None


def contested(keys: Iterable[Key], found: Mapping[Key, Candidate], *, profile_id: int) -> list[Key]:
    """The keys which identify somebody else than the chosen profile."""
    return [key for key in keys if key in found and found[key].profile_id != profile_id]


def merged_details(known: Details, told: Details, *, is_authoritative: bool) -> Details:
    """What we know after being told: gaps are filled; only the customer's own account corrects."""
    first, second = (told, known) if is_authoritative else (known, told)
    return Details(
        first_name=first.first_name or second.first_name,
        last_name=first.last_name or second.last_name,
        locale=first.locale or second.locale,
        country=first.country or second.country,
        city=first.city or second.city,
        birthday=first.birthday or second.birthday,
        gender=first.gender or second.gender,
        timezone=first.timezone or second.timezone,
        currency=first.currency or second.currency,
    )


def is_stale(last_seen_at: datetime, at: datetime, *, seconds: int = 600) -> bool:
    """True when a contact at this time is worth writing down as the latest one."""
    return (at - last_seen_at).total_seconds() > seconds
