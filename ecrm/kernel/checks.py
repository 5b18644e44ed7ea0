"""Combinations of settings that would be a mistake; Django refuses to start with them."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from django.conf import settings
from django.core.checks import CheckMessage, Error, register

LOCAL_HOSTS = {"localhost", "127.0.0.1", "::1"}
SHORTEST_SECRET = 50


@register()
def settings_fit_together(**_kwargs: Any) -> list[CheckMessage]:
    """The mistakes found, each with what to do about it."""
    found: list[CheckMessage] = []
    if len(settings.SECRET_KEY) < SHORTEST_SECRET:
        found.append(
            Error(
                "ECRM_SECRET_KEY is missing or too short.",
                hint=f"Set it to at least {SHORTEST_SECRET} random characters.",
                id="ecrm.E001",
            )
        )
    if settings.ECRM_DEMO and urlsplit(settings.ECRM_BASE_URL).hostname not in LOCAL_HOSTS:
        found.append(
            Error(
                "Demo mode is on for a public address.",
                hint="Demo logins and the demo mailbox are public: unset ECRM_DEMO.",
                id="ecrm.E002",
            )
        )
    if any(not _is_fernet_key(key) for key in settings.ECRM_FIELD_KEYS):
        found.append(
            Error(
                "ECRM_FIELD_KEYS holds something that is no Fernet key.",
                hint="A key is 32 random bytes in URL-safe base64.",
                id="ecrm.E003",
            )
        )
    return found


def _is_fernet_key(key: str) -> bool:
    try:
        Fernet(key)
    except ValueError:
        return False
    return True
