"""Message-IDs that only we can have made, so that an answer to one proves which message it answers."""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Iterable
from typing import Final
from uuid import UUID

_OURS: Final = re.compile(r"\A<([0-9a-f]{32})\.([a-z2-7]{16})@[^<>@\s]{1,190}>\Z")
_ID: Final = re.compile(r"<[^<>\s]{1,300}>")
_BARE: Final = re.compile(r"[^<>@\s\"(),:;]{1,150}@[^<>@\s\"(),:;]{1,100}\Z")
_GAPPED: Final = re.compile(r"<([^<>]{1,250})>")
LONGEST_ID: Final = 250
MOST_REFERENCES: Final = 50


def message_id(uuid: UUID, *, domain: str, key: bytes) -> str:
    """The Message-ID of a message: the same at each attempt, unguessable for others."""
    return f"<{uuid.hex}.{_signature(uuid.hex, key)}@{domain}>"


def uuid_of(header: str, *, keys: Iterable[bytes]) -> UUID | None:
    """The message that this Message-ID names, or None when we did not make it."""
    match = _OURS.match(header.strip())
    if match is None:
        return None
    identity, signature = match.groups()
    if any(hmac.compare_digest(_signature(identity, key), signature) for key in keys):
        return UUID(identity)
    return None


def ids_in(header: str) -> list[str]:
    """The Message-IDs in a header, in order and each once; brackets may be missing or have gaps."""
    found = (
        _ID.findall(header)
        or ["<" + "".join(gapped.split()) + ">" for gapped in _GAPPED.findall(header)]
        or [word for word in header.split() if _BARE.match(word)]
    )
    ids = list(dict.fromkeys(match for match in found if len(match) <= LONGEST_ID))
    return ids if len(ids) <= MOST_REFERENCES else [ids[0], *ids[1 - MOST_REFERENCES :]]


def _signature(identity: str, key: bytes) -> str:
    digest = hmac.digest(key, identity.encode(), "sha256")
    return base64.b32encode(digest[:10]).decode().lower()
