"""Whether a From header says, without doubt, one thing."""

from __future__ import annotations

from dataclasses import dataclass

from messaging.mime import addresses
from messaging.mime.addresses import Address
from messaging.mime.headers import Headers


@dataclass(frozen=True, slots=True)
class Sender:
    """Who claims to write. Only a sound sender may ever be matched to a customer."""

    mailbox: Address
    is_sound: bool
    defects: list[str]


def of(headers: Headers) -> Sender:
    """The sender, with `from_…` defects when two readers could understand the header differently."""
    values = headers.all("from")
    if not values:
        return Sender(mailbox=Address("", ""), is_sound=False, defects=["from_missing"])
    found = addresses.parse(values[0])
    defects = [f"from_{defect}" for defect in found.defects]
    if len(values) > 1:
        defects.append("from_repeated")
    if len(found.mailboxes) > 1:
        defects.append("from_several")
    # "Muster, Anna <anna@…>" without quotes: what has an address is who wrote.
    named = [person for person in found.mailboxes if person.address] or found.mailboxes
    mailbox = named[0] if named else Address("", "")
    if not mailbox.address and "from_invalid_address" not in defects:
        defects.append("from_invalid_address")
    return Sender(mailbox=mailbox, is_sound=not defects, defects=defects)
