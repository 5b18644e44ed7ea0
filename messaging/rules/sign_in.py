"""OAuth 2 for mailboxes: the addresses of the great providers, and what is said to them.

Authorisation code with PKCE (RFC 6749, RFC 7636) and the SASL mechanism XOAUTH2.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import quote, urlencode, urlsplit

GOOGLE: Final = "google"
MICROSOFT: Final = "microsoft"
ANY_TENANT: Final = "organizations"


@dataclass(frozen=True, kw_only=True, slots=True)
class Shape:
    """Where a provider lets people sign in and hands out tokens, and for what."""

    authorize_url: str
    token_url: str
    scope: str
    extras: tuple[tuple[str, str], ...] = ()


_GOOGLE: Final = Shape(
    authorize_url="https://accounts.google.com/o/oauth2/v2/auth",
    token_url="https://oauth2.googleapis.com/token",  # noqa: S106 - an address
    scope="https://mail.google.com/",
    extras=(("access_type", "offline"), ("prompt", "consent")),
)
_MICROSOFT: Final = Shape(
    authorize_url="https://login.microsoftonline.com/TENANT/oauth2/v2.0/authorize",
    token_url="https://login.microsoftonline.com/TENANT/oauth2/v2.0/token",  # noqa: S106 - an address
    scope="https://outlook.office.com/IMAP.AccessAsUser.All offline_access",
    extras=(("prompt", "select_account"),),
)


def shape(
    provider: str,
    *,
    tenant: str = "",
    authorize_url: str = "",
    token_url: str = "",
    scope: str = "",
) -> Shape:
    """The addresses of a provider; those of an unknown one as they were given."""
    if provider == GOOGLE:
        return _GOOGLE
    if provider == MICROSOFT:
        place = quote(tenant or ANY_TENANT, safe="")
        return replace(
            _MICROSOFT,
            authorize_url=_MICROSOFT.authorize_url.replace("TENANT", place),
            token_url=_MICROSOFT.token_url.replace("TENANT", place),
        )
    return Shape(authorize_url=authorize_url, token_url=token_url, scope=scope)


def challenge(verifier: str) -> str:
    """What the provider is shown of the verifier before it sees the verifier itself (S256)."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def authorization_url(
    place: Shape, *, client_id: str, redirect_uri: str, state: str, verifier: str, login_hint: str
) -> str:
    """The page of the provider on which the owner of the mailbox says yes."""
    asked = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "scope": place.scope,
        "state": state,
        "code_challenge": challenge(verifier),
        "code_challenge_method": "S256",
        "login_hint": login_hint,
        **dict(place.extras),
    }
    joint = "&" if urlsplit(place.authorize_url).query else "?"
    return f"{place.authorize_url}{joint}{urlencode({k: v for k, v in asked.items() if v})}"


def code_request(
    *, code: str, verifier: str, redirect_uri: str, client_id: str, client_secret: str
) -> bytes:
    """What turns the code of the redirect into tokens."""
    return _body(
        grant_type="authorization_code",
        code=code,
        code_verifier=verifier,
        redirect_uri=redirect_uri,
        client_id=client_id,
        client_secret=client_secret,
    )


def refresh_request(*, refresh_token: str, scope: str, client_id: str, client_secret: str) -> bytes:
    """What gives a new access token."""
    return _body(
        grant_type="refresh_token",
        refresh_token=refresh_token,
        scope=scope,
        client_id=client_id,
        client_secret=client_secret,
    )


def xoauth2(username: str, access_token: str) -> bytes:
    """The first answer of SASL XOAUTH2. Raises ValueError for what would forge its parts."""
    for part in (username, access_token):
        if any(ord(letter) < ord(" ") for letter in part):
            raise ValueError("control characters in a user name or token")
    return f"user={username}\x01auth=Bearer {access_token}\x01\x01".encode()


def _body(**asked: str) -> bytes:
    return urlencode({name: value for name, value in asked.items() if value}).encode()
