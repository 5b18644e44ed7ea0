"""Secrets at rest: Fernet with key rotation."""

from __future__ import annotations

import base64
import hashlib
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


class Undecipherable(Exception):
    """The stored secret was encrypted with a key that is no longer in ECRM_FIELD_KEYS."""


def encrypt(text: str) -> str:
    """A token that only `decrypt` can read, encrypted with the newest key."""
    return _box().encrypt(text.encode()).decode()


def decrypt(token: str) -> str:
    """The secret. Raises Undecipherable."""
    try:
        return _box().decrypt(token.encode()).decode()
    except InvalidToken as error:
        raise Undecipherable from error


@lru_cache(maxsize=1)
def _box() -> MultiFernet:
    keys = settings.ECRM_FIELD_KEYS or [_key_from_secret()]
    return MultiFernet([Fernet(key) for key in keys])


def _key_from_secret() -> str:
    digest = hashlib.sha256(b"ecrm-field-key:" + settings.SECRET_KEY.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode()
