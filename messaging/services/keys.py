"""The keys that sign our Message-IDs: one per secret key, the former ones still understood."""

from __future__ import annotations

import hashlib

from django.conf import settings


def signing_key() -> bytes:
    """The key for new Message-IDs."""
    return _derived(settings.SECRET_KEY)


def accepted_keys() -> list[bytes]:
    """The keys whose Message-IDs we recognise, newest first."""
    return [_derived(secret) for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)]


def _derived(secret: str) -> bytes:
    return hashlib.sha256(b"messaging.message-id:" + secret.encode()).digest()
