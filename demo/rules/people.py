"""Who the customers are: the nth person of a seed is always the same one."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from demo.rules.brand import Brand, Shop

ENGLISH_SHARE = 0.05
GERMAN_IN_SWITZERLAND = 0.52
MARKETING_SHARE = 0.45
PHONE_SHARE = 0.6
# Letters whose plain form is not what is left without the accent.
_PLAIN = {"ß": "ss", "ä": "ae", "ö": "oe", "ü": "ue", "ı": "i", "œ": "oe", "æ": "ae", "ø": "o"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """A customer as his shop knows him."""

    number: int
    first_name: str
    last_name: str
    email: str
    phone: str
    language: str
    shop: str
    country: str
    line1: str
    postcode: str
    city: str
    accepts_marketing: bool

    @property
    def customer_id(self) -> str:
        """The number the shop gave him."""
        return f"C{10_001 + self.number}"

    @property
    def locale(self) -> str:
        """Language and country, such as fr-CH."""
        return f"{self.language}-{self.country}"


class Crowd:
    """The people of a seed, made one after the other so that no two share an address."""

    def __init__(self, brand: Brand, seed: int) -> None:
        self._brand = brand
        self._seed = seed
        self._people: list[Person] = []
        self._addresses: dict[str, int] = {}

    def slice(self, first: int, count: int) -> list[Person]:
        """So many people from this one on."""
        while len(self._people) < first + count:
            self._people.append(self._next(len(self._people)))
        return self._people[first : first + count]

    def _next(self, number: int) -> Person:
        chance = Random(f"{self._seed}:person:{number}")
        shop = chance.choices(self._brand.shops, weights=[s.share for s in self._brand.shops])[0]
        region, language = _region(shop, chance)
        names = self._brand.regions[region]
        first_name = chance.choice(names["women"] if chance.random() < 0.62 else names["men"])
        last_name = chance.choice(names["surnames"])
        postcode, _space, city = chance.choice(names["towns"]).partition(" ")
        street, house = chance.choice(names["streets"]), chance.randint(1, 98)
        return Person(
            number=number,
            first_name=first_name,
            last_name=last_name,
            email=self._address(first_name, last_name, chance.choice(names["mail_domains"])),
            phone=_phone(number, names["phones"]) if chance.random() < PHONE_SHARE else "",
            language="en" if chance.random() < ENGLISH_SHARE else language,
            shop=shop.slug,
            country=shop.market,
            line1=_line(street, house, region),
            postcode=postcode,
            city=city,
            accepts_marketing=chance.random() < MARKETING_SHARE,
        )

    def _address(self, first_name: str, last_name: str, domain: str) -> str:
        local = f"{plain(first_name)}.{plain(last_name)}"
        count = self._addresses[f"{local}@{domain}"] = (
            self._addresses.get(f"{local}@{domain}", 0) + 1
        )
        return f"{local}@{domain}" if count == 1 else f"{local}{count}@{domain}"


def plain(name: str) -> str:
    """A name as it stands in addresses: small Latin letters and hyphens."""
    text = "".join(_PLAIN.get(char, char) for char in name.lower())
    text = unicodedata.normalize("NFKD", text)
    kept = (char for char in text if char.isascii() and (char.isalnum() or char in "- '"))
    return "".join(kept).replace(" ", "-").replace("'", "")


def _region(shop: Shop, chance: Random) -> tuple[str, str]:
    if shop.market == "CH":
        language = "de" if chance.random() < GERMAN_IN_SWITZERLAND else "fr"
        return f"ch-{language}", language
    return shop.languages[0], shop.languages[0]


def _line(street: str, house: int, region: str) -> str:
    """Street and number as they are written there: in France the number comes first."""
    return f"{house} {street}" if region == "fr" else f"{street[0].upper()}{street[1:]} {house}"


def _phone(number: int, patterns: Sequence[str]) -> str:
    """The nth number of the ranges reserved for fiction; empty when they are used up."""
    for pattern in patterns:
        digits = pattern.count("#")
        if number < 10**digits:
            return pattern.rstrip("#") + str(number).zfill(digits)
        number -= 10**digits
    return ""


def weights(people: Sequence[Person], chance: Random) -> list[float]:
    """How much each buys compared with the others: most a little, a few a lot, some nothing."""
    return [0.0 if chance.random() < 0.12 else chance.lognormvariate(0, 0.9) for _person in people]
