"""Numbers of telephones to which SMS go."""

from __future__ import annotations

import phonenumbers


def e164(text: str, *, market: str) -> str | None:
    """The number as `+33612345678`, read as one of the market's country; None when it is none."""
    try:
        number = phonenumbers.parse(text[:60], market)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
