"""Forms on websites, shop systems and market places that pass on what a person wrote.

Such a mail comes from the program; whom to answer stands in Reply-To, and, as forms do, once more in the
words. A newsletter that wants its answers elsewhere does not repeat that address as the one of a visitor.
"""

from __future__ import annotations

import re
from typing import Final

from messaging.mime import addresses, limits
from messaging.mime.addresses import Address
from messaging.mime.headers import Headers
from messaging.mime.sender import Sender

_GENERAL: Final = frozenset({"co", "com", "net", "org", "gov", "edu", "ac", "or", "ne", "gouv"})
"""Labels below which organisations have their names in some countries: `example.co.uk`."""
_BEFORE: Final = re.compile(r"[\w.+%-]\Z")
_AFTER: Final = re.compile(r"[\w-]|\.\w")


def author(headers: Headers, sender: Sender, *, text: str) -> Address | None:
    """Who wrote what a program passes on, or None when the sender himself did."""
    values = headers.all("reply-to")
    if len(values) != 1:
        return None
    found = addresses.parse(values[0])
    if found.defects or len(found.mailboxes) != 1:
        return None
    person = found.mailboxes[0]
    if not person.address or _organisation(person) == _organisation(sender.mailbox):
        return None
    return person if _stands_in(text[: limits.QUOTE_SEARCH].lower(), person.address) else None


def _organisation(mailbox: Address) -> str:
    labels = mailbox.address.rpartition("@")[2].split(".")
    length = 3 if len(labels) > 2 and labels[-2] in _GENERAL else 2  # noqa: PLR2004 - name and country
    return ".".join(labels[-length:])


def _stands_in(text: str, address: str) -> bool:
    at = text.find(address)
    while at >= 0:
        end = at + len(address)
        if not _BEFORE.search(text[:at][-1:]) and not _AFTER.match(text[end : end + 2]):
            return True
        at = text.find(address, end)
    return False
