"""API keys in the Authorization header."""

from __future__ import annotations

import base64
import binascii
import hashlib
import time

from allauth.core.internal.httpkit import get_client_ip
from django.contrib.auth.models import AnonymousUser
from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from company import services
from company.types import ApiKeyInfo
from ecrm.kernel import cache

REALM = 'Bearer realm="api"'
WINDOW_SECONDS = 60
FAILURES_PER_KEY = 20
FAILURES_PER_ADDRESS = 300


class InvalidKey(exceptions.AuthenticationFailed):
    """The key is unknown, revoked or expired; the answer does not say which."""

    default_code = "invalid_token"


class TooManyFailures(exceptions.Throttled):
    """The address has tried too many keys which do not work."""

    default_code = "too_many_failures"


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer <key>` (RFC 6750), or Basic with the key as the user.

    A valid key costs a query each second; `request.auth` becomes ApiKeyInfo and `request.user` is anonymous.
    """

    def authenticate(self, request: Request) -> tuple[AnonymousUser, ApiKeyInfo] | None:
        """The key's facts, None without a header. Raises InvalidKey, TooManyFailures."""
        given = self.key_in(request)
        if given is None:
            return None
        key = services.recognise_api_key(given)
        if key is None:
            _count_failure(request, given)
            raise InvalidKey("The API key is not valid.")
        return AnonymousUser(), key

    def key_in(self, request: Request) -> str | None:
        """The key as it was given, None without one.

        A view with a method `find_key(request)` is asked where there is no header.
        """
        given = _key_in(request.headers.get("Authorization", ""))
        find = getattr((request.parser_context or {}).get("view"), "find_key", None)
        return find(request) if given is None and find else given

    def authenticate_header(self, request: Request) -> str:
        """RFC 6750: no error code when no key was given, invalid_token when it was of no use."""
        if self.key_in(request) is None:
            return REALM
        return f'{REALM}, error="invalid_token"'


def _key_in(header: str) -> str | None:
    scheme, _space, value = header.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            return ""
    return None


def _count_failure(request: Request, given: str) -> None:
    """Count it by address with key and by address alone; raise TooManyFailures beyond a limit.

    A key that works is never refused: 256 random bits can't be guessed, and a shop must not suffer
    from a forgotten program behind the same address.
    """
    address = get_client_ip(request) or "unknown"
    fingerprint = hashlib.sha256(given.encode()).hexdigest()[:16]
    for counter, limit in (
        (f"api-key-failures:{address}:{fingerprint}", FAILURES_PER_KEY),
        (f"api-key-failures:{address}", FAILURES_PER_ADDRESS),
    ):
        if cache.count(counter, seconds=WINDOW_SECONDS, at=time.time()) > limit:
            raise TooManyFailures(wait=WINDOW_SECONDS)
