"""The keys that sign our Message-IDs and prove calls: one per secret key, the former still understood."""

from __future__ import annotations

import hashlib
import hmac

from django.conf import settings


def signing_key() -> bytes:
    """The key for new Message-IDs."""
    return _derived(settings.SECRET_KEY)


def accepted_keys() -> list[bytes]:
    """The keys whose Message-IDs we recognise, newest first."""
    return [_derived(secret) for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)]


def hook_keys(name: str) -> tuple[str, ...]:
    """What the caller of a webhook shows that cannot sign, newest first: one key per name."""
    return tuple(
        hmac.new(key, f"hook:{name}".encode(), "sha256").hexdigest()[:40] for key in accepted_keys()
    )


def _derived(secret: str) -> bytes:
    return hashlib.sha256(b"messaging.message-id:" + secret.encode()).digest()
