"""Short signed names of messages: for plus-addresses and links, made by us alone, valid for ever.

A token says what it is for and which message it is about. It fits into the local part of an address
beside a usual mailbox name (RFC 5321 allows 64 characters) and survives being written in capitals.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable
from typing import Final, Literal
from uuid import UUID

Use = Literal["bounce", "reply", "track", "unsubscribe"]

_LETTERS: Final[dict[Use, str]] = {"bounce": "b", "reply": "r", "track": "t", "unsubscribe": "u"}
_TOKEN: Final = re.compile(r"\A([brtu])([a-z2-7]{26})([a-z2-7]{16})\Z")
_LONGEST_LOCAL_PART: Final = 64
_ALPHABET: Final = "abcdefghijklmnopqrstuvwxyz234567"
_PAIRS: Final = [first + second for first in _ALPHABET for second in _ALPHABET]
_SHIFTS: Final = range(120, -1, -10)
_SIGNATURE_SHIFTS: Final = range(70, -1, -10)


def token(uuid: UUID, *, use: Use, key: bytes) -> str:
    """The token of a message for one use: 43 letters and digits in lower case."""
    identity = _base32(uuid.int << 2, _SHIFTS)
    return f"{_LETTERS[use]}{identity}{_signature(_LETTERS[use] + identity, key)}"


def uuid_of(text: str, *, use: Use, keys: Iterable[bytes]) -> UUID | None:
    """The message a token is about, when one of the keys made it for this use; None otherwise."""
    match = _TOKEN.match(text.strip().lower())
    if match is None or match[1] != _LETTERS[use]:
        return None
    signed = match[1] + match[2]
    if not any(hmac.compare_digest(_signature(signed, key), match[3]) for key in keys):
        return None
    return UUID(bytes=base64.b32decode(match[2].upper() + "======"))


def plus_address(address: str, token: str) -> str | None:
    """The address with the token behind a plus; None when that would be too long for a mail server."""
    local, _, domain = address.rpartition("@")
    tagged = f"{local.partition('+')[0]}+{token}"
    return f"{tagged}@{domain}" if len(tagged) <= _LONGEST_LOCAL_PART else None


def envelope_sender(address: str, uuid: UUID, *, key: bytes) -> str:
    """Where a bounce of this message goes so that it names the message (VERP); at worst the address."""
    return plus_address(address, token(uuid, use="bounce", key=key)) or address


def plus_token(address: str) -> str:
    """What stands behind the plus of an address, or ""."""
    return address.rpartition("@")[0].partition("+")[2]


def _signature(text: str, key: bytes) -> str:
    digest = hashlib.blake2b(text.encode(), key=key, digest_size=10, person=b"mail-token")
    return _base32(int.from_bytes(digest.digest()), _SIGNATURE_SHIFTS)


def _base32(number: int, shifts: Iterable[int]) -> str:
    """In the alphabet of RFC 4648, ten bits at a time, which is faster than the library."""
    return "".join([_PAIRS[number >> shift & 1023] for shift in shifts])
