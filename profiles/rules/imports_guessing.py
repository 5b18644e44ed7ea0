"""Which field a column is likely to hold, by its title (English, French, German) and its values."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence

from profiles.rules import identity
from profiles.rules.imports import ATTRIBUTE, REPEATABLE
from profiles.rules.imports_cells import DAY_FIRST, MONTH_FIRST, YEAR_FIRST

# Titles as `_plain` writes them: small letters without accents, words divided by one space.
TITLES: Mapping[str, frozenset[str]] = {
    field: frozenset(text.split("|"))
    for field, text in {
        identity.EMAIL: "email|e mail|mail|email address|e mail address|mail address|adresse email"
        "|adresse e mail|adresse mail|courriel|adresse electronique|e mail adresse|emailadresse"
        "|customer email|email client",
        identity.PHONE: "phone|phone number|telephone|telephone number|mobile|mobile phone|cell"
        "|tel|portable|numero de telephone|telephone portable|telephone mobile|gsm|telefon"
        "|telefonnummer|handy|handynummer|mobil|mobiltelefon|rufnummer|customer phone",
        identity.CUSTOMER_ID: "customer id|customer number|customer no|id customer|client id|id"
        "|external id|id client|numero client|numero de client|no client|n client|n de client"
        "|code client|reference client"
        "|kundennummer|kunden nr|kundennr|kunden id|customer reference|user id",
        "first_name": "first name|firstname|given name|forename|prenom|vorname",
        "last_name": "last name|lastname|surname|family name|name|nom|nom de famille|nachname"
        "|familienname|zuname",
        "locale": "language|locale|lang|langue|sprache",
        "country": "country|country code|pays|code pays|land|landercode|landeskurzel|nation",
        "birthday": "birthday|birth date|birthdate|date of birth|dob|date de naissance|naissance"
        "|ne le|anniversaire|geburtsdatum|geburtstag|geboren am",
        "gender": "gender|sex|title|salutation|genre|sexe|civilite|geschlecht|anrede",
        "timezone": "time zone|timezone|fuseau horaire|zeitzone",
        "currency": "currency|devise|monnaie|wahrung",
        "company": "company|company name|organisation|organization|societe|entreprise|raison sociale"
        "|firma|unternehmen",
        "line1": "address|address 1|address line 1|street|street address|adresse|adresse 1"
        "|rue|voie|strasse|strasse und hausnummer|anschrift|address1",
        "line2": "address 2|address line 2|apartment|complement|complement d adresse|adresse 2"
        "|adresszusatz|zusatz|address2",
        "postcode": "postcode|post code|postal code|zip|zip code|code postal|cp|plz|postleitzahl",
        "city": "city|town|ville|localite|commune|ort|stadt|wohnort",
        "region": "region|state|province|county|departement|bundesland|kanton|canton",
        "tags": "tags|tag|labels|label|etiquettes|etiquette|mots cles|schlagworter|schlagwort|groups"
        "|groupes|gruppen",
        "consent:email": "newsletter|email consent|email marketing|accepts email marketing"
        "|accepts marketing|marketing consent|consentement|consentement email|opt in|optin|optin email"
        "|email optin|abonne|abonne newsletter|subscribed|einwilligung|newsletter einwilligung"
        "|werbeeinwilligung",
        "consent:sms": "sms consent|sms marketing|accepts sms marketing|consentement sms|optin sms"
        "|sms optin|sms|sms einwilligung",
        "consent:phone": "phone consent|consentement telephone|telefoneinwilligung",
        "consent:post": "post consent|postal consent|consentement courrier|posteinwilligung",
    }.items()
}
ENOUGH = 0.8
_MONTHS = 12
_LONGEST_MONTH = 31
_OPEN = "either"
_WORD = re.compile(r"[a-z0-9]+")
_DIGITS = re.compile(r"^[+(]?[\d\s.\-()/]{8,20}$", re.ASCII)
_TIME = r"(?:[ T]\d{1,2}:\d{2}.*)?$"
_YEAR_BEFORE = re.compile(rf"^\d{{4}}[./\-\s]\d{{1,2}}[./\-\s]\d{{1,2}}{_TIME}", re.ASCII)
_YEAR_BEHIND = re.compile(rf"^(\d{{1,2}})[./\-\s](\d{{1,2}})[./\-\s]\d{{4}}{_TIME}", re.ASCII)
_PARTS = re.compile(r"^(\d{1,4})[./\-\s](\d{1,2})[./\-\s](\d{1,4})", re.ASCII)


def guess(
    header: Sequence[str], samples: Sequence[Sequence[str]], *, custom: Mapping[str, str]
) -> list[str]:
    """A field for each column, empty where nothing fits; `custom` names attributes: key and label.

    A title counts more than values, and the first column that fits more than a later one.
    """
    found = [_by_title(title, custom) for title in header]
    found = _each_once(found)
    for column, name in enumerate(found):
        if not name:
            values = [row[column] for row in samples if row[column]]
            guessed = _by_values(values)
            found[column] = guessed if guessed and guessed not in found else ""
    return found


def date_order(samples: Sequence[Sequence[str]]) -> str:
    """In which order days are written, as far as the values tell; else the day comes first.

    Days which begin with the year say nothing of how others are to be read.
    """
    found = Counter(_order_of(cell) for row in samples for cell in row)
    if found[DAY_FIRST] or found[MONTH_FIRST]:
        return MONTH_FIRST if found[MONTH_FIRST] > found[DAY_FIRST] else DAY_FIRST
    return YEAR_FIRST if found[YEAR_FIRST] and not found[_OPEN] else DAY_FIRST


def _order_of(cell: str) -> str:
    """What one cell tells; empty when it is no day."""
    if _YEAR_BEFORE.match(cell):
        return YEAR_FIRST
    parts = _YEAR_BEHIND.match(cell)
    if not parts:
        return ""
    first, middle = (int(part) for part in parts.groups())
    if max(first, middle) > _LONGEST_MONTH or min(first, middle) > _MONTHS:
        return ""
    if first <= _MONTHS and middle <= _MONTHS:
        return _OPEN
    return DAY_FIRST if first > _MONTHS else MONTH_FIRST


def _by_title(title: str, custom: Mapping[str, str]) -> str:
    plain = _plain(title)
    for key, label in custom.items():
        if plain in {_plain(key), _plain(label)}:
            return f"{ATTRIBUTE}{key}"
    return next((field for field, titles in TITLES.items() if plain in titles), "")


def _each_once(found: Sequence[str]) -> list[str]:
    seen: set[str] = set()
    once = []
    for name in found:
        is_again = name in seen and name not in REPEATABLE
        once.append("" if is_again else name)
        seen.add(name)
    return once


def _by_values(values: Sequence[str]) -> str:
    if not values:
        return ""
    emails = sum(1 for value in values if identity.normalise_email(value))
    if emails >= len(values) * ENOUGH:
        return identity.EMAIL
    phones = sum(1 for value in values if _DIGITS.match(value) and value[:1] in "+0")
    if phones >= len(values) * ENOUGH and not any(_PARTS.match(value) for value in values):
        return identity.PHONE
    return ""


def _plain(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.replace("ß", "ss").replace("_", " ").casefold())
    letters = "".join(char for char in decomposed if not unicodedata.combining(char))
    return " ".join(_WORD.findall(letters))
